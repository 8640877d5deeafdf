import { defaultPolicy, type HostSummary, type Item } from '../../../src-main/contract/model.ts'
import type { Inventory } from '../../../src-main/engine/detect/inventory.ts'
import type { ContainerDefinition } from '../../../src-main/engine/hosts/host.ts'
import type { PlaceFact, RestoreFacts } from '../../../src-main/engine/restore/facts.ts'
import type {
  ArtifactRecord,
  Manifest,
  ManifestItem,
} from '../../../src-main/engine/store/manifest.ts'

/** A small stack for the pure parts: `db` (Postgres) in a volume, `app` with a volume, a bind and secrets. */

export const hash = 'a'.repeat(64)

export function artifact(
  name: string,
  item: string,
  extra: Partial<ArtifactRecord> = {},
): ArtifactRecord {
  const measured = { bytes: 1000, sha256: hash }
  return {
    path: `${name}.zst`,
    name,
    item,
    content: name.endsWith('.tar') ? 'tar' : 'bytes',
    codec: 'zstd',
    encryption: 'none',
    plain: measured,
    compressed: measured,
    stored: measured,
    entries: name.endsWith('.tar') ? 5 : null,
    index: null,
    proof: null,
    file: null,
    basedOn: [],
    ...extra,
  }
}

export function fileArtifact(hostPath: string, item: string): ArtifactRecord {
  return artifact(`config${hostPath}`, item, {
    file: {
      hostPath,
      mode: 0o600,
      uid: 0,
      gid: 0,
      modified: '2026-11-20T00:00:00.000Z',
      kind: 'file',
      linkTarget: null,
    },
  })
}

export function item(
  id: string,
  artifacts: readonly string[],
  extra: Partial<ManifestItem> = {},
): ManifestItem {
  const kind = id.slice(0, id.indexOf(':')) as ManifestItem['kind']
  const rest = id.slice(id.indexOf(':') + 1)
  return {
    id,
    kind,
    engine: kind === 'database' ? 'postgres' : null,
    service: kind === 'database' ? rest.slice(0, rest.indexOf('/')) : 'app',
    writers: ['app'],
    source: rest,
    target: null,
    method: 'copy',
    consistency: 'app-consistent',
    criticality: 'critical',
    outcome: 'complete',
    error: null,
    artifacts: [...artifacts],
    counts: kind === 'database' ? { 'public.users': 10, 'public.notes': 3 } : {},
    countsExact: kind === 'database',
    facts: {},
    warnings: [],
    durationMs: 1,
    ...extra,
  }
}

export const hostSummary: HostSummary = {
  id: 'local',
  label: 'local',
  kind: 'docker',
  endpoint: 'unix:///var/run/docker.sock',
  source: 'default',
  reason: 'the default',
  isDefault: true,
  state: 'ready',
  problem: null,
  daemon: {
    id: 'ENGINE',
    name: 'server',
    version: '26.1.5',
    apiVersion: '1.45',
    operatingSystem: 'Debian',
    architecture: 'x86_64',
    cpus: 2,
    time: '2026-11-21T00:00:00.000Z',
  },
}

export function container(
  service: string,
  extra: Partial<ContainerDefinition> = {},
): ContainerDefinition & { readonly service: string } {
  return {
    service,
    id: `id-${service}`,
    name: `demo-${service}-1`,
    image: `${service}:1`,
    imageId: `sha256:${service}`,
    state: 'running',
    health: null,
    exitCode: null,
    labels: {},
    env: {},
    command: [],
    entrypoint: [],
    user: '',
    mounts: [],
    networks: ['demo_default'],
    ports: [],
    restartPolicy: 'always',
    stopGraceMs: 10_000,
    readOnlyRoot: false,
    tty: false,
    startedAt: null,
    raw: {},
    ...extra,
  }
}

export const appMounts = [
  { type: 'volume', source: 'demo_files', target: '/data', readOnly: false, driver: 'local' },
  { type: 'bind', source: '/srv/demo/secrets', target: '/secrets', readOnly: true, driver: null },
] as const
const dbMounts = [
  {
    type: 'volume',
    source: 'demo_db',
    target: '/var/lib/postgresql/data',
    readOnly: false,
    driver: 'local',
  },
] as const

const services = [
  { name: 'app', dependsOn: ['db'], engine: null, version: null },
  { name: 'db', dependsOn: [], engine: 'postgres', version: '17.2' },
]

