import type { Item, Stack } from '../../contract/model.ts'
import { formatBytes, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import { notEmpty, type RegisterCommand } from './command.ts'

export const registerStacks: RegisterCommand = (program, run) => {
  program
    .command('stacks')
    .argument('[stack]', 'only this stack, with its whole ledger', notEmpty)
    .summary('what is on a host, and what happens to each piece of data')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat stacks\n  lifeboat stacks nextcloud\n  lifeboat stacks --host folder:/srv/apps\n',
    )
    .action((name: string | undefined) =>
      run(async session => {
        const { terminal } = session
        const { host } = terminal.options
        terminal.say(`Looking at ${safeText(host)} …`)
        const client = await session.client()
        const stacks =
          name === undefined
            ? await client.call('stack.list', { host })
            : [await client.call('stack.get', { host, stack: name })]
        const [only] = stacks
        terminal.result({ stacks }, () =>
          name !== undefined && only !== undefined
            ? stackText(only, terminal.look)
            : listText(stacks, terminal.look),
        )
        return 0
      }),
    )
}

function listText(stacks: readonly Stack[], look: TableLook): string {
  if (stacks.length === 0) {
    return 'No stacks here: there is no container on this host, and nothing that looks like a stack.'
  }
  const rows = stacks.map((stack): Cell[] => {
    const warnings = stack.findings.filter(finding => finding.severity !== 'info').length
    return [
      stack.name,
      coverageCell(stack, look.style),
      String(stack.services.length),
      String(stack.items.length),
      warnings === 0 ? '' : plural(warnings, 'warning'),
    ]
  })
  return table(
    [
      { title: 'STACK' },
      { title: 'COVERAGE' },
      { title: 'SERVICES', align: 'right' },
      { title: 'ITEMS', align: 'right' },
      { title: 'TO LOOK AT' },
    ],
    rows,
    look,
  )
}

function coverageCell(stack: Stack, style: Style): Cell {
  const marks = { covered: style.good, partly: style.warn, uncovered: style.bad }
  return { text: stack.coverage, mark: marks[stack.coverage] }
}

/** A stack for a person: services, ledger, findings. */
export function stackText(stack: Stack, look: TableLook): string {
  const { style } = look
  const services = table(
    [{ title: 'SERVICE' }, { title: 'IMAGE' }, { title: 'STATE' }, { title: 'DATABASE' }],
    stack.services.map((service): Cell[] => [
      service.name,
      service.image,
      service.health === null ? service.state : `${service.state} (${service.health})`,
      service.engine === null ? '' : `${service.engine} ${service.version ?? ''}`.trim(),
    ]),
    look,
  )
  const parts = [
    `${style.bold(safeText(stack.name))} on ${safeText(stack.host)}: ${stack.coverage}`,
    stack.services.length === 0 ? '' : services,
    ledgerText(stack.items, look),
    ...stack.findings.map(finding => {
      const marks = {
        critical: style.bad('✗ critical'),
        warning: style.warn('! warning'),
        info: style.dim('· note'),
      }
      const first = `${marks[finding.severity]}  `
      const text = hanging(first, safeText(finding.message), look.width)
      return `${text}\n${hanging('    ', safeText(finding.hint), look.width)}`
    }),
  ]
  return parts.filter(part => part !== '').join('\n\n')
}

const methods: Readonly<Record<Item['method'], string>> = {
  dump: 'dump',
  'sqlite-backup': 'SQLite copy',
  'paused-copy': 'copy while paused',
  'stopped-copy': 'copy while stopped',
  copy: 'copy',
  mirror: 'mirror',
  'covered-by-dump': 'in the dump',
  none: '',
}

/** The coverage ledger as a table: every item with what happens to it, and why. */
export function ledgerText(items: readonly Item[], look: TableLook): string {
  const { style } = look
  return table(
    [{ title: 'ITEM' }, { title: 'SIZE', align: 'right' }, { title: 'HOW' }, { title: 'WHY' }],
    items.map((item): Cell[] => [
      item.id,
      item.sizeBytes === null ? '' : formatBytes(item.sizeBytes),
      howCell(item, style),
      item.reason,
    ]),
    look,
  )
}

function howCell(item: Item, style: Style): Cell {
  if (item.decision === 'cannot') return { text: 'CANNOT', mark: style.bad }
  if (item.decision === 'exclude') return { text: 'left out', mark: style.dim }
  const words = [methods[item.method], item.consistency === 'none' ? '' : item.consistency]
  const text = words.filter(word => word !== '').join(', ')
  return { text, mark: item.consistency === 'hot' ? style.warn : style.good }
}
