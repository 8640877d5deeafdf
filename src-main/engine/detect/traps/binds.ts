import { isWideBind } from '../system-binds.ts'
import { finding, type Trap } from './trap.ts'

const LARGE_BYTES = 100 * 1024 ** 3

/** A bound folder that does not exist on the host. */
export const bindMissing: Trap = (view, rows) =>
  view.mounts.flatMap(mount => {
    const row = rows.find(each => each.id === mount.id)
    if (row?.decision !== 'cannot' || view.factsOf(mount)?.type !== 'missing') return []
    return [
      finding(
        'critical',
        mount.type === 'bind' ? 'bind-missing' : 'volume-missing',
        mount.id,
        `${mount.id} is mounted by ${mount.users.map(user => user.container.service).join(', ')} but cannot be opened on the host: ${view.factsOf(mount)?.problem ?? 'it does not exist'}.`,
        'Put the folder back, or take the mount out of the Compose file.',
      ),
    ]
  })

/** The whole host, or a folder of many stacks, mounted into a container. */
export const wideBind: Trap = (view, rows) =>
  view.mounts.flatMap(mount => {
    const row = rows.find(each => each.id === mount.id)
    if (mount.type !== 'bind' || row === undefined) return []
    if (mount.source === '/' && row.decision === 'cannot') {
      return [
        finding(
          'warning',
          'whole-host',
          mount.id,
          `${row.service ?? ''} mounts the whole host with the right to write: what it keeps there is not backed up.`,
          'Mount only the folders that it needs. If it keeps nothing there, leave this item out.',
        ),
      ]
    }
    return row.decision === 'include' && isWideBind(mount.source)
      ? [
          finding(
            'warning',
            'wide-bind',
            mount.id,
            `${mount.id} is a folder that usually holds the data of many stacks: all of it is taken.`,
            'Leave it out if other stacks account for what is in it.',
          ),
        ]
      : []
  })

/** Very much data: taken, but the user should decide. */
export const largeData: Trap = (_view, rows) =>
  rows
    .filter(
      row => row.decision === 'include' && row.kind !== 'database' && row.takenWith === undefined,
    )
    .filter(row => row.method !== 'covered-by-dump' && (row.sizeBytes ?? 0) > LARGE_BYTES)
    .map(row =>
      finding(
        'warning',
        'large-data',
        row.id,
        `${row.id} holds ${Math.round((row.sizeBytes ?? 0) / 1024 ** 3)} GiB: a backup of it takes long and needs as much room.`,
        'Leave it out if the data can be had again, for instance a media library.',
      ),
    )
