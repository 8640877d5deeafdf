import type { Difference } from '../../contract/model.ts'
import type { DatabaseWork, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'

/** How many tables are named before the rest is summed up. */
const TABLES_SHOWN = 10
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Now versus snapshot, item by item. Pure. */
export function findDifferences(
  trees: readonly TreeWork[],
  databases: readonly DatabaseWork[],
  facts: RestoreFacts,
): readonly Difference[] {
  return [
    ...databases.map(each => databaseDifference(each, facts)),
    ...trees.flatMap(each => treeDifferences(each, facts)),
  ]
}

/** `1.5 GiB`; whole bytes below 1 KiB. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

function databaseDifference(work: DatabaseWork, facts: RestoreFacts): Difference {
  const server = facts.servers[work.service]
  const recorded = facts.snapshot.stack.services.find(each => each.name === work.service)
  const counts = facts.databases[work.item]?.counts ?? null
  const state = {
    ready: 'not there',
    stopped: 'its server does not run',
    absent: 'its server is gone',
    broken: `its server cannot be asked (${server?.problem ?? 'no reason was given'})`,
  }[server?.state ?? 'absent']
  const now = !work.replaces
    ? state
    : counts === null
      ? 'there, not counted'
      : tablesText(counts.values, counts.exact, work.counts.values)
  return {
    item: work.item,
    now: withVersion(work.engine, server?.version ?? null, now),
    snapshot: withVersion(
      work.engine,
      recorded?.version ?? null,
      tablesText(work.counts.values, work.counts.exact, counts?.values ?? {}),
    ),
    replaces: work.replaces,
  }
}

function withVersion(engine: string, version: string | null, text: string): string {
  return version === null ? text : `${engine} ${version}: ${text}`
}

/** All tables in one sentence, those that differ from the other side first. */
function tablesText(
  values: Readonly<Record<string, number>>,
  exact: boolean,
  other: Readonly<Record<string, number>>,
): string {
  const tables = Object.entries(values)
  if (tables.length === 0) return 'no tables'
  const rows = tables.reduce((sum, [, count]) => sum + count, 0)
  const sorted = tables.toSorted(
    ([a, m], [b, n]) =>
      Math.abs(n - (other[b] ?? 0)) - Math.abs(m - (other[a] ?? 0)) || a.localeCompare(b),
  )
  const shown = sorted
    .slice(0, TABLES_SHOWN)
    .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
  const more = sorted.length - shown.length
  const about = exact ? '' : 'about '
  return (
    `${countText(tables.length, 'table', 'tables')}, ${about}${countText(rows, 'row', 'rows')}` +
    ` (${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''})`
  )
}

function treeDifferences(tree: TreeWork, facts: RestoreFacts): readonly Difference[] {
  const { archive } = tree
  const files = tree.files.map((file): Difference => {
    const hostPath = file.record.file?.hostPath ?? null
    const fact = hostPath === null ? undefined : facts.files[hostPath]
    const size = sizeText(file.record.plain.bytes)
    const same = fact?.sha256 === file.record.plain.sha256
    return {
      item: file.item,
      now:
        hostPath === null
          ? tree.replaces
            ? `${file.path}: whatever is there now`
            : `${file.path}: not there`
          : `${hostPath}: ${fact?.exists === true ? (same ? 'the same' : 'different') : 'not there'}`,
      snapshot: `${hostPath ?? file.path}: ${size}, changed ${file.record.file?.modified ?? facts.snapshot.time}`,
      replaces: hostPath === null ? tree.replaces : fact?.exists === true && !same,
    }
  })
  if (archive === null) return files
  const place = facts.places[tree.item]
  const there =
    place === undefined || place.entries === null || place.bytes === null
      ? 'there, not counted'
      : `${countText(place.entries, 'file or folder', 'files and folders')}, ${sizeText(place.bytes)}`
  return [
    {
      item: tree.item,
      now: place?.state === 'present' ? there : 'not there',
      // The archive's own entry for the folder is not counted.
      snapshot: `${countText(Math.max((archive.entries ?? 1) - 1, 0), 'file or folder', 'files and folders')}, ${sizeText(archive.plain.bytes)} as an archive`,
      replaces: tree.replaces,
    },
    ...files,
  ]
}
