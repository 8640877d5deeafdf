import type { SnapshotDetail } from '../../contract/reports.ts'
import type { SnapshotSummary } from '../../contract/model.ts'
import { formatBytes, formatDuration, formatTime, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table } from '../output/table.ts'
import type { Session } from '../session.ts'
import type { RegisterCommand } from './command.ts'

interface FilesFlags {
  readonly search?: string
  readonly limit?: string
}

export const registerSnapshots: RegisterCommand = (program, run) => {
  const snapshots = program
    .command('snapshots')
    .summary('list, look into and take files out of snapshots')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots list\n  lifeboat snapshots show nextcloud\n  lifeboat snapshots files nextcloud volume:nextcloud_data --search invoice\n  lifeboat snapshots extract nextcloud volume:nextcloud_data photos --to ~/Desktop/photos\n',
    )

  snapshots
    .command('list', { isDefault: true })
    .argument('[stack]', 'only snapshots of this stack')
    .summary('every snapshot with its age, size and proof')
    .action((stack: string | undefined) => run(session => list(session, stack)))

  snapshots
    .command('show')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest')
    .summary('what a snapshot holds, in words')
    .action((snapshot: string) => run(session => show(session, snapshot)))

  snapshots
    .command('files')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest')
    .argument('<item>', 'item of the snapshot, for instance volume:NAME')
    .argument('[folder]', 'folder inside the item', '')
    .option('--search <text>', 'paths that contain this text, anywhere in the item')
    .option('--limit <number>', 'at most so many rows', '1000')
    .summary('the files of a volume or folder in a snapshot')
    .action((snapshot: string, item: string, folder: string, flags: FilesFlags) =>
      run(session => files(session, snapshot, item, folder, flags)),
    )

  snapshots
    .command('extract')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest')
    .argument('<item>', 'item of the snapshot, for instance volume:NAME')
    .argument('[paths...]', 'files or folders inside the item; everything when left out')
    .requiredOption('--to <folder>', 'new or empty folder on this computer')
    .summary('take files out of a snapshot onto this computer')
    .action((snapshot: string, item: string, paths: string[], flags: { readonly to: string }) =>
      run(session => extract(session, snapshot, item, paths, flags.to)),
    )

  for (const [verb, pinned, summary] of [
    ['pin', true, 'keep a snapshot whatever the retention policy says'],
    ['unpin', false, 'let the retention policy decide again'],
  ] as const) {
    snapshots
      .command(verb)
      .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest')
      .summary(summary)
      .action((snapshot: string) => run(session => pin(session, snapshot, pinned)))
  }
}

async function list(session: Session, stack: string | undefined): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const snapshots = await client.call('snapshot.list', { repository: terminal.options.repo, stack })
  if (terminal.options.json) terminal.json({ schemaVersion: 1, snapshots })
  else terminal.out(listText(snapshots, terminal.outStyle))
  return 0
}

function listText(snapshots: readonly SnapshotSummary[], style: Style): string {
  if (snapshots.length === 0) return 'No snapshots yet. Make the first: lifeboat backup STACK'
  const rows = snapshots.map((snapshot): Cell[] => [
    snapshot.id,
    formatTime(snapshot.time),
    snapshot.outcome === 'complete'
      ? { text: 'complete', mark: style.good }
      : { text: snapshot.outcome.toUpperCase(), mark: style.bad },
    snapshot.proof.level,
    formatBytes(snapshot.sizeBytes),
    [snapshot.origin === 'backup' ? '' : snapshot.origin, snapshot.pinned ? 'pinned' : '']
      .filter(word => word !== '')
      .join(', '),
  ])
  return table(
    [
      { title: 'SNAPSHOT' },
      { title: 'TIME' },
      { title: 'OUTCOME' },
      { title: 'PROOF' },
      { title: 'SIZE', align: 'right' },
      { title: '' },
    ],
    rows,
    style.bold,
  )
}

async function show(session: Session, snapshot: string): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const detail = await client.call('snapshot.show', { repository: terminal.options.repo, snapshot })
  if (terminal.options.json) terminal.json({ schemaVersion: 1, snapshot: detail })
  else terminal.out(detailText(detail, terminal.outStyle))
  return 0
}

