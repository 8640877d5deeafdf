import { describe, expect, it } from 'vitest'

import { defaultPolicy, type Item } from '../../../src-main/contract/model.ts'
import { coverageOf } from '../../../src-main/engine/detect/coverage.ts'
import type { MountFacts, StackFacts } from '../../../src-main/engine/detect/facts.ts'
import { buildLedger, type Ledger } from '../../../src-main/engine/detect/ledger.ts'
import { mountIdOf } from '../../../src-main/engine/detect/mounts.ts'
import { applyPolicy } from '../../../src-main/engine/detect/policy.ts'
import { settle } from '../../../src-main/engine/detect/quiesce.ts'
import { engineLists, type ServiceFixture } from '../../fixtures/projects/define.ts'
import { factsOf, serverFacts } from '../../fixtures/projects/facts.ts'
import { empty, filled, missing, withSqlite } from '../../fixtures/projects/mount-facts.ts'
import { randomFacts } from '../../fixtures/projects/random.ts'

type Services = Readonly<Record<string, ServiceFixture>>

function stackFacts(
  services: Services,
  mounts: Readonly<Record<string, MountFacts>> = {},
  more: (facts: StackFacts) => Partial<StackFacts> = () => ({}),
): StackFacts {
  const facts = factsOf(engineLists([{ name: 'app', services }]), 'app')
  const seen = { ...facts, mounts: new Map(Object.entries(mounts)) }
  return { ...seen, ...more(seen) }
}

function ledgerOf(...parameters: Parameters<typeof stackFacts>): Ledger {
  return buildLedger(stackFacts(...parameters))
}

function row(ledger: Ledger, id: string): Item {
  const found = ledger.items.find(each => each.id === id)
  if (found === undefined) {
    throw new Error(`no ${id} among ${ledger.items.map(each => each.id).join(', ')}`)
  }
  return found
}

const seeds = Array.from({ length: 400 }, (_, index) => index + 1)

describe('detect/ledger: nothing unaccounted for', () => {
  it('has one row for every mount and volume of any stack, each with its reason', () => {
    for (const seed of seeds) {
      const facts = randomFacts(seed)
      const { items } = buildLedger(facts)
      const ids = items.map(each => each.id)
      expect(new Set(ids).size, `seed ${seed}`).toBe(ids.length)
      const inventory = new Set([
        ...facts.group.containers.flatMap(each =>
          each.mounts.map(mount => mountIdOf(mount, each.service)),
        ),
        ...facts.group.volumes.map(each => `volume:${each.name}`),
        ...facts.files.map(each => `config:${each.kind}`),
      ])
      for (const id of ids) inventory.delete(id)
      expect([...inventory], `seed ${seed}`).toEqual([])
      for (const item of items)
        expect(item.reason, `${item.id} of seed ${seed}`).toMatch(/\S.*[.:…]/)
    }
  })

  it('says of every row one thing only', () => {
    for (const seed of seeds) {
      const { items } = buildLedger(randomFacts(seed))
      for (const item of items) {
        const what = `${item.id} of seed ${seed}: ${JSON.stringify(item)}`
        if (item.decision === 'include') {
          expect(item.method, what).not.toBe('none')
          expect(item.consistency, what).not.toBe('none')
        } else {
          expect([item.method, item.consistency, item.takenWith], what).toEqual([
            'none',
            'none',
            undefined,
          ])
        }
        if (item.takenWith === undefined) continue
        const holder = items.find(each => each.id === item.takenWith)
        expect(holder?.decision, what).toBe('include')
        expect(holder?.takenWith, what).toBeUndefined()
      }
    }
  })

  it('changes nothing when what was decided is applied again', () => {
    for (const seed of seeds) {
      const facts = randomFacts(seed)
      const { items } = buildLedger(facts)
      const again = settle(applyPolicy(items, facts.policy), facts.group.containers, facts.policy)
      expect(again, `seed ${seed}`).toEqual(items)
    }
  })

  it('copies nothing hot unless the user, a dumped server or another stack is the cause', () => {
    for (const seed of seeds) {
      const facts = randomFacts(seed)
      if (facts.policy.quiesce === 'none') continue
      const { items } = buildLedger(facts)
      const dumped = new Set(items.filter(each => each.method === 'dump').map(each => each.service))
      const causes = (item: Item): boolean =>
        item.writers.some(writer => writer.includes('/') || dumped.has(writer))
      for (const item of items.filter(each => each.consistency === 'hot')) {
        const holder = items.find(each => each.id === item.takenWith)
        expect(
          causes(item) || (holder !== undefined && causes(holder)),
          `${item.id} of seed ${seed}`,
        ).toBe(true)
      }
    }
  })
})

