import { databaseById } from '../databases/index.ts'
import type { Manifest } from '../store/manifest.ts'
import { restoreGuide } from '../store/restore-guide.ts'

/** The text of RESTORE.md for a snapshot; each driver writes the part on its servers. */
export function guideFor(manifest: Manifest, helperImage: string | null): string {
  const dumped = manifest.items.filter(
    each => each.kind === 'database' && each.method === 'dump' && each.outcome === 'complete',
  )
  const services = [...new Set(dumped.map(each => each.service))].filter(each => each !== null)
  const databases = services.flatMap(service => {
    const own = dumped.filter(each => each.service === service)
    const engine = databaseById(own[0]?.engine ?? '')
    const server = manifest.stack.services.find(each => each.name === service)
    if (engine === null || server === undefined) return []
    const isShared = (path: string): boolean =>
      manifest.artifacts.some(each => each.path === path && each.item === `database:${service}/*`)
    const text = engine.restoreGuide({
      service,
      containerName: server.containerName,
      databases: own.map(each => ({
        name: each.source,
        files: each.artifacts.filter(path => !isShared(path)),
        facts: each.facts,
      })),
      sharedFiles: [...new Set(own.flatMap(each => each.artifacts.filter(isShared)))],
    })
    return [{ service, text }]
  })
  return restoreGuide({ manifest, databases, helperImage })
}
