import { composeLabels, swarmLabels } from '../compose-labels.ts'
import { isAnonymous } from '../mounts.ts'
import { finding, type Trap } from './trap.ts'

/** A volume that is taken though nothing is in it: perhaps the program writes elsewhere. */
export const emptyVolume: Trap = (view, rows) =>
  view.mounts.flatMap(mount => {
    const row = rows.find(each => each.id === mount.id)
    if (row?.decision !== 'include' || view.factsOf(mount)?.empty !== true) return []
    const user = mount.users.find(each => !each.readOnly) ?? mount.users[0]
    const isData =
      view.servers.some(each => each.data?.mount === mount) ||
      view.stores.some(each => each.data.includes(mount))
    const where =
      user === undefined ? '' : ` (${user.container.service} mounts it at ${user.target})`
    return [
      finding(
        isData ? 'critical' : 'warning',
        'empty-volume',
        mount.id,
        `${mount.id} is empty${where}: a copy of it holds nothing.`,
        user === undefined
          ? 'If it is no longer needed, leave it out.'
          : `If ${user.container.service} has data, it writes to another place: look for it in the container.`,
      ),
    ]
  })

/** A volume that belongs to another stack or that was made by hand. */
export const externalVolume: Trap = (view, rows) =>
  view.facts.group.volumes.flatMap(volume => {
    const mount = view.mounts.find(each => each.source === volume.name && each.type === 'volume')
    if (mount === undefined || mount.users.length === 0 || isAnonymous(mount, view.facts.group))
      return []
    if (rows.find(each => each.id === mount.id)?.decision !== 'include') return []
    const { kind, name } = view.facts.group
    const owner = volume.labels[composeLabels.project] ?? volume.labels[swarmLabels.namespace]
    if (kind === 'standalone' || owner === name) return []
    return [
      finding(
        'info',
        'external-volume',
        mount.id,
        owner === undefined
          ? `${mount.id} was not made by this stack (external): docker compose down -v keeps it, and a new host does not have it.`
          : `${mount.id} was made by the stack ${owner} and is used here too.`,
        'It is backed up with this stack like its own volumes.',
      ),
    ]
  })

/** A volume that nobody named. */
export const anonymousVolume: Trap = (view, rows) =>
  view.mounts
    .filter(mount => mount.users.length > 0 && isAnonymous(mount, view.facts.group))
    .flatMap(mount => {
      const row = rows.find(each => each.id === mount.id)
      const user = mount.users.find(each => !each.readOnly) ?? mount.users[0]
      if (row?.decision !== 'include' || user === undefined) return []
      // An image may declare folders that a stack never uses: an empty one is no cause for alarm.
      if (view.factsOf(mount)?.empty === true && row.method === 'copy') return []
      return [
        finding(
          'warning',
          'anonymous-volume',
          mount.id,
          `${user.container.service} keeps ${user.target} on a volume without a name: it is left behind when the container is made anew with other settings, and docker compose down -v removes it.`,
          `Give it a name in the Compose file (NAME:${user.target}) after a backup.`,
        ),
      ]
    })

/** A volume that is kept on another machine. */
export const networkVolume: Trap = (view, rows) =>
  view.facts.group.volumes.flatMap(volume => {
    const id = `volume:${volume.name}`
    if (rows.find(each => each.id === id)?.decision !== 'include') return []
    const type = volume.options['type'] ?? ''
    const remote = /^(?:nfs4?|cifs|smb3?|sshfs|davfs|glusterfs|ceph)$/i.test(type)
    if (!remote && volume.driver === 'local') return []
    const kept = remote ? `on another machine (${type})` : `by the volume driver ${volume.driver}`
    return [
      finding(
        'info',
        'network-volume',
        id,
        `${id} is kept ${kept}: it is read over the network, and programs elsewhere may write to it meanwhile.`,
        'Leave it out if the other machine has its own backup.',
      ),
    ]
  })

/** Something that a running container of another stack writes to: nobody keeps that one quiet. */
export const sharedWithOthers: Trap = (_view, rows) =>
  rows.flatMap(row => {
    const others = row.writers.filter(writer => writer.includes('/'))
    if (row.decision !== 'include' || others.length === 0 || row.kind === 'sqlite') return []
    return [
      finding(
        'warning',
        'shared-with-other-stack',
        row.id,
        `${others.join(', ')} of another stack can write to ${row.id} while it is copied.`,
        'Back it up with one stack only, and mount it read-only where that is enough.',
      ),
    ]
  })
