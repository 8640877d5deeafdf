import { endedOn } from '../end-of-life.ts'
import { storeLabel } from '../stores.ts'
import { finding, type Trap } from './trap.ts'

/** A server that cannot be dumped: the copy of its files is second best, and the user should know. */
export const undumpedServer: Trap = view =>
  view.servers
    .filter(each => !each.dumped && each.container.state === 'running')
    .map(each =>
      finding(
        'warning',
        'no-dump',
        `database:${each.container.service}/*`,
        `The databases of ${each.container.service} cannot be dumped: ${each.probe.problem ?? 'unknown reason'}`,
        'Until that is put right its files are copied while it is stopped: a crash-safe copy, not a dump.',
      ),
    )

/** What the drivers themselves found. */
export const driverFindings: Trap = view =>
  view.servers.flatMap(each => each.probe.facts?.findings ?? [])

/** A version that gets no more fixes. */
export const endOfLife: Trap = view =>
  view.servers.flatMap(each => {
    const version = each.probe.facts?.version ?? ''
    const day = endedOn(each.detected.engine, version, view.facts.takenAt)
    return day === null
      ? []
      : [
          finding(
            'info',
            'database-end-of-life',
            `database:${each.container.service}/*`,
            `${each.container.service} runs ${storeLabel(each.detected.engine)} ${version}, which gets no fixes since ${day}.`,
            'Plan an upgrade; a backup right before it is a good start.',
          ),
        ]
  })

/** A whole database server's files inside the volume of another program. */
export const embeddedDatabase: Trap = (view, rows) =>
  view.mounts.flatMap(mount => {
    const row = rows.find(each => each.id === mount.id)
    const [first] = view.factsOf(mount)?.signatures ?? []
    const known =
      view.servers.some(each => each.data?.mount === mount || each.below.includes(mount)) ||
      view.stores.some(each => each.data.includes(mount))
    if (
      first === undefined ||
      known ||
      row?.decision !== 'include' ||
      row.method !== 'stopped-copy'
    )
      return []
    return [
      finding(
        'info',
        'embedded-database',
        mount.id,
        `${mount.id} holds the files of a ${storeLabel(first.store)} database (${first.path}) that runs inside ${row.service ?? 'a container'}.`,
        'It cannot be dumped from outside: its files are copied while the service is stopped.',
      ),
    ]
  })

/** An SQLite file that is bound by itself: its log then lies in the container's own layer. */
export const loneSqlite: Trap = (view, rows) =>
  view.mounts
    .filter(mount => mount.type === 'bind' && view.factsOf(mount)?.type === 'file')
    .filter(mount => rows.some(row => row.id === `sqlite:${mount.source}`))
    .map(mount =>
      finding(
        'warning',
        'sqlite-alone',
        `sqlite:${mount.source}`,
        `The SQLite file ${mount.source} is bound by itself: its log (-wal) lies inside the container and is lost when the container is made anew.`,
        'Bind the folder that holds it instead of the file.',
      ),
    )

/** A search for SQLite files that did not come to its end. */
export const searchCut: Trap = (view, rows) =>
  view.mounts.flatMap(mount => {
    const facts = view.factsOf(mount)
    const row = rows.find(each => each.id === mount.id)
    if (facts === null || facts.searched || facts.type !== 'directory') return []
    if (row?.decision !== 'include' || row.method === 'covered-by-dump') return []
    return [
      finding(
        'warning',
        'search-incomplete',
        mount.id,
        `${mount.id} could not be searched to its end for SQLite files${facts.problem === null ? '' : ` (${facts.problem})`}: those that were not found are copied like any other file.`,
        'Their copy is that of a paused service: what a power cut would have left.',
      ),
    ]
  })