function detailText(detail: SnapshotDetail, style: Style): string {
  const items = detail.items.map((item): Cell[] => {
    const tables = Object.keys(item.counts).length
    const rows = Object.values(item.counts).reduce((sum, count) => sum + count, 0)
    return [
      item.outcome === 'complete'
        ? { text: '✓', mark: style.good }
        : { text: '✗', mark: style.bad },
      item.id,
      item.method,
      item.consistency,
      item.criticality,
      tables === 0
        ? (item.reason ?? '')
        : `${item.countsExact ? '' : 'about '}${plural(rows, 'row')} in ${plural(tables, 'table')}`,
    ]
  })
  return [
    style.bold(safeText(detail.id)),
    `Taken ${formatTime(detail.time)}; ${detail.outcome}; proof: ${detail.proof.level}${detail.proof.at === null ? '' : ` ${formatTime(detail.proof.at)}`}${detail.pinned ? '; pinned' : ''}`,
    `Folder ${safeText(detail.folder)}`,
    '',
    table(
      [
        { title: ' ' },
        { title: 'ITEM' },
        { title: 'METHOD' },
        { title: 'CONSISTENCY' },
        { title: 'CRITICALITY' },
        { title: '' },
      ],
      items,
      style.bold,
    ),
    ...detail.items.flatMap(item =>
      item.warnings.map(warning => style.warn(`! ${safeText(item.id)}: ${safeText(warning)}`)),
    ),
    ...detail.warnings.map(warning => style.warn(`! ${safeText(warning)}`)),
    ...(detail.excluded.length === 0
      ? []
      : [
          '',
          style.bold('Left out'),
          ...detail.excluded.map(each => `  ${safeText(each.item)} — ${safeText(each.reason)}`),
        ]),
    '',
    style.dim(
      `${plural(detail.artifacts.length, 'file')}, ${formatBytes(detail.sizeBytes)} stored; took ${formatDuration(detail.durationMs)}, services held for ${formatDuration(detail.downtimeMs)}; made by Lifeboat ${detail.lifeboatVersion}.`,
    ),
  ].join('\n')
}

async function files(
  session: Session,
  snapshot: string,
  item: string,
  folder: string,
  flags: FilesFlags,
): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const { total, entries } = await client.call('snapshot.files', {
    repository: terminal.options.repo,
    snapshot,
    item,
    folder,
    search: flags.search,
    limit: Number(flags.limit ?? 1000),
  })
  if (terminal.options.json) {
    terminal.json({ schemaVersion: 1, total, entries })
    return 0
  }
  const rows = entries.map((entry): Cell[] => [
    entry.type,
    entry.mode.toString(8).padStart(4, '0'),
    `${String(entry.uid)}:${String(entry.gid)}`,
    entry.type === 'file' ? formatBytes(entry.sizeBytes) : '',
    formatTime(entry.modified),
    entry.linkTarget === null ? entry.path : `${entry.path} -> ${entry.linkTarget}`,
  ])
  terminal.out(
    table(
      [
        { title: 'TYPE' },
        { title: 'MODE' },
        { title: 'OWNER' },
        { title: 'SIZE', align: 'right' },
        { title: 'CHANGED' },
        { title: 'PATH' },
      ],
      rows,
      terminal.outStyle.bold,
    ),
  )
  if (entries.length < total) {
    terminal.say(`${plural(total - entries.length, 'more row')}: narrow with --search, or raise --limit.`)
  }
  return 0
}

async function extract(
  session: Session,
  snapshot: string,
  item: string,
  paths: readonly string[],
  to: string,
): Promise<number> {
  const { terminal } = session
  const { result } = await session.runJob(client =>
    client.call('snapshot.extract', {
      repository: terminal.options.repo,
      snapshot,
      item,
      paths: [...paths],
      to,
    }),
  )
  if (result.kind !== 'extract') return 1
  if (terminal.options.jsonStream) terminal.jsonLine({ type: 'result', schemaVersion: 1, ...result })
  else if (terminal.options.json) terminal.json({ schemaVersion: 1, ...result })
  else {
    terminal.out(
      terminal.outStyle.good(
        `✓ ${plural(result.files, 'file')} (${formatBytes(result.bytes)}) written to ${safeText(result.to)}, hashes compared.`,
      ),
    )
  }
  return 0
}

async function pin(session: Session, snapshot: string, pinned: boolean): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const summary = await client.call('snapshot.pin', {
    repository: terminal.options.repo,
    snapshot,
    pinned,
  })
  if (terminal.options.json) terminal.json({ schemaVersion: 1, snapshot: summary })
  else terminal.out(`${safeText(summary.id)} is ${summary.pinned ? 'pinned' : 'not pinned any more'}.`)
  return 0
}
