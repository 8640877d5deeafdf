import type { Item, Stack } from '../../contract/model.ts'
import { formatBytes, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table } from '../output/table.ts'
import type { Style } from '../output/style.ts'
import type { RegisterCommand } from './command.ts'

export const registerStacks: RegisterCommand = (program, run) => {
  program
    .command('stacks')
    .argument('[stack]', 'show only this stack, with its whole ledger')
    .summary('what is on a host: every stack, every piece of its data, and what happens to it')
    .addHelpText('before', 'Examples:\n  lifeboat stacks\n  lifeboat stacks nextcloud\n')
    .action((name: string | undefined) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const { host } = terminal.options
        terminal.say(`Looking at ${safeText(host)} …`)
        const stacks =
          name === undefined
            ? await client.call('stack.list', { host })
            : [await client.call('stack.get', { host, stack: name })]
        if (terminal.options.json) {
          terminal.json({ schemaVersion: 1, stacks })
        } else if (name !== undefined && stacks[0] !== undefined) {
          terminal.out(stackText(stacks[0], terminal.outStyle))
        } else {
          terminal.out(listText(stacks, terminal.outStyle))
        }
        return 0
      }),
    )
}

function listText(stacks: readonly Stack[], style: Style): string {
  if (stacks.length === 0) {
    return 'No stacks here: there is no container on this host, and nothing that looks like a stack.'
  }
  const rows = stacks.map((stack): Cell[] => [
    stack.name,
    coverageCell(stack, style),
    String(stack.services.length),
    String(stack.items.length),
    stack.findings.filter(finding => finding.severity !== 'info').length === 0
      ? ''
      : plural(stack.findings.filter(finding => finding.severity !== 'info').length, 'warning'),
  ])
  return table(
    [
      { title: 'STACK' },
      { title: 'COVERAGE' },
      { title: 'SERVICES', align: 'right' },
      { title: 'ITEMS', align: 'right' },
      { title: 'TO LOOK AT' },
    ],
    rows,
    style.bold,
  )
}

function coverageCell(stack: Stack, style: Style): Cell {
  const marks = { covered: style.good, partly: style.warn, uncovered: style.bad }
  return { text: stack.coverage, mark: marks[stack.coverage] }
}

/** A stack for a person: services, ledger, findings. */
export function stackText(stack: Stack, style: Style): string {
  const services = table(
    [{ title: 'SERVICE' }, { title: 'IMAGE' }, { title: 'STATE' }, { title: 'DATABASE' }],
    stack.services.map((service): Cell[] => [
      service.name,
      service.image,
      service.health === null ? service.state : `${service.state} (${service.health})`,
      service.engine === null ? '' : `${service.engine} ${service.version ?? ''}`.trim(),
    ]),
    style.bold,
  )
  const parts = [
    `${style.bold(safeText(stack.name))} on ${safeText(stack.host)}: ${stack.coverage}`,
    stack.services.length === 0 ? '' : services,
    ledgerText(stack.items, style),
    ...stack.findings.map(finding => {
      const mark =
        finding.severity === 'critical'
          ? style.bad('✗ critical')
          : finding.severity === 'warning'
            ? style.warn('! warning')
            : style.dim('· note')
      return `${mark}  ${safeText(finding.message)}\n           ${safeText(finding.hint)}`
    }),
  ]
  return parts.filter(part => part !== '').join('\n\n')
}

/** The coverage ledger as a table: every item with its decision and reason. */
export function ledgerText(items: readonly Item[], style: Style): string {
  const marks = { include: style.good, exclude: style.dim, cannot: style.bad }
  return table(
    [
      { title: 'ITEM' },
      { title: 'SIZE', align: 'right' },
      { title: 'DECISION' },
      { title: 'METHOD' },
      { title: 'CONSISTENCY' },
      { title: 'WHY' },
    ],
    items.map((item): Cell[] => [
      item.id,
      item.sizeBytes === null ? '' : formatBytes(item.sizeBytes),
      { text: item.decision, mark: marks[item.decision] },
      item.method,
      item.consistency === 'none' ? '' : item.consistency,
      item.reason,
    ]),
    style.bold,
  )
}
