import { z } from 'zod'

/** The version of the snapshot format that this program writes. A higher one is refused (docs/repository-format.md). */
export const MANIFEST_VERSION = 1
export const MANIFEST_SCHEMA = 'urn:lifeboat:schema:manifest:1'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const bytes = z.number().int().nonnegative()
const time = z.iso.datetime()

const measured = z.strictObject({ bytes, sha256 })

/** One stored file of a snapshot. `plain` is what a restore gets, `stored` what lies on disk. */
const artifact = z.strictObject({
  /** Relative, forward slashes, with codec and encryption suffix: `volumes/files.tar.zst`. */
  path: z.string(),
  /** Path as it was asked for, with real names and without suffixes: `volumes/files.tar`. */
  name: z.string(),
  item: z.string(),
  content: z.enum([
    'tar',
    'pg-custom',
    'pg-sql',
    'mysql-sql',
    'mongo-archive',
    'rdb',
    'sqlite',
    'json',
    'bytes',
  ]),
  codec: z.enum(['none', 'zstd']),
  encryption: z.enum(['none', 'age']),
  plain: measured,
  compressed: measured,
  stored: measured,
  /** Entries of an archive. */
  entries: z.number().int().nonnegative().nullable(),
  /** The list of an archive's entries: JSON lines, zstd, beside it. */
  index: z.string().nullable(),
  /** How completeness was proved at the source. */
  proof: z
    .strictObject({
      exitCode: z.number().int(),
      streamBytes: bytes.nullable(),
      streamSha256: sha256.nullable(),
      plainBytes: bytes.nullable(),
    })
    .nullable(),
  /** For files kept as they are (config): how they were on the host. */
  file: z
    .strictObject({
      hostPath: z.string(),
      mode: z.number().int(),
      uid: z.number().int(),
      gid: z.number().int(),
      modified: time,
      kind: z.enum(['file', 'symlink']),
      linkTarget: z.string().nullable(),
    })
    .nullable(),
  /** Earlier snapshots whose archives this one builds on, oldest first; empty for a full archive. */
  basedOn: z.array(z.string()),
})

const item = z.strictObject({
  id: z.string(),
  kind: z.enum(['database', 'sqlite', 'volume', 'bind', 'bucket', 'config']),
  engine: z.string().nullable(),
  service: z.string().nullable(),
  writers: z.array(z.string()),
  source: z.string(),
  target: z.string().nullable(),
  method: z.string(),
  consistency: z.enum(['app-consistent', 'crash-consistent', 'hot', 'none']),
  criticality: z.enum(['critical', 'important', 'replayable']),
  outcome: z.enum(['complete', 'failed']),
  error: z.string().nullable(),
  artifacts: z.array(z.string()),
  /** `schema.table`, collection or kind of file → number, taken in the dump's own point in time. */
  counts: z.record(z.string(), z.number()),
  countsExact: z.boolean(),
  /** What the driver must know at restore: plain JSON, no secrets. */
  facts: z.record(z.string(), z.unknown()),
  warnings: z.array(z.string()),
  durationMs: z.number().nonnegative(),
})

/** `manifest.json`: everything about one snapshot. The manifests are the catalogue. */
export const manifestSchema = z.strictObject({
  $schema: z.string(),
  schemaVersion: z.literal(MANIFEST_VERSION),
  id: z.string(),
  repositoryId: z.string(),
  origin: z.enum(['backup', 'safety', 'import']),
  outcome: z.enum(['complete', 'partial']),
  /** Start of the consistent point. */
  time,
  startedAt: time,
  finishedAt: time,
  lifeboat: z.strictObject({ version: z.string(), node: z.string() }),
  host: z.strictObject({
    id: z.string(),
    label: z.string(),
    kind: z.enum(['docker', 'folder']),
    daemonId: z.string().nullable(),
    daemonVersion: z.string().nullable(),
    operatingSystem: z.string().nullable(),
    architecture: z.string().nullable(),
  }),
  /** This computer's and the host's clock at the start; they may differ. */
  clocks: z.strictObject({ local: time, host: time.nullable() }),
  stack: z.strictObject({
    name: z.string(),
    kind: z.enum(['compose', 'swarm', 'standalone', 'folder']),
    workingDirectory: z.string().nullable(),
    configFiles: z.array(z.string()),
    environmentFiles: z.array(z.string()),
    services: z.array(
      z.strictObject({
        name: z.string(),
        containerName: z.string(),
        image: z.string(),
        imageId: z.string(),
        imageDigests: z.array(z.string()),
        state: z.string(),
        engine: z.string().nullable(),
        version: z.string().nullable(),
        dependsOn: z.array(z.string()),
      }),
    ),
  }),
  quiesce: z.strictObject({
    downtimeMs: z.number().nonnegative(),
    services: z.array(
      z.strictObject({
        service: z.string(),
        how: z.enum(['stop', 'pause']),
        milliseconds: z.number().nonnegative(),
      }),
    ),
  }),
  items: z.array(item),
  artifacts: z.array(artifact),
  excluded: z.array(z.strictObject({ item: z.string(), reason: z.string() })),
  warnings: z.array(z.string()),
})

export type Manifest = z.infer<typeof manifestSchema>
export type ArtifactRecord = Manifest['artifacts'][number]
export type ManifestItem = Manifest['items'][number]
