import type { Finding } from '../../../contract/model.ts'
import { volumeBackupLabels } from '../compose-labels.ts'
import { isRunning } from '../grouping.ts'
import { finding, type Trap } from './trap.ts'

/** Another backup program in the stack (rule D12). */
export const otherBackupTool: Trap = view =>
  view.facts.group.containers.flatMap(container => {
    const { tool } = view.roleOf(container)
    return tool === null
      ? []
      : [
          finding(
            'info',
            'other-backup-tool',
            null,
            `${container.service} is ${tool.label}: this stack is already backed up by another program.`,
            'Both may run; keep their times apart. What it writes is not backed up again.',
          ),
        ]
  })

/** Where backups are written: left out, and said so. */
export const backupDestination: Trap = (_view, rows) =>
  rows
    .filter(row => row.decision === 'exclude' && row.reason.includes('backups of backups'))
    .map(row =>
      finding(
        'info',
        'backup-destination',
        row.id,
        `${row.id} holds backups made by ${row.service ?? 'another program'}; it is left out.`,
        'Include it if it holds anything else.',
      ),
    )

/** Another program copies a running server's files though its databases could be dumped. */
export const hotDataFolder: Trap = view =>
  view.servers.flatMap((server): readonly Finding[] => {
    const { data, container } = server
    if (data === null || !isRunning(container)) return []
    const stopped = Object.keys(container.labels).some(
      label => label === volumeBackupLabels.stop || label === volumeBackupLabels.stopForGood,
    )
    if (stopped) return []
    return data.mount.users
      .filter(user => view.roleOf(user.container).tool !== null)
      .map(user =>
        finding(
          'warning',
          'hot-data-folder',
          data.mount.id,
          `${user.container.service} copies the files of ${container.service} while it runs: such a copy may not start, though the databases can be dumped.`,
          `Rely on the dumps that Lifeboat takes, or let ${user.container.service} stop ${container.service} first.`,
        ),
      )
  })

/** Labels of docker-volume-backup on the stack's containers (rule D11): shown, with their source. */
export const backupLabels: Trap = view =>
  view.facts.group.containers.flatMap(container =>
    Object.entries(container.labels)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .flatMap(([label, value]) => {
        const from = `label ${label}${value === '' || value === 'true' ? '' : `=${value}`} of ${container.service}`
        if (label === volumeBackupLabels.stop || label === volumeBackupLabels.stopForGood) {
          return [
            finding(
              'info',
              'backup-label',
              null,
              `The ${from} is honoured: the service is stopped, not paused, while its files are copied.`,
              'It is started again afterwards.',
            ),
          ]
        }
        return volumeBackupLabels.command.test(label)
          ? [
              finding(
                'info',
                'backup-label',
                null,
                `The ${from} names a command for another backup program; Lifeboat does not run it.`,
                'Databases that Lifeboat knows are dumped without it.',
              ),
            ]
          : []
      }),
  )
