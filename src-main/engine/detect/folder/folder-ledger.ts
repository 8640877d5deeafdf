import path from 'node:path'

import type { Finding, HostSummary, Item, StackPolicy } from '../../../contract/model.ts'
import { defaultPolicy } from '../../../contract/model.ts'
import { adminDatabase } from '../admin-database.ts'
import type { ComposeDefinition } from '../compose-file.ts'
import { coverageOf } from '../coverage.ts'
import type { DetectedSqlite, Inventory, StackFile } from '../inventory.ts'
import { applyPolicy } from '../policy.ts'
import { blank } from '../rows/row.ts'
import { finding } from '../traps/trap.ts'
import type { FolderScan } from './scan.ts'

/** Everything that is known of one stack in a folder: its ledger is computed from this alone. */
export interface FolderFacts {
  readonly host: HostSummary
  readonly takenAt: string
  readonly name: string
  readonly scan: FolderScan
  /** Folders inside that are stacks of their own, absolute. */
  readonly ownStacks: readonly string[]
  /** Values of its env files. */
  readonly environment: Readonly<Record<string, string>>
  readonly definition: ComposeDefinition | null
  readonly policies: Readonly<Record<string, Partial<StackPolicy>>>
}

/** Computes the inventory of a stack in a folder. Pure. */
export function folderInventory(facts: FolderFacts): Inventory {
  const { host, scan, name } = facts
  const policy = { ...defaultPolicy, ...facts.policies[`${host.id}/${name}`] }
  const admin = adminRows(facts)
  const rows = [
    ...configRows(scan),
    ...admin.rows,
    ...scan.sqlite.map(sqliteRow),
    restRow(facts),
    ...facts.ownStacks.map(ownStackRow),
  ]
  const items = applyPolicy(rows, policy)
  const findings = [...admin.findings, ...folderFindings(facts)]
  const sqlite = scan.sqlite.map((each): DetectedSqlite => ({
    ...each,
    item: `sqlite:${each.path}`,
    mount: null,
  }))
  const paths = (kind: StackFile['kind']): readonly string[] =>
    scan.files.filter(each => each.kind === kind).map(each => each.path)
  return {
    host,
    daemon: null,
    takenAt: facts.takenAt,
    stack: {
      host: host.id,
      name,
      kind: 'folder',
      coverage: coverageOf(items, findings),
      services: [],
      items,
      findings,
    },
    workingDirectory: scan.folder,
    configFiles: paths('compose'),
    environmentFiles: paths('env'),
    files: scan.files,
    containers: [],
    volumes: [],
    networks: [],
    images: [],
    servers: [],
    sqlite,
  }
}

const words = { compose: 'Compose file', env: 'env file', secrets: 'secret' } as const

function configRows(scan: FolderScan): readonly Item[] {
  return (['compose', 'env', 'secrets'] as const).flatMap((kind): readonly Item[] => {
    const files = scan.files.filter(each => each.kind === kind)
    if (files.length === 0) return []
    return [
      {
        ...blank,
        id: `config:${kind}`,
        kind: 'config',
        source: files.map(each => each.path).join(', '),
        sizeBytes: files.reduce((sum, each) => sum + (each.sizeBytes ?? 0), 0),
        method: 'copy',
        consistency: 'app-consistent',
        criticality: 'critical',
        decision: 'include',
        reason: `${files.length} ${words[kind]}${files.length === 1 ? '' : 's'}, byte for byte, with mode and owner.`,
      },
    ]
  })
}

function sqliteRow(file: FolderScan['sqlite'][number]): Item {
  return {
    ...blank,
    id: `sqlite:${file.path}`,
    kind: 'sqlite',
    engine: 'sqlite',
    source: file.path,
    sizeBytes: file.sizeBytes,
    method: 'sqlite-backup',
    consistency: 'app-consistent',
    criticality: 'critical',
    decision: 'include',
    reason:
      'SQLite database, known by its header: taken with its log as one safe copy and checked, while programs may go on writing.',
  }
}

