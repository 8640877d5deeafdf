import type { DoctorReport, Paths } from '../../contract/reports.ts'
import { safeText } from '../output/safe-text.ts'
import type { TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { RegisterCommand } from './command.ts'

export const registerDoctor: RegisterCommand = (program, run) => {
  program
    .command('doctor')
    .summary('what works here and what does not, each with its fix')
    .addHelpText('before', 'Examples:\n  lifeboat doctor\n  lifeboat doctor --json\n')
    .action(() =>
      run(async session => {
        const { terminal } = session
        terminal.say('Looking at this computer …')
        const client = await session.client()
        const report = await client.call('doctor.run', {})
        terminal.result(report, () => doctorText(report, terminal.look))
        return report.ok ? 0 : 1
      }),
    )

  program
    .command('paths')
    .summary('the folders that Lifeboat uses')
    .addHelpText('before', 'Example:\n  lifeboat paths --json\n')
    .action(() =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const paths = await client.call('paths.get', {})
        terminal.result(paths, () => pathsText(paths))
        return 0
      }),
    )
}

function doctorText(report: DoctorReport, { style, width }: TableLook): string {
  const marks = { ok: style.good('✓'), warning: style.warn('!'), failed: style.bad('✗') }
  return report.checks
    .flatMap(({ name, state, message, hint }) => [
      hanging(`${marks[state]} `, `${style.bold(safeText(name))}: ${safeText(message)}`, width),
      ...(hint === null ? [] : [hanging('  ', safeText(hint), width)]),
    ])
    .join('\n')
}

function pathsText({ config, state, cache, repository, settingsFile }: Paths): string {
  return Object.entries({ config, state, cache, repository, settings: settingsFile })
    .map(([name, folder]) => `${name.padEnd(11)} ${safeText(folder)}`)
    .join('\n')
}
