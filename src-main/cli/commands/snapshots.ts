import type { FileEntry, SnapshotSummary } from '../../contract/model.ts'
import type { SnapshotDetail } from '../../contract/reports.ts'
import { formatBytes, formatDuration, formatTime, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { Session } from '../session.ts'
import { listByDefault, notEmpty, type RegisterCommand, wholeNumber } from './command.ts'

interface FilesFlags {
  readonly search?: string
  readonly limit?: number
}

export const registerSnapshots: RegisterCommand = (program, run) => {
  const snapshots = program
    .command('snapshots')
    .summary('list, look into and take files out of snapshots')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots list\n  lifeboat snapshots show nextcloud\n  lifeboat snapshots files nextcloud volume:nextcloud_data --search invoice\n  lifeboat snapshots extract nextcloud volume:nextcloud_data photos --to ~/Desktop/photos\n',
    )

  listByDefault(snapshots, run, session => list(session, undefined))
  snapshots
    .command('list')
    .argument('[stack]', 'only snapshots of this stack', notEmpty)
    .summary('every snapshot with its age, size and proof')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots list\n  lifeboat snapshots list nextcloud\n',
    )
    .action((stack: string | undefined) => run(session => list(session, stack)))

  snapshots
    .command('show')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest', notEmpty)
    .summary('what a snapshot holds, in words')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots show nextcloud\n  lifeboat snapshots show 20261121T030000Z\n',
    )
    .action((snapshot: string) => run(session => show(session, snapshot)))

  snapshots
    .command('files')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest', notEmpty)
    .argument('<item>', 'item of the snapshot, for instance volume:NAME', notEmpty)
    .argument('[folder]', 'folder inside the item', '')
    .option('--search <text>', 'paths that contain this text, anywhere in the item')
    .option('--limit <number>', 'at most so many rows', wholeNumber, 1000)
    .summary('the files of a volume or folder in a snapshot')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots files nextcloud volume:nextcloud_data\n  lifeboat snapshots files nextcloud volume:nextcloud_data --search invoice\n',
    )
    .action((snapshot: string, item: string, folder: string, flags: FilesFlags) =>
      run(session => files(session, snapshot, item, folder, flags)),
    )

  snapshots
    .command('extract')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest', notEmpty)
    .argument('<item>', 'item of the snapshot, for instance volume:NAME', notEmpty)
    .argument('[paths...]', 'files or folders inside the item; everything when left out')
    .requiredOption('--to <folder>', 'new or empty folder on this computer', notEmpty)
    .summary('take files out of a snapshot onto this computer')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat snapshots extract nextcloud volume:nextcloud_data --to ~/Desktop/data\n  lifeboat snapshots extract nextcloud volume:nextcloud_data photos --to ~/Desktop/photos\n',
    )
    .action((snapshot: string, item: string, paths: string[], flags: { readonly to: string }) =>
      run(session => extract(session, snapshot, item, paths, flags.to)),
    )

  for (const [verb, pinned, summary] of [
    ['pin', true, 'keep a snapshot whatever the retention policy says'],
    ['unpin', false, 'let the retention policy decide again'],
  ] as const) {
    snapshots
      .command(verb)
      .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest', notEmpty)
      .summary(summary)
      .addHelpText('before', `Example:\n  lifeboat snapshots ${verb} 20261121T030000Z\n`)
      .action((snapshot: string) => run(session => pin(session, snapshot, pinned)))
  }
}

async function list(session: Session, stack: string | undefined): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const snapshots = await client.call('snapshot.list', { repository: terminal.options.repo, stack })
  terminal.result({ snapshots }, () => listText(snapshots, stack, terminal.look))
  return 0
}

function listText(
  snapshots: readonly SnapshotSummary[],
  stack: string | undefined,
  look: TableLook,
): string {
  const { style } = look
  if (snapshots.length === 0) {
    return stack === undefined
      ? 'No snapshots yet. Make the first: lifeboat backup STACK'
      : `No snapshot of ${safeText(stack)} here. Make the first: lifeboat backup ${safeText(stack)}`
  }
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
    look,
  )
}

async function show(session: Session, snapshot: string): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const detail = await client.call('snapshot.show', { repository: terminal.options.repo, snapshot })
  terminal.result({ snapshot: detail }, () => detailText(detail, terminal.look))
  return 0
}

function detailText(detail: SnapshotDetail, look: TableLook): string {
  const { style, width } = look
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
      look,
    ),
    ...detail.items.flatMap(item =>
      item.warnings.map(text => style.warn(hanging('! ', safeText(`${item.id}: ${text}`), width))),
    ),
    ...detail.warnings.map(text => style.warn(hanging('! ', safeText(text), width))),
    ...(detail.excluded.length === 0
      ? []
      : [
          '',
          style.bold('Left out'),
          ...detail.excluded.map(each =>
            hanging('  ', safeText(`${each.item} — ${each.reason}`), width),
          ),
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
    limit: Math.min(flags.limit ?? 1000, 10_000),
  })
  terminal.result({ total, entries }, () => filesText(entries, terminal.look))
  if (entries.length < total) {
    const more = plural(total - entries.length, 'more row')
    terminal.say(`${more}: narrow with a folder or --search, or raise --limit.`)
  }
  return 0
}

function filesText(entries: readonly FileEntry[], look: TableLook): string {
  const rows = entries.map((entry): Cell[] => [
    entry.type,
    entry.mode.toString(8).padStart(4, '0'),
    `${String(entry.uid)}:${String(entry.gid)}`,
    entry.type === 'file' ? formatBytes(entry.sizeBytes) : '',
    formatTime(entry.modified),
    entry.linkTarget === null ? entry.path : `${entry.path} -> ${entry.linkTarget}`,
  ])
  return table(
    [
      { title: 'TYPE' },
      { title: 'MODE' },
      { title: 'OWNER' },
      { title: 'SIZE', align: 'right' },
      { title: 'CHANGED' },
      { title: 'PATH' },
    ],
    rows,
    // A path is never broken: it is there to be copied.
    { ...look, width: Number.POSITIVE_INFINITY },
  )
}

async function extract(
  session: Session,
  snapshot: string,
  item: string,
  paths: readonly string[],
  to: string,
): Promise<number> {
  const { terminal } = session
  const { job, result } = await session.runJob(client =>
    client.call('snapshot.extract', {
      repository: terminal.options.repo,
      snapshot,
      item,
      paths: [...paths],
      to,
    }),
  )
  if (result.kind !== 'extract') return 1
  const { files, bytes } = result
  terminal.result({ files, bytes, to: result.to }, () =>
    terminal.outStyle.good(
      `✓ ${plural(files, 'file')} (${formatBytes(bytes)}) written to ${safeText(result.to)}, hashes compared.`,
    ),
  )
  return job.state === 'partial' ? 3 : 0
}

async function pin(session: Session, snapshot: string, pinned: boolean): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const summary = await client.call('snapshot.pin', {
    repository: terminal.options.repo,
    snapshot,
    pinned,
  })
  terminal.result(
    { snapshot: summary },
    () => `${safeText(summary.id)} is ${summary.pinned ? 'pinned' : 'not pinned any more'}.`,
  )
  return 0
}