describe('detect/ledger: databases', () => {
  const db = { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data'] }

  it('lists each database, leaves out the engine’s own, and covers the data folder', () => {
    const facts = serverFacts(['chat', 'wiki'])
    const ledger = ledgerOf({ db }, {}, ({ group }) => ({
      servers: [
        {
          containerId: group.containers[0]?.id ?? '',
          problem: null,
          facts: {
            ...facts,
            databases: [
              ...facts.databases,
              { name: 'template1', sizeBytes: 1, criticality: 'critical', system: true },
            ],
          },
        },
      ],
    }))
    expect(row(ledger, 'database:db/chat')).toMatchObject({
      method: 'dump',
      consistency: 'app-consistent',
    })
    expect(row(ledger, 'database:db/template1').decision).toBe('exclude')
    expect(row(ledger, 'volume:app_db')).toMatchObject({
      method: 'covered-by-dump',
      engine: 'postgres',
    })
    expect(ledger.servers[0]?.dataMounts).toEqual(['volume:app_db'])
  })

  it('falls back to a stopped copy when no login works, and says which variable was tried (B2)', () => {
    const ledger = ledgerOf({ db, web: { image: 'example/web:1' } }, {}, ({ group }) => ({
      servers: [
        {
          containerId: group.containers.find(each => each.service === 'db')?.id ?? '',
          facts: null,
          problem: 'The login with POSTGRES_PASSWORD was refused',
        },
      ],
    }))
    const database = row(ledger, 'database:db/*')
    expect(database).toMatchObject({
      decision: 'include',
      method: 'stopped-copy',
      consistency: 'app-consistent',
      takenWith: 'volume:app_db',
    })
    expect(database.reason).toContain('POSTGRES_PASSWORD')
    expect(database.reason).toMatch(/crash-safe copy, not a dump/i)
    expect(row(ledger, 'volume:app_db')).toMatchObject({ method: 'stopped-copy', writers: ['db'] })
  })

  it('says that a database cannot be captured when there is neither dump nor volume', () => {
    const ledger = ledgerOf(
      {
        db: {
          image: 'postgres:17',
          env: { PGDATA: '/pgdata' },
          volumes: ['db:/var/lib/postgresql/data'],
        },
      },
      {},
      ({ group }) => ({
        servers: [{ containerId: group.containers[0]?.id ?? '', facts: null, problem: 'no login' }],
      }),
    )
    expect(row(ledger, 'database:db/*').decision).toBe('cannot')
    expect(coverageOf(ledger.items, ledger.findings)).not.toBe('covered')
  })

  it('copies the files of a server that is stopped as they are', () => {
    const ledger = ledgerOf({ db: { ...db, state: 'exited' } })
    expect(row(ledger, 'database:db/*')).toMatchObject({
      decision: 'include',
      takenWith: 'volume:app_db',
    })
    expect(row(ledger, 'volume:app_db')).toMatchObject({ consistency: 'app-consistent' })
  })

  it('takes the data folder that the server itself reports', () => {
    const ledger = ledgerOf(
      {
        db: {
          image: 'postgres:17',
          volumes: ['/anonymous', 'db:/srv/pg', './conf:/etc/postgresql'],
        },
      },
      {},
      ({ group }) => ({
        servers: [
          {
            containerId: group.containers[0]?.id ?? '',
            problem: null,
            facts: serverFacts(['a'], { dataDirectory: '/srv/pg/17/main' }),
          },
        ],
      }),
    )
    expect(row(ledger, 'volume:app_db').method).toBe('covered-by-dump')
    expect(row(ledger, 'bind:/srv/app/conf')).toMatchObject({
      method: 'copy',
      consistency: 'app-consistent',
      writers: [],
    })
  })

  it('copies what lies beside a data folder, but not the folder', () => {
    const services = { db: { image: 'postgres:18', volumes: ['db:/var/lib/postgresql'] } }
    const beside = ledgerOf(services, { 'volume:app_db': { ...filled, others: ['custom.cnf'] } })
    expect(row(beside, 'volume:app_db')).toMatchObject({ method: 'copy', consistency: 'hot' })
    expect(row(beside, 'volume:app_db').reason).toContain('18/docker')
    expect(row(ledgerOf(services, { 'volume:app_db': filled }), 'volume:app_db').method).toBe(
      'covered-by-dump',
    )
  })

  it('covers a disk that lies below the data folder, and a table space', () => {
    const ledger = ledgerOf(
      {
        db: {
          ...db,
          volumes: [...db.volumes, 'wal:/var/lib/postgresql/data/pg_wal', 'space:/mnt/space'],
        },
      },
      {
        'volume:app_space': {
          ...filled,
          signatures: [{ store: 'postgres-tablespace', path: 'PG_17_1' }],
        },
      },
    )
    expect(row(ledger, 'volume:app_wal').method).toBe('covered-by-dump')
    expect(row(ledger, 'volume:app_space').method).toBe('covered-by-dump')
  })

  it('copies databases without a driver while they are stopped, and says so', () => {
    const ledger = ledgerOf({
      ch: {
        image: 'clickhouse/clickhouse-server:24',
        volumes: ['ch:/var/lib/clickhouse', 'logs:/var/log/clickhouse-server'],
      },
      own: {
        image: 'registry.example.org/team/search:2',
        volumes: ['es:/usr/share/elasticsearch/data'],
      },
      custom: {
        image: 'minio/minio',
        command: ['server', '/mnt/disk1'],
        volumes: ['m:/mnt/disk1'],
      },
    })
    expect(row(ledger, 'volume:app_ch')).toMatchObject({
      engine: 'clickhouse',
      method: 'stopped-copy',
      consistency: 'app-consistent',
    })
    expect(row(ledger, 'volume:app_ch').reason).toContain('not a dump')
    expect(row(ledger, 'volume:app_es')).toMatchObject({
      engine: 'elasticsearch',
      method: 'stopped-copy',
    })
    expect(row(ledger, 'volume:app_m')).toMatchObject({ engine: 'minio', method: 'stopped-copy' })
    expect(ledger.services.map(each => each.engine)).toEqual([
      'clickhouse',
      'minio',
      'elasticsearch',
    ])
  })

  it('stops what listens where databases listen, without naming an engine', () => {
    const ledger = ledgerOf({
      x: { image: 'registry.example.org/x:1', ports: [9042], volumes: ['x:/var/x'] },
    })
    expect(row(ledger, 'volume:app_x')).toMatchObject({ engine: null, method: 'stopped-copy' })
    expect(ledger.services[0]?.engine).toBeNull()
  })

  it('stops a program in whose volume a database server’s files were found', () => {
    const ledger = ledgerOf(
      { gitlab: { image: 'gitlab/gitlab-ce:17', volumes: ['data:/var/opt/gitlab'] } },
      {
        'volume:app_data': {
          ...filled,
          signatures: [{ store: 'postgres', path: 'postgresql/data' }],
        },
      },
    )
    expect(row(ledger, 'volume:app_data')).toMatchObject({
      engine: 'postgres',
      method: 'stopped-copy',
      criticality: 'critical',
    })
  })
})

describe('detect/ledger: files', () => {
  it('takes SQLite databases apart from the volume that holds them', () => {
    const ledger = ledgerOf(
      { vault: { image: 'vaultwarden/server:1', volumes: ['./vw:/data'] } },
      { 'bind:/srv/app/vw': withSqlite('db.sqlite3', 'cache/x.db') },
    )
    expect(row(ledger, 'sqlite:/srv/app/vw/db.sqlite3')).toMatchObject({
      method: 'sqlite-backup',
      consistency: 'app-consistent',
      criticality: 'critical',
      target: '/data/db.sqlite3',
      writers: ['vault'],
    })
    expect(row(ledger, 'sqlite:/srv/app/vw/cache/x.db').criticality).toBe('replayable')
    expect(row(ledger, 'bind:/srv/app/vw').method).toBe('paused-copy')
    expect(ledger.sqlite.map(each => each.mount)).toEqual(['bind:/srv/app/vw', 'bind:/srv/app/vw'])
  })

  it('leaves the SQLite file of a store with the store', () => {
    const ledger = ledgerOf(
      { chroma: { image: 'chromadb/chroma:1.0.0', volumes: ['v:/data'] } },
      { 'volume:app_v': withSqlite('chroma.sqlite3') },
    )
    expect(ledger.items.some(each => each.kind === 'sqlite')).toBe(false)
    expect(row(ledger, 'volume:app_v').method).toBe('stopped-copy')
  })

  it('has one row for a volume of two services, with both as writers', () => {
    const ledger = ledgerOf({
      a: { image: 'example/a:1', volumes: ['v:/in'] },
      b: { image: 'example/b:1', volumes: ['v:/out'] },
      c: { image: 'example/c:1', volumes: ['v:/read:ro'] },
    })
    expect(row(ledger, 'volume:app_v').writers).toEqual(['a', 'b'])
  })

  it('counts nobody as writer of what all only read', () => {
    const ledger = ledgerOf({ a: { image: 'example/a:1', volumes: ['./conf:/conf:ro'] } })
    expect(row(ledger, 'bind:/srv/app/conf')).toMatchObject({
      writers: [],
      method: 'copy',
      consistency: 'app-consistent',
    })
  })

  it('takes nested binds once, and keeps quiet what writes to the inner one', () => {
    const ledger = ledgerOf({
      a: { image: 'example/a:1', volumes: ['./data:/data'] },
      b: { image: 'example/b:1', volumes: ['./data/uploads:/uploads'] },
      db: { image: 'clickhouse/clickhouse-server:24', volumes: ['./data/ch:/var/lib/clickhouse'] },
    })
    expect(row(ledger, 'bind:/srv/app/data/uploads').takenWith).toBe('bind:/srv/app/data')
    expect(row(ledger, 'bind:/srv/app/data').writers).toEqual(['a', 'b'])
    // What must be stopped keeps a row and a step of its own.
    expect(row(ledger, 'bind:/srv/app/data/ch')).toMatchObject({ method: 'stopped-copy' })
    expect(row(ledger, 'bind:/srv/app/data/ch').takenWith).toBeUndefined()
  })

  it('keeps env files and secrets that are bound by themselves with the configuration', () => {
    const ledger = ledgerOf({
      a: {
        image: 'example/a:1',
        volumes: [
          './.env:/app/.env',
          './password.txt:/run/secrets/password:ro',
          './secrets:/app/secrets:ro',
          './nginx.conf:/etc/nginx.conf:ro',
        ],
      },
    })
    expect(row(ledger, 'bind:/srv/app/.env').takenWith).toBe('config:env')
    expect(row(ledger, 'bind:/srv/app/password.txt').takenWith).toBe('config:secrets')
    expect(row(ledger, 'bind:/srv/app/secrets')).toMatchObject({
      method: 'copy',
      criticality: 'critical',
    })
    expect(row(ledger, 'bind:/srv/app/nginx.conf').takenWith).toBeUndefined()
    expect(row(ledger, 'config:env').decision).toBe('include')
    expect(row(ledger, 'config:secrets').source).toBe('/srv/app/password.txt')
  })

  it.each([
    ['/var/run/docker.sock', '/var/run/docker.sock'],
    ['/run/podman/podman.sock', '/var/run/docker.sock'],
    ['/etc/localtime', '/etc/localtime'],
    ['/sys/fs/cgroup', '/sys/fs/cgroup'],
    ['/dev/dri', '/dev/dri'],
    ['/proc', '/host/proc'],
    ['/lib/modules', '/lib/modules'],
    ['/var/run/utmp', '/var/run/utmp'],
    ['/var/lib/docker/volumes', '/volumes'],
  ])('leaves out %s, with the reason', (source, target) => {
    const ledger = ledgerOf({ a: { image: 'example/a:1', volumes: [`${source}:${target}`] } })
    expect(row(ledger, `bind:${source}`)).toMatchObject({ decision: 'exclude', method: 'none' })
    expect(row(ledger, `bind:${source}`).reason).toMatch(/^Left out: .{10}/)
    expect(coverageOf(ledger.items, ledger.findings)).toBe('covered')
  })

  it('leaves out memory, and takes an image mount for what it is', () => {
    const ledger = ledgerOf({ a: { image: 'example/a:1', tmpfs: ['/cache'] } })
    expect(row(ledger, 'tmpfs:a/cache').decision).toBe('exclude')
  })

  it('takes /tmp/app and /srv, but not the host', () => {
    const ledger = ledgerOf({
      a: {
        image: 'example/a:1',
        volumes: ['/tmp/app:/a', '/srv:/b', '/:/c:ro', '/etc/letsencrypt:/d'],
      },
    })
    expect(row(ledger, 'bind:/tmp/app').decision).toBe('include')
    expect(row(ledger, 'bind:/srv').decision).toBe('include')
    expect(row(ledger, 'bind:/etc/letsencrypt').decision).toBe('include')
    expect(row(ledger, 'bind:/').decision).toBe('exclude')
  })

  it('leaves out where backups go, and what a backup program only reads of others', () => {
    const lists = engineLists([
      {
        name: 'backup',
        services: {
          offen: {
            image: 'offen/docker-volume-backup:v2',
            volumes: ['/mnt/nas:/archive', '/srv/web/data:/backup/web:ro'],
          },
        },
      },
      { name: 'web', services: { web: { image: 'example/web:1', volumes: ['./data:/data'] } } },
    ])
    const ledger = buildLedger(factsOf(lists, 'backup'))
    expect(row(ledger, 'bind:/mnt/nas')).toMatchObject({ decision: 'exclude' })
    expect(row(ledger, 'bind:/srv/web/data').reason).toContain('the stack web')
  })

  it('does not take a main data folder for a place of backups because of its name', () => {
    const ledger = ledgerOf({
      a: { image: 'example/a:1', volumes: ['/mnt/backup:/data', 'app_backup:/config'] },
    })
    expect(row(ledger, 'bind:/mnt/backup').decision).toBe('include')
    expect(row(ledger, 'volume:app_app_backup').decision).toBe('include')
  })

  it('cannot take what is not there', () => {
    const ledger = ledgerOf(
      { a: { image: 'example/a:1', volumes: ['./data:/data'] } },
      { 'bind:/srv/app/data': missing },
    )
    expect(row(ledger, 'bind:/srv/app/data').decision).toBe('cannot')
    expect(coverageOf(ledger.items, ledger.findings)).toBe('uncovered')
  })

  it('takes an empty volume all the same', () => {
    const ledger = ledgerOf(
      { a: { image: 'example/a:1', volumes: ['v:/data'] } },
      { 'volume:app_v': empty },
    )
    expect(row(ledger, 'volume:app_v')).toMatchObject({ decision: 'include', sizeBytes: 0 })
  })

  it('takes volumes of the stack that nothing mounts', () => {
    const ledger = ledgerOf({ a: { image: 'example/a:1' } }, {}, ({ group }) => ({
      group: {
        ...group,
        volumes: [{ name: 'app_old', driver: 'local', labels: {}, options: {}, raw: {} }],
      },
    }))
    expect(row(ledger, 'volume:app_old')).toMatchObject({
      decision: 'include',
      consistency: 'app-consistent',
      writers: [],
    })
  })
})

describe('detect/ledger: what was decided', () => {
  const services: Services = {
    web: { image: 'example/web:1', volumes: ['files:/data', 'cache:/cache'] },
    db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data', './db_dumps:/dumps'] },
  }
  const decided = (policy: Partial<StackFacts['policy']>): Ledger =>
    ledgerOf(services, {}, () => ({ policy: { ...defaultPolicy, ...policy } }))

  it('leaves out by id or pattern, with the user’s reason', () => {
    const ledger = decided({ exclude: ['volume:*cache # can be made again', 'config:compose'] })
    expect(row(ledger, 'volume:app_cache')).toMatchObject({
      decision: 'exclude',
      reason: 'Left out by you: can be made again',
    })
    expect(row(ledger, 'config:compose').reason).toBe('Left out by you.')
    expect(row(ledger, 'volume:app_files').decision).toBe('include')
  })

  it('takes what is left out by default when the user says so', () => {
    const ledger = decided({ include: ['bind:/srv/app/db_dumps'] })
    expect(row(ledger, 'bind:/srv/app/db_dumps')).toMatchObject({
      decision: 'include',
      consistency: 'hot',
    })
  })

  it('copies a data folder besides the dump only hot, and says so', () => {
    const ledger = decided({ include: ['volume:app_db'] })
    expect(row(ledger, 'volume:app_db')).toMatchObject({ method: 'copy', consistency: 'hot' })
  })

  it('stops the server for its files when its databases are left out', () => {
    const ledger = decided({ exclude: ['database:db/*'], include: ['volume:app_db'] })
    expect(row(ledger, 'volume:app_db')).toMatchObject({
      method: 'stopped-copy',
      consistency: 'app-consistent',
    })
  })

  it('does not call a data folder covered when its databases are left out', () => {
    const ledger = decided({ exclude: ['database:*'] })
    expect(row(ledger, 'volume:app_db').decision).toBe('exclude')
  })

  it.each([
    ['auto', 'paused-copy', 'crash-consistent'],
    ['pause', 'paused-copy', 'crash-consistent'],
    ['stop', 'stopped-copy', 'app-consistent'],
    ['none', 'copy', 'hot'],
  ] as const)('with %s a volume is a %s, %s', (quiesce, method, consistency) => {
    expect(row(decided({ quiesce }), 'volume:app_files')).toMatchObject({ method, consistency })
  })

  it('calls a stack of which everything is left out uncovered', () => {
    const ledger = decided({ exclude: ['*'] })
    expect(coverageOf(ledger.items, ledger.findings)).toBe('uncovered')
  })
})

describe('detect/ledger: services and kinds of stacks', () => {
  it('lists services that are defined but have no container', () => {
    const ledger = ledgerOf({ a: { image: 'example/a:1' } }, {}, () => ({
      definition: {
        services: [{ name: 'job', image: 'example/job:1', dependsOn: ['a'], builds: false }],
        environmentFiles: [],
        secretFiles: [],
        composeFiles: [],
        externalSecrets: [],
        volumes: [],
        problems: [],
      },
    }))
    expect(ledger.services.map(each => [each.name, each.state, each.dependsOn])).toEqual([
      ['a', 'running', []],
      ['job', 'missing', ['a']],
    ])
  })

  it('says of a Swarm stack what Swarm does not give out', () => {
    const facts = stackFacts({
      a: { image: 'example/a:1', env: { PASSWORD_FILE: '/run/secrets/password' } },
    })
    const { items, findings } = buildLedger({
      ...facts,
      group: { ...facts.group, kind: 'swarm', configFiles: [] },
      files: [],
    })
    expect(items.filter(each => each.decision === 'cannot').map(each => each.id)).toEqual([
      'config:compose',
      'config:secrets',
    ])
    expect(coverageOf(items, findings)).toBe('partly')
  })

  it('asks for no Compose file of a container that was started by hand', () => {
    const facts = stackFacts({ a: { image: 'example/a:1', volumes: ['v:/data'] } })
    const { items, findings } = buildLedger({
      ...facts,
      group: { ...facts.group, kind: 'standalone', configFiles: [] },
      files: [],
    })
    expect(items.map(each => each.id)).toEqual(['volume:app_v'])
    expect(coverageOf(items, findings)).toBe('covered')
  })
})
