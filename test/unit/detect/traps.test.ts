import { describe, expect, it } from 'vitest'

import type { Finding } from '../../../src-main/contract/model.ts'
import { coverageOf } from '../../../src-main/engine/detect/coverage.ts'
import type { MountFacts, StackFacts } from '../../../src-main/engine/detect/facts.ts'
import type { StackFile } from '../../../src-main/engine/detect/inventory.ts'
import { buildLedger } from '../../../src-main/engine/detect/ledger.ts'
import {
  engineLists,
  type ProjectFixture,
  type ServiceFixture,
} from '../../fixtures/projects/define.ts'
import { factsOf, serverFacts } from '../../fixtures/projects/facts.ts'
import { empty, filled, missing, withSqlite } from '../../fixtures/projects/mount-facts.ts'

type Services = Readonly<Record<string, ServiceFixture>>

interface Trap {
  readonly name: string
  readonly services: Services
  readonly mounts?: Readonly<Record<string, MountFacts>>
  readonly more?: (facts: StackFacts) => Partial<StackFacts>
  readonly beside?: readonly ProjectFixture[]
  /** What must be found; the item may be a part of an id. */
  readonly finds: Pick<Finding, 'code' | 'severity'> & { readonly item?: string | null }
  /** The same stack without the trap: nothing of the kind may be found. */
  readonly healthy: Partial<Omit<Trap, 'name' | 'finds' | 'healthy'>>
}

function findingsOf(trap: Omit<Trap, 'name' | 'finds' | 'healthy'>): readonly Finding[] {
  const project: ProjectFixture = { name: 'trap', services: trap.services }
  const facts = factsOf(engineLists([project, ...(trap.beside ?? [])]), 'trap')
  const mounts = new Map(Object.entries(trap.mounts ?? {}))
  const seen = { ...facts, mounts }
  return buildLedger({ ...seen, ...trap.more?.(seen) }).findings
}

