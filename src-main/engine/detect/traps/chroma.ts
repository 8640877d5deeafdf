import { finding, type Trap } from './trap.ts'

/**
 * A volume mounted where this version of Chroma does not write: it stays empty, and the data is in the
 * container. Images before 1.0 write to `/chroma/chroma`, later ones to `/data`.
 */
export const chromaPath: Trap = view =>
  view.stores
    .filter(each => each.store.id === 'chroma' && each.data.length === 0)
    .flatMap(({ container, store }) => {
      const directory = store.directoryOf?.(container) ?? ''
      const wrong = view.mounts.find(mount =>
        mount.users.some(
          user => user.container.id === container.id && store.dataDirectories.includes(user.target),
        ),
      )
      if (wrong === undefined) return []
      const target = wrong.users.find(user => user.container.id === container.id)?.target ?? ''
      return [
        finding(
          'critical',
          'chroma-path',
          wrong.id,
          `${container.service} (${container.image}) writes to ${directory}, but ${wrong.id} is mounted at ${target}: its data is on no volume and is lost when the container is made anew.`,
          `Mount the volume at ${directory}: first copy what is in the container there into it with docker cp, then change the Compose file.`,
        ),
      ]
    })