export function manifest(extra: Partial<Manifest> = {}): Manifest {
  const artifacts = [
    artifact('volumes/demo_files.tar', 'volume:demo_files'),
    artifact('binds/srv/demo/secrets.tar', 'bind:/srv/demo/secrets'),
    artifact('databases/db/main.dump', 'database:db/main'),
    artifact('databases/db/globals.sql', 'database:db/*'),
    fileArtifact('/srv/demo/.env', 'config:env'),
    fileArtifact('/srv/demo/compose.yaml', 'config:compose'),
    fileArtifact('/srv/demo/secrets/key', 'config:secrets'),
  ]
  const paths = (name: string): string[] =>
    artifacts.filter(each => each.item === name).map(each => each.path)
  return {
    $schema: 'urn:lifeboat:schema:manifest:1',
    schemaVersion: 1,
    id: 'local/demo/20261121T000000Z',
    repositoryId: 'repository',
    origin: 'backup',
    outcome: 'complete',
    time: '2026-11-21T00:00:00.000Z',
    startedAt: '2026-11-21T00:00:00.000Z',
    finishedAt: '2026-11-21T00:01:00.000Z',
    lifeboat: { version: '0.1.0', node: '24' },
    host: {
      id: 'local',
      label: 'local',
      kind: 'docker',
      daemonId: 'ENGINE',
      daemonVersion: '26.1.5',
      operatingSystem: 'Debian',
      architecture: 'x86_64',
    },
    clocks: { local: '2026-11-21T00:00:00.000Z', host: null },
    stack: {
      name: 'demo',
      kind: 'compose',
      workingDirectory: '/srv/demo',
      configFiles: ['/srv/demo/compose.yaml'],
      environmentFiles: ['/srv/demo/.env'],
      services: services.map(each => ({
        ...each,
        dependsOn: [...each.dependsOn],
        containerName: `demo-${each.name}-1`,
        image: `${each.name}:1`,
        imageId: `sha256:${each.name}`,
        imageDigests: [],
        state: 'running',
      })),
    },
    quiesce: { downtimeMs: 0, services: [] },
    items: [
      item('volume:demo_files', paths('volume:demo_files'), {
        facts: { leftOut: ['cache', 'app.db', 'app.db-wal'] },
      }),
      item('bind:/srv/demo/secrets', paths('bind:/srv/demo/secrets')),
      item('database:db/main', [...paths('database:db/main'), ...paths('database:db/*')]),
      item('config:env', paths('config:env')),
      item('config:compose', paths('config:compose')),
      item('config:secrets', paths('config:secrets')),
    ],
    artifacts,
    excluded: [{ item: 'volume:demo_db', reason: 'covered by the dump' }],
    warnings: [],
    ...extra,
  }
}

export const present: PlaceFact = {
  state: 'present',
  type: 'directory',
  entries: 7,
  bytes: 4096,
  freeBytes: 10 ** 12,
  fileSystem: '1',
  problem: null,
}
export const gone: PlaceFact = {
  ...present,
  state: 'absent',
  entries: null,
  bytes: null,
  freeBytes: null,
  fileSystem: null,
}

function row(id: string): Item {
  return {
    id,
    kind: id.slice(0, id.indexOf(':')) as Item['kind'],
    engine: null,
    service: 'app',
    writers: [],
    source: id.slice(id.indexOf(':') + 1),
    target: null,
    sizeBytes: null,
    method: 'copy',
    consistency: 'app-consistent',
    criticality: 'critical',
    decision: 'include',
    reason: '',
  }
}

export function inventory(extra: Partial<Inventory> = {}): Inventory {
  return {
    host: hostSummary,
    daemon: hostSummary.daemon,
    takenAt: '2026-11-22T00:00:00.000Z',
    stack: {
      host: 'local',
      name: 'demo',
      kind: 'compose',
      coverage: 'covered',
      services: [],
      items: ['volume:demo_files', 'bind:/srv/demo/secrets'].map(row),
      findings: [],
    },
    workingDirectory: '/srv/demo',
    configFiles: [],
    environmentFiles: [],
    files: [],
    containers: [container('app', { mounts: appMounts }), container('db', { mounts: dbMounts })],
    volumes: [],
    networks: [],
    images: [],
    servers: [
      {
        service: 'db',
        containerId: 'id-db',
        engine: 'postgres',
        facts: null,
        problem: null,
        dataDirectory: '/var/lib/postgresql/data',
        dataMounts: ['volume:demo_db'],
      },
    ],
    sqlite: [],
    ...extra,
  }
}

/** Everything is there and sound. */
export function facts(extra: Partial<RestoreFacts> = {}): RestoreFacts {
  const found = extra.inventory === undefined ? inventory() : extra.inventory
  return {
    snapshot: manifest(),
    definitions: {
      containers: [container('app', { mounts: appMounts }), container('db', { mounts: dbMounts })],
      networks: [
        {
          id: 'n',
          name: 'demo_default',
          driver: 'bridge',
          labels: {},
          raw: { Name: 'demo_default' },
        },
      ],
      volumes: [
        {
          name: 'demo_files',
          driver: 'local',
          labels: { 'com.docker.compose.volume': 'files' },
          options: {},
          raw: {},
        },
        {
          name: 'demo_db',
          driver: 'local',
          labels: { 'com.docker.compose.volume': 'db' },
          options: {},
          raw: {},
        },
      ],
    },
    damaged: [],
    host: hostSummary,
    hostWasNamed: false,
    inventory: found,
    policy: defaultPolicy,
    containers: found?.containers ?? [],
    volumes: ['demo_files', 'demo_db'],
    networks: ['demo_default'],
    images: ['sha256:app', 'sha256:db'],
    places: {
      'volume:demo_files': present,
      'volume:demo_db': present,
      'bind:/srv/demo/secrets': present,
      'bind:/srv/demo': present,
    },
    singleFiles: [],
    files: {
      '/srv/demo/.env': { exists: true, sha256: 'b'.repeat(64) },
      '/srv/demo/compose.yaml': { exists: true, sha256: hash },
      '/srv/demo/secrets/key': { exists: true, sha256: hash },
    },
    servers: {
      db: {
        state: 'ready',
        problem: null,
        version: '17.2',
        databases: [{ name: 'main', sizeBytes: 1 }],
      },
    },
    databases: {
      'database:db/main': { counts: { values: { 'public.users': 12 }, exact: true }, blockers: [] },
    },
    only: null,
    now: '2026-11-22T00:00:00.000Z',
    ...extra,
  }
}

/** Nothing of the stack is left on the host. */
export function lost(extra: Partial<RestoreFacts> = {}): RestoreFacts {
  return facts({
    inventory: null,
    volumes: [],
    networks: [],
    places: {
      'volume:demo_files': gone,
      'volume:demo_db': gone,
      'bind:/srv/demo/secrets': gone,
      'bind:/srv/demo': gone,
    },
    files: {},
    servers: { db: { state: 'absent', problem: null, version: null, databases: [] } },
    databases: {},
    ...extra,
  })
}