function restRow({ scan }: FolderFacts): Item {
  const databases = scan.sqlite.reduce((sum, each) => sum + each.sizeBytes, 0)
  return {
    ...blank,
    id: `bind:${scan.folder}`,
    kind: 'bind',
    source: scan.folder,
    sizeBytes: Math.max(0, scan.sizeBytes - databases),
    method: 'copy',
    // Nothing here can be stopped or paused: what writes to a plain folder is not known before the copy.
    consistency: 'hot',
    decision: 'include',
    reason:
      scan.sqlite.length === 0
        ? 'All files of the folder.'
        : 'All other files of the folder; its SQLite databases are taken by their own safe copies.',
  }
}

function ownStackRow(folder: string): Item {
  return {
    ...blank,
    id: `bind:${folder}`,
    kind: 'bind',
    source: folder,
    decision: 'exclude',
    reason: `Left out: ${path.basename(folder)} is a stack of its own.`,
  }
}

/** The database that a gptchat uses by its variables, when it is not among the files. */
function adminRows(facts: FolderFacts): {
  readonly rows: readonly Item[]
  readonly findings: readonly Finding[]
} {
  const { scan } = facts
  const chosen = adminDatabase(facts.environment)
  if (chosen === null) return { rows: [], findings: [] }
  if (chosen.type === 'postgres') {
    const id = `database:${chosen.host ?? 'postgres'}/${chosen.name ?? '*'}`
    const row: Item = {
      ...blank,
      id,
      kind: 'database',
      engine: 'postgres',
      source: chosen.name ?? '*',
      criticality: 'critical',
      decision: 'cannot',
      reason: `Cannot be taken from a folder: ${chosen.variable} names a Postgres server${chosen.host === null ? '' : ` on ${chosen.host}`}.`,
    }
    return {
      rows: [row],
      findings: [
        finding(
          'critical',
          'admin-database',
          id,
          `The app keeps its data in Postgres (${chosen.variable}), which is not part of this folder.`,
          'Back up the host on which this server runs in a container.',
        ),
      ],
    }
  }
  const wanted = chosen.path
  if (wanted === null) return { rows: [], findings: [] }
  const absolute = path.resolve(scan.folder, wanted)
  const relative = path.relative(scan.folder, absolute).split(path.sep).join('/')
  const found = scan.sqlite.find(each => each.path === relative)
  if (found !== undefined) {
    return {
      rows: [],
      findings: [
        finding(
          'info',
          'admin-database',
          `sqlite:${relative}`,
          `The app keeps its data in SQLite (${chosen.variable}), at ${relative}.`,
          'It is backed up while the app runs.',
        ),
      ],
    }
  }
  const outside = relative.startsWith('../') || path.isAbsolute(relative)
  const why = outside
    ? 'it lies outside of this folder'
    : 'there is no SQLite database at that place'
  const row: Item = {
    ...blank,
    id: `sqlite:${relative}`,
    kind: 'sqlite',
    engine: 'sqlite',
    source: absolute,
    criticality: 'critical',
    decision: 'cannot',
    reason: `Cannot be taken: ${chosen.variable} says that the database is ${absolute}, but ${why}.`,
  }
  return {
    rows: [row],
    findings: [
      finding(
        'critical',
        'admin-database',
        row.id,
        `The app's database is missed: ${absolute} is set (${chosen.variable}), but ${why}.`,
        outside
          ? `Add the folder that holds it: folder:${path.dirname(absolute)}`
          : 'Correct the path in .env.',
      ),
    ],
  }
}

function folderFindings({ scan, definition }: FolderFacts): readonly Finding[] {
  const [unreadable] = scan.unreadable
  const volumes = definition?.volumes ?? []
  return [
    ...(unreadable === undefined
      ? []
      : [
          finding(
            'critical',
            'unreadable',
            `bind:${scan.folder}`,
            `You may not read ${scan.unreadable.join(', ')}: a backup would miss it.`,
            'Run Lifeboat as the user that owns the files.',
          ),
        ]),
    ...(volumes.length === 0
      ? []
      : [
          finding(
            'warning',
            'volumes-elsewhere',
            'config:compose',
            `The Compose file names volumes (${volumes.join(', ')}) that Docker keeps outside of this folder.`,
            'Back up this stack from its Docker host instead of from the folder.',
          ),
        ]),
    finding(
      'info',
      'folder-not-quiet',
      `bind:${scan.folder}`,
      `Programs that write to ${scan.folder} are not stopped while its files are copied; SQLite databases are copied safely all the same.`,
      'Stop the app first if other files must fit together exactly.',
    ),
  ]
}
