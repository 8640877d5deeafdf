import { safeText } from '../output/safe-text.ts'
import type { RegisterCommand } from './command.ts'

export const registerDoctor: RegisterCommand = (program, run) => {
  program
    .command('doctor')
    .summary('what works here and what does not, each with its fix')
    .action(() =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        terminal.say('Looking at this computer …')
        const report = await client.call('doctor.run', {})
        if (terminal.options.json) {
          terminal.json({ schemaVersion: 1, ...report })
        } else {
          const style = terminal.outStyle
          const marks = {
            ok: style.good('✓'),
            warning: style.warn('!'),
            failed: style.bad('✗'),
          }
          for (const check of report.checks) {
            terminal.out(`${marks[check.state]} ${style.bold(safeText(check.name))}: ${safeText(check.message)}`)
            if (check.hint !== null) terminal.out(`  ${safeText(check.hint)}`)
          }
        }
        return report.ok ? 0 : 1
      }),
    )

  program
    .command('paths')
    .summary('the folders that Lifeboat uses')
    .action(() =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const paths = await client.call('paths.get', {})
        if (terminal.options.json) terminal.json({ schemaVersion: 1, ...paths })
        else {
          terminal.out(
            Object.entries(paths)
              .map(([name, folder]) => `${name.padEnd(13)} ${safeText(folder as string)}`)
              .join('\n'),
          )
        }
        return 0
      }),
    )
}