const postgres: ServiceFixture = { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data'] }

function containerId(facts: StackFacts, service: string): string {
  const found = facts.group.containers.find(each => each.service === service)
  if (found === undefined) throw new Error(`no ${service}`)
  return found.id
}

function layers(service: string, ...paths: readonly string[]): NonNullable<Trap['more']> {
  return facts => ({ layers: new Map([[containerId(facts, service), paths]]) })
}

function file(kind: StackFile['kind'], path: string, more: Partial<StackFile> = {}): StackFile {
  return { kind, path, exists: true, sizeBytes: 10, mode: 0o600, uid: 0, gid: 0, ...more }
}

const traps: readonly Trap[] = [
  {
    name: 'a new Chroma with its volume at the old path',
    services: { chroma: { image: 'chromadb/chroma:1.0.12', volumes: ['vectors:/chroma/chroma'] } },
    finds: { code: 'chroma-path', severity: 'critical', item: 'volume:trap_vectors' },
    healthy: {
      services: { chroma: { image: 'chromadb/chroma:1.0.12', volumes: ['vectors:/data'] } },
    },
  },
  {
    name: 'a Chroma without a version with its volume at the old path',
    services: { chroma: { image: 'chromadb/chroma', volumes: ['vectors:/chroma/chroma'] } },
    finds: { code: 'chroma-path', severity: 'critical', item: 'volume:trap_vectors' },
    healthy: {
      services: {
        chroma: {
          image: 'chromadb/chroma',
          env: { PERSIST_DIRECTORY: '/chroma/chroma' },
          volumes: ['vectors:/chroma/chroma'],
        },
      },
    },
  },
  {
    name: 'an old Chroma with its volume at the new path',
    services: {
      chroma: { image: 'ghcr.io/chroma-core/chroma:0.5.23', volumes: ['vectors:/data'] },
    },
    finds: { code: 'chroma-path', severity: 'critical', item: 'volume:trap_vectors' },
    healthy: {
      services: {
        chroma: { image: 'ghcr.io/chroma-core/chroma:0.5.23', volumes: ['vectors:/chroma/chroma'] },
      },
    },
  },
  {
    name: 'an empty volume',
    services: { app: { image: 'example/app:1', volumes: ['data:/data'] } },
    mounts: { 'volume:trap_data': empty },
    finds: { code: 'empty-volume', severity: 'warning', item: 'volume:trap_data' },
    healthy: { mounts: { 'volume:trap_data': filled } },
  },
  {
    name: 'an empty data volume of a store',
    services: { search: { image: 'qdrant/qdrant:v1.12.5', volumes: ['q:/qdrant/storage'] } },
    mounts: { 'volume:trap_q': empty },
    finds: { code: 'empty-volume', severity: 'critical', item: 'volume:trap_q' },
    healthy: { mounts: { 'volume:trap_q': filled } },
  },
  {
    name: 'a volume that was made by hand',
    services: { app: { image: 'example/app:1', volumes: ['data:/data'] } },
    more: ({ group }) => ({
      group: { ...group, volumes: group.volumes.map(each => ({ ...each, labels: {} })) },
    }),
    finds: { code: 'external-volume', severity: 'info', item: 'volume:trap_data' },
    healthy: { more: () => ({}) },
  },
  {
    name: 'a volume without a name',
    services: { app: { image: 'example/app:1', volumes: ['/data'] } },
    finds: { code: 'anonymous-volume', severity: 'warning', item: 'volume:' },
    healthy: { services: { app: { image: 'example/app:1', volumes: ['data:/data'] } } },
  },
  {
    name: 'a Postgres that writes beside its volume',
    services: { db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql'] } },
    finds: { code: 'data-folder', severity: 'warning', item: 'volume:' },
    healthy: { services: { db: postgres } },
  },
  {
    name: 'a Postgres whose data is in its own layer',
    services: {
      db: {
        image: 'postgres:17',
        env: { PGDATA: '/pgdata' },
        volumes: ['db:/var/lib/postgresql/data'],
      },
    },
    finds: { code: 'container-layer', severity: 'warning', item: 'database:db/*' },
    healthy: { services: { db: postgres } },
  },
  {
    name: 'a Postgres that cannot be dumped and whose data is in its own layer',
    services: {
      db: {
        image: 'postgres:17',
        env: { PGDATA: '/pgdata' },
        volumes: ['db:/var/lib/postgresql/data'],
      },
    },
    more: facts => ({
      servers: [{ containerId: containerId(facts, 'db'), facts: null, problem: 'login failed' }],
    }),
    finds: { code: 'container-layer', severity: 'critical', item: 'database:db/*' },
    healthy: { services: { db: postgres } },
  },
  {
    name: 'an SQLite database in a container’s own layer',
    services: { app: { image: 'example/app:1', volumes: ['config:/config'] } },
    mounts: { 'volume:trap_config': empty },
    more: layers('app', '/app', '/app/db', '/app/db/main.sqlite3', '/etc/hosts', '/tmp/x.db'),
    finds: { code: 'container-layer', severity: 'critical', item: 'layer:app/app/db/main.sqlite3' },
    healthy: {
      more: layers('app', '/tmp/x.db', '/config', '/var/log/app.log', '/root/.cache/a.db'),
    },
  },
  {
    name: 'files where data is usually kept in a container’s own layer',
    services: { app: { image: 'example/app:1' } },
    more: layers('app', '/data', '/data/uploads', '/data/uploads/a.jpg'),
    finds: { code: 'container-layer', severity: 'warning', item: null },
    healthy: { more: layers('app', '/data', '/usr/lib/x.so') },
  },
  {
    name: 'a store without any volume',
    services: { queue: { image: 'nats:2.10' } },
    more: layers('queue', '/data', '/data/jetstream', '/data/jetstream/meta.inf'),
    finds: { code: 'container-layer', severity: 'critical', item: 'layer:queue/data' },
    healthy: { more: layers('queue', '/tmp/nats.log') },
  },
  {
    name: 'a data folder that another program copies while its server runs',
    services: {
      db: postgres,
      backup: {
        image: 'offen/docker-volume-backup:v2.43',
        volumes: ['db:/backup/db:ro', '/mnt/nas:/archive'],
      },
    },
    finds: { code: 'hot-data-folder', severity: 'warning', item: 'volume:trap_db' },
    healthy: {
      services: {
        db: { ...postgres, labels: { 'docker-volume-backup.stop-during-backup': 'true' } },
        backup: {
          image: 'offen/docker-volume-backup:v2.43',
          volumes: ['db:/backup/db:ro', '/mnt/nas:/archive'],
        },
      },
    },
  },
  {
    name: 'another backup program',
    services: {
      backup: {
        image: 'ghcr.io/borgmatic-collective/borgmatic:1.9',
        volumes: ['/srv:/mnt/source:ro', './repo:/mnt/borg-repository'],
      },
    },
    finds: { code: 'other-backup-tool', severity: 'info', item: null },
    healthy: { services: { backup: { image: 'example/app:1' } } },
  },
  {
    name: 'a place where backups are written',
    services: {
      app: { image: 'example/app:1', volumes: ['./data:/data', './backups:/app/backups'] },
    },
    finds: { code: 'backup-destination', severity: 'info', item: 'bind:/srv/trap/backups' },
    healthy: { services: { app: { image: 'example/app:1', volumes: ['./data:/data'] } } },
  },
  {
    name: 'labels for another backup program',
    services: {
      db: {
        ...postgres,
        labels: { 'docker-volume-backup.archive-pre': '/bin/sh -c "pg_dumpall > /x"' },
      },
    },
    finds: { code: 'backup-label', severity: 'info', item: null },
    healthy: { services: { db: postgres } },
  },
  {
    name: 'a bound folder that is not there',
    services: { app: { image: 'example/app:1', volumes: ['./data:/data'] } },
    mounts: { 'bind:/srv/trap/data': missing },
    finds: { code: 'bind-missing', severity: 'critical', item: 'bind:/srv/trap/data' },
    healthy: { mounts: { 'bind:/srv/trap/data': filled } },
  },
  {
    name: 'a volume that is not there',
    services: { app: { image: 'example/app:1', volumes: ['data:/data'] } },
    mounts: { 'volume:trap_data': missing },
    finds: { code: 'volume-missing', severity: 'critical', item: 'volume:trap_data' },
    healthy: { mounts: { 'volume:trap_data': filled } },
  },
  {
    name: 'the whole host, writable',
    services: { agent: { image: 'portainer/agent:2', volumes: ['/:/host'] } },
    finds: { code: 'whole-host', severity: 'warning', item: 'bind:/' },
    healthy: { services: { agent: { image: 'portainer/agent:2', volumes: ['/:/host:ro'] } } },
  },
  {
    name: 'a folder of many stacks',
    services: { files: { image: 'filebrowser/filebrowser:s6', volumes: ['/srv:/srv'] } },
    finds: { code: 'wide-bind', severity: 'warning', item: 'bind:/srv' },
    healthy: {
      services: { files: { image: 'filebrowser/filebrowser:s6', volumes: ['/srv/files:/srv'] } },
    },
  },
  {
    name: 'a very large folder',
    services: { media: { image: 'jellyfin/jellyfin:10', volumes: ['/mnt/media/films:/media:ro'] } },
    mounts: { 'bind:/mnt/media/films': { ...filled, sizeBytes: 4e12 } },
    finds: { code: 'large-data', severity: 'warning', item: 'bind:/mnt/media/films' },
    healthy: { mounts: { 'bind:/mnt/media/films': { ...filled, sizeBytes: 4e9 } } },
  },
  {
    name: 'a volume on another machine',
    services: { app: { image: 'example/app:1', volumes: ['data:/data'] } },
    more: ({ group }) => ({
      group: {
        ...group,
        volumes: group.volumes.map(each => ({
          ...each,
          options: { type: 'nfs', device: ':/export' },
        })),
      },
    }),
    finds: { code: 'network-volume', severity: 'info', item: 'volume:trap_data' },
    healthy: { more: () => ({}) },
  },
  {
    name: 'a folder that another stack writes to',
    services: { app: { image: 'example/app:1', volumes: ['/mnt/shared:/data'] } },
    beside: [
      {
        name: 'other',
        services: { worker: { image: 'example/worker:1', volumes: ['/mnt/shared:/in'] } },
      },
    ],
    finds: { code: 'shared-with-other-stack', severity: 'warning', item: 'bind:/mnt/shared' },
    healthy: {
      beside: [
        {
          name: 'other',
          services: { worker: { image: 'example/worker:1', volumes: ['/mnt/shared:/in:ro'] } },
        },
      ],
    },
  },
  {
    name: 'a server that lets nobody in',
    services: { db: postgres },
    more: facts => ({
      servers: [
        {
          containerId: containerId(facts, 'db'),
          facts: null,
          problem: 'POSTGRES_PASSWORD was refused',
        },
      ],
    }),
    finds: { code: 'no-dump', severity: 'warning', item: 'database:db/*' },
    healthy: { more: () => ({}) },
  },
  {
    name: 'a version without fixes',
    services: { db: postgres },
    more: facts => ({
      servers: [
        {
          containerId: containerId(facts, 'db'),
          facts: serverFacts(['a'], { version: '13.4' }),
          problem: null,
        },
      ],
    }),
    finds: { code: 'database-end-of-life', severity: 'info', item: 'database:db/*' },
    healthy: { more: () => ({}) },
  },
  {
    name: 'a database server inside another program’s volume',
    services: { gitlab: { image: 'gitlab/gitlab-ce:17', volumes: ['data:/var/opt/gitlab'] } },
    mounts: {
      'volume:trap_data': {
        ...filled,
        signatures: [{ store: 'postgres', path: 'postgresql/data' }],
      },
    },
    finds: { code: 'embedded-database', severity: 'info', item: 'volume:trap_data' },
    healthy: { mounts: { 'volume:trap_data': filled } },
  },
  {
    name: 'an SQLite file that is bound by itself',
    services: { app: { image: 'example/app:1', volumes: ['./app.db:/app/app.db'] } },
    mounts: { 'bind:/srv/trap/app.db': { ...withSqlite(''), type: 'file' } },
    finds: { code: 'sqlite-alone', severity: 'warning', item: 'sqlite:/srv/trap/app.db' },
    healthy: { mounts: { 'bind:/srv/trap/app.db': { ...filled, type: 'file' } } },
  },
  {
    name: 'a search that was cut short',
    services: { app: { image: 'example/app:1', volumes: ['data:/data'] } },
    mounts: {
      'volume:trap_data': { ...filled, searched: false, problem: 'the search was cut short' },
    },
    finds: { code: 'search-incomplete', severity: 'warning', item: 'volume:trap_data' },
    healthy: { mounts: { 'volume:trap_data': filled } },
  },
  {
    name: 'a Compose file that is not on the host',
    services: { app: { image: 'example/app:1' } },
    more: () => ({ files: [file('compose', '/home/me/app/compose.yaml', { exists: false })] }),
    finds: { code: 'compose-missing', severity: 'critical', item: 'config:compose' },
    healthy: { more: () => ({ files: [file('compose', '/home/me/app/compose.yaml')] }) },
  },
  {
    name: 'no image that could serve as helper',
    services: { app: { image: 'example/app:1' } },
    more: () => ({ helperProblem: 'No image has a shell.', files: [] }),
    finds: { code: 'no-helper', severity: 'critical', item: null },
    healthy: { more: () => ({}) },
  },
  {
    name: 'an env file that everybody may read',
    services: { app: { image: 'example/app:1' } },
    more: () => ({ files: [file('env', '/srv/trap/.env', { mode: 0o644 })] }),
    finds: { code: 'world-readable', severity: 'info', item: 'config:env' },
    healthy: {
      more: () => ({
        files: [
          file('env', '/srv/trap/.env'),
          file('secrets', '/srv/trap/secrets/public.pem', { mode: 0o644 }),
        ],
      }),
    },
  },
  {
    name: 'an image without a fixed version',
    services: { app: { image: 'example/app:latest' } },
    finds: { code: 'latest-tag', severity: 'info', item: null },
    healthy: { services: { app: { image: 'example/app@sha256:' + 'a'.repeat(64) } } },
  },
  {
    name: 'a database on another machine',
    services: {
      app: {
        image: 'example/app:1',
        env: { DATABASE_URL: 'postgres://u:p@db.example.org:5432/x' },
      },
    },
    finds: { code: 'external-database', severity: 'warning', item: null },
    healthy: {
      services: {
        app: { image: 'example/app:1', env: { DATABASE_URL: 'postgres://u:p@db:5432/x' } },
        db: postgres,
      },
    },
  },
  {
    name: 'a gptchat whose SQLite lies inside the container',
    services: {
      chat: {
        image: 'example/gptchat:1',
        env: { ADMIN_DB_TYPE: 'sqlite', ADMIN_DB_PATH: '/app/admin.db' },
      },
    },
    finds: { code: 'admin-database', severity: 'critical', item: null },
    healthy: { services: { chat: { image: 'example/gptchat:1' } } },
  },
]

describe('detect/traps', () => {
  describe.each(traps.map(each => [each.name, each] as const))('%s', (_name, trap) => {
    const alike = (found: Finding): boolean =>
      found.code === trap.finds.code && found.severity === trap.finds.severity

    it('is found', () => {
      const found = findingsOf(trap).filter(alike)
      expect(found.map(each => each.code)).toEqual([trap.finds.code])
      if (trap.finds.item !== undefined && trap.finds.item !== null) {
        expect(found[0]?.item).toContain(trap.finds.item)
      }
      expect(found[0]?.message).not.toBe('')
      expect(found[0]?.hint).not.toBe('')
    })

    it('is not found where all is well', () => {
      expect(
        findingsOf({ ...trap, ...trap.healthy }).filter(each => each.code === trap.finds.code),
      ).toEqual([])
    })
  })

  it('makes a stack whose data is missed partly covered', () => {
    const lists = engineLists([
      {
        name: 'rag',
        services: { chroma: { image: 'chromadb/chroma:1.0.12', volumes: ['v:/chroma/chroma'] } },
      },
    ])
    const { items, findings } = buildLedger(factsOf(lists, 'rag'))
    expect(items.find(each => each.id === 'layer:chroma/data')?.decision).toBe('cannot')
    expect(coverageOf(items, findings)).toBe('partly')
  })

  it('speaks of no password in any finding', () => {
    const secret = 'correct-horse-battery'
    const services: Services = {
      app: {
        image: 'example/app:1',
        env: {
          DATABASE_URL: `postgres://u:${secret}@elsewhere:5432/x`,
          ADMIN_DATABASE_URL: `postgres://u:${secret}@elsewhere:5432/x`,
          PASSWORD: secret,
        },
      },
    }
    const found = findingsOf({ services })
    expect(found.length).toBeGreaterThan(1)
    expect(JSON.stringify(found)).not.toContain(secret)
  })
})
