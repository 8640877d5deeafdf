import type { BackupReport, Difference, Item } from '../../contract/model.ts'
import { clip } from '../output/display-width.ts'
import { formatBytes } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { Comparison, Facts } from './facts.ts'

/** The demo is laid out for this many columns, whatever the terminal has. */
const WIDTH = 78

/** What the demo shows; says nothing when a program reads the result. */
export interface DemoPage {
  text(text: string): void
  step(number: number, title: string, command: string | null): void
  ledger(items: readonly Item[]): void
  list(lines: readonly { readonly text: string; readonly marked: boolean }[]): void
  stored(report: BackupReport): void
  losses(lines: readonly string[]): void
  differences(differences: readonly Difference[]): void
  compared(comparison: Comparison, before: Facts): void
  good(text: string): void
  note(text: string): void
}

/** Stands for the demo's folder, whose path would fill every second line. */
const SHORT = '$DEMO'

/** A page that is written line by line. Paths below the demo's folder are shortened. */
export function demoPage(
  write: (text: string) => void,
  { style, home }: { readonly style: Style; readonly home: string },
): DemoPage {
  const look = { width: WIDTH, style }
  const row = (cells: readonly Cell[]): readonly Cell[] => cells
  const short = (text: string): string => safeText(text.replaceAll(home, SHORT))
  const line = (first: string, text: string): string => hanging(first, short(text), WIDTH)
  const good = (text: string): void => {
    write(style.good(line('  ✓ ', text)))
  }
  return {
    text: write,
    step(number, title, command) {
      const head = ` ${String(number)} of 7 · ${title} `
      write('')
      write(style.bold(`──${head}${'─'.repeat(Math.max(WIDTH - head.length - 2, 0))}`))
      if (command !== null) write(style.dim(`  $ lifeboat ${short(command)}`))
    },
    ledger(items) {
      const taken = items.filter(each => each.decision === 'include')
      const rows = taken.map(item =>
        row([
          `  ${clip(short(item.id), 44)}`,
          item.sizeBytes === null ? '' : formatBytes(item.sizeBytes),
          item.method,
        ]),
      )
      const titles = [{ title: '  WHAT' }, { title: 'SIZE', align: 'right' as const }]
      write(table([...titles, { title: 'HOW' }], rows, look))
      const left = items.length - taken.length
      if (left > 0) write(style.dim(`  and ${String(left)} left out, each with its reason`))
    },
    list(lines) {
      for (const [index, { text, marked }] of lines.entries()) {
        const mark = marked ? style.warn('‖') : ' '
        write(line(`${mark} ${String(index + 1).padStart(2)}  `, text))
      }
    },
    stored(report) {
      const rows = report.items.map(item =>
        row([
          `  ${clip(short(item.id), 34)}`,
          formatBytes(item.bytesStored),
          item.outcome === 'complete' ? item.consistency : item.outcome.toUpperCase(),
          item.sha256 === null ? '' : `${item.sha256.slice(0, 12)}…`,
        ]),
      )
      const titles = [{ title: '  ITEM' }, { title: 'STORED', align: 'right' as const }]
      write(table([...titles, { title: 'CONSISTENCY' }, { title: 'SHA-256' }], rows, look))
    },
    losses(lines) {
      for (const text of lines) write(style.bad(line('  ✗ ', text)))
    },
    differences(differences) {
      for (const each of differences) {
        write(`  ${short(each.item)}`)
        write(style.warn(line('      now       ', each.now)))
        write(line('      snapshot  ', each.snapshot))
      }
    },
    compared({ total, equal, differences }, before) {
      for (const { fact, before: was, after } of differences.slice(0, 10)) {
        const text = `${fact}: was ${was ?? 'not there'}, is ${after ?? 'not there'}`
        write(style.bad(line('  ✗ ', text)))
      }
      if (differences.length > 10) write(`    and ${String(differences.length - 10)} more`)
      for (const [fact, value] of examples(before)) {
        write(line('  = ', `${fact}: ${value.length > 40 ? `${value.slice(0, 20)}…` : value}`))
      }
      const result = `${String(equal)} of ${String(total)} facts are equal`
      if (differences.length === 0) good(`${result}: rows, files, modes, owners, times`)
      else write(style.bad(line('  ✗ ', result)))
    },
    good,
    note(text) {
      write(style.warn(line('  ! ', text)))
    },
  }
}

/** A few facts of each sort, so that the number has a face. */
function examples(facts: Facts): readonly (readonly [string, string])[] {
  const sorts = [
    /^rows of/,
    /^hash of/,
    /\.env mode$/,
    /signing-key\.pem content$/,
    /⛵.* content$/,
  ]
  return sorts.flatMap(sort => [...facts].filter(([fact]) => sort.test(fact)).slice(-1))
}
