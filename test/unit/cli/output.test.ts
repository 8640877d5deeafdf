import { describe, expect, it } from 'vitest'

import { closest } from '../../../src-main/cli/output/closest.ts'
import { clip, displayWidth } from '../../../src-main/cli/output/display-width.ts'
import { errorText } from '../../../src-main/cli/output/error-text.ts'
import { formatBytes, formatDuration, plural } from '../../../src-main/cli/output/format.ts'
import { safeText } from '../../../src-main/cli/output/safe-text.ts'
import { shellWord } from '../../../src-main/cli/output/shell-word.ts'
import { styleFor, wantsColour } from '../../../src-main/cli/output/style.ts'
import { table } from '../../../src-main/cli/output/table.ts'
import { hanging, wrap } from '../../../src-main/cli/output/wrap.ts'

const plain = styleFor(false)
const wide = { width: Number.POSITIVE_INFINITY, style: plain }

describe('cli/output/format', () => {
  it.each([
    [null, 'unknown'],
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [10 * 1024, '10.0 KiB'],
    [1_572_864, '1.50 MiB'],
    [200 * 1024 ** 3, '200 GiB'],
    [5000 * 1024 ** 5, '5000 PiB'],
  ])('says %s bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [12, '12 ms'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [4 * 86_400_000, '4 days'],
  ])('says %s milliseconds as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text)
  })

  it('counts in words', () => {
    expect([plural(1, 'item'), plural(12_345, 'item'), plural(2, 'box', 'boxes')]).toEqual([
      '1 item',
      '12,345 items',
      '2 boxes',
    ])
  })
})

describe('cli/output/safe-text', () => {
  it.each([
    ['a line\nbreak', String.raw`a line\nbreak`],
    ['\u001b[2Jcleared', String.raw`\x1b[2Jcleared`],
    ['\u009b31m', String.raw`\x9b31m`],
    ['\u001b]0;title\u0007', String.raw`\x1b]0;title\x07`],
    ['invoice\u202Efdp.exe', String.raw`invoice\u202efdp.exe`],
    ['\u2066isolate\u2069', String.raw`\u2066isolate\u2069`],
    ['\u2028', String.raw`\u2028`],
    ['zero\u200bwidth', String.raw`zero\u200bwidth`],
    ['\uD83D alone', String.raw`\ud83d alone`],
    ['\r\t\u007f', String.raw`\r\t\x7f`],
  ])('shows what a terminal would obey: %j', (text, shown) => {
    expect(safeText(text)).toBe(shown)
  })

  it('leaves everything that is only to be read', () => {
    const text = 'Käse 🛟 עברית العربية 日本 $(x); "q" \'s\' \\'
    expect(safeText(text)).toBe(text)
  })
})

describe('cli/output/display-width', () => {
  it.each([
    ['abc', 3],
    ['Käse', 4],
    ['Ka\u0308se', 4],
    ['日本', 4],
    ['🛟', 2],
    ['👩‍👩‍👧', 2],
    ['\u001b[31mred\u001b[39m', 3],
  ])('%j takes %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns)
  })

  it('clips at whole characters and says so', () => {
    expect(clip('日本語', 6)).toBe('日本語')
    expect(clip('日本語', 5)).toBe('日本…')
    expect(clip('日本語', 4)).toBe('日…')
  })
})

describe('cli/output/wrap', () => {
  it('breaks at spaces, never within a word', () => {
    expect(wrap('one two three /a/very/long/path', 9)).toEqual([
      'one two',
      'three',
      '/a/very/long/path',
    ])
  })

  it('keeps several spaces, as names may have them', () => {
    expect(wrap('a  b', 80)).toEqual(['a  b'])
  })

  it('indents the later lines', () => {
    expect(hanging('! ', 'aaaa bbbb cccc dddd eeee ffff', 24)).toBe(
      '! aaaa bbbb cccc dddd\n  eeee ffff',
    )
  })
})

describe('cli/output/table', () => {
  const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }, { title: 'WHY' }]

  it('aligns columns by what is seen', () => {
    const rows = [
      ['日本', '1 B', 'first'],
      ['abc', '100 B', 'second'],
    ]
    expect(table(columns, rows, wide).split('\n')).toEqual([
      'NAME   SIZE  WHY',
      '日本    1 B  first',
      'abc   100 B  second',
    ])
  })

  it('shows hostile cells instead of obeying them', () => {
    expect(table([{ title: 'A' }], [['\u001b[2J\n']], wide)).toBe('A\n\\x1b[2J\\n')
  })

  it('breaks the last column where it fits beside the others', () => {
    const rows = [['abc', '1 B', 'because of this and that and more']]
    expect(table(columns, rows, { width: 40, style: plain }).split('\n')).toEqual([
      'NAME  SIZE  WHY',
      'abc    1 B  because of this and that and',
      '            more',
    ])
  })

  it('puts the last column below its row where next to nothing is left for it', () => {
    const rows = [['a-rather-long-name', '1 B', 'because of this and that']]
    expect(table(columns, rows, { width: 40, style: plain }).split('\n')).toEqual([
      'NAME                SIZE',
      'a-rather-long-name   1 B',
      '    because of this and that',
    ])
  })

  it('marks cells after their width is known', () => {
    const rows = [[{ text: 'ok', mark: (text: string) => `<${text}>` }, 'end']]
    const text = table([{ title: 'STATE' }, { title: 'X' }], rows, wide)
    expect(text).toBe('STATE  X\n<ok   >  end')
  })
})

describe('cli/output/style', () => {
  it.each([
    ['a terminal', true, {}, false, true],
    ['no terminal', false, {}, false, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false, false],
    ['an empty NO_COLOR', true, { NO_COLOR: '' }, false, true],
    ['TERM=dumb', true, { TERM: 'dumb' }, false, false],
    ['--no-color', true, {}, true, false],
  ])('colours with %s: %s %j %s → %s', (_what, isTerminal, env, flag, wanted) => {
    expect(wantsColour(isTerminal, env, flag)).toBe(wanted)
  })

  it('uses only the colours of the terminal’s own palette, so that dark and light both work', () => {
    const style = styleFor(true)
    const all = [style.good, style.warn, style.bad, style.dim, style.bold].map(mark => mark('x'))
    expect(all).toEqual([
      '\u001b[32mx\u001b[39m',
      '\u001b[33mx\u001b[39m',
      '\u001b[31mx\u001b[39m',
      '\u001b[2mx\u001b[22m',
      '\u001b[1mx\u001b[22m',
    ])
  })
})

describe('cli/output/shell-word', () => {
  it.each([
    ['nextcloud', 'nextcloud'],
    ['my stack', "'my stack'"],
    ["it's $(x)", "'it'\\''s $(x)'"],
    ['', "''"],
    ['a\nb', "'a\nb'"],
  ])('%j', (word, quoted) => {
    expect(shellWord(word)).toBe(quoted)
  })
})

describe('cli/output/closest', () => {
  const verbs = ['stacks', 'status', 'snapshots', 'backup', 'restore']
  it.each([
    ['stakcs', 'stacks'],
    ['stat', null],
    ['statsu', 'status'],
    ['snapshot', 'snapshots'],
    ['BACKUP', 'backup'],
    ['bakup', 'backup'],
    ['frobnicate', null],
    ['x', null],
  ])('%s means %s', (word, meant) => {
    expect(closest(word, verbs)).toBe(meant)
  })
})

describe('cli/output/error-text', () => {
  const error = {
    code: 'locked',
    message: 'Another run is at work.\u001b[2J',
    state: 'Nothing was changed.',
    hint: 'Wait for it.',
    details: Array.from({ length: 9 }, (_, index) => `line ${String(index)}`).join('\n'),
  } as const

  it('has the four parts and the code, and obeys nothing in them', () => {
    const text = errorText(error, plain, false)
    expect(text.split('\n').slice(0, 3)).toEqual([
      '✗ Another run is at work.\\x1b[2J',
      '  Nothing was changed.',
      '  Wait for it.',
    ])
    expect(text).toContain('(locked)')
    expect(text).toContain('line 8')
    expect(text).not.toContain('line 0')
  })

  it('says nothing twice', () => {
    const details = 'Another run is at work.\u001b[2J\nSince noon.'
    const text = errorText({ ...error, details }, plain, false)
    expect(text.split('Another run')).toHaveLength(2)
    expect(text).toContain('| Since noon.')
  })

  it('shows all details when asked, and a stack trace only then', () => {
    expect(errorText(error, plain, true)).toContain('line 0')
    const defect = { ...error, code: 'internal-error' as const }
    expect(errorText(defect, plain, false)).not.toContain('line 8')
    expect(errorText(defect, plain, true)).toContain('line 8')
  })
})
