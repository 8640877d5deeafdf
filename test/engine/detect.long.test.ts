import { mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { docker, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { composeLabels } from '../../lab/fixtures/compose-file.ts'
import { type ComposeProject, createProject } from '../../lab/fixtures/compose-stack.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { defaultPolicy, type Item } from '../../src-main/contract/model.ts'
import { detectStack, detectStacks } from '../../src-main/engine/detect/detect.ts'
import { pathInHelper } from '../../src-main/engine/detect/helper-paths.ts'
import type { Inventory } from '../../src-main/engine/detect/inventory.ts'
import { lookIntoMounts } from '../../src-main/engine/detect/search.ts'
import type { Helper } from '../../src-main/engine/hosts/helper.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { makeBackupPlan } from '../../src-main/engine/plan/backup-plan.ts'
import {
  engineId,
  type Home,
  inVolume,
  makeContainer,
  makeHome,
  makeVolume,
  openLab,
} from './capture-support.ts'

const lab = docker(engineId)
const signal = new AbortController().signal
const plans = { repository: '/r', lifeboatVersion: '1' }

const composeFile = `services:
  db:
    image: postgres:17
    labels: ${composeLabels}
    environment:
      POSTGRES_USER: owner
      POSTGRES_PASSWORD_FILE: /run/secrets/password
      POSTGRES_DB: my-data
    secrets: [ password ]
    volumes: [ "db:/var/lib/postgresql/data" ]
    stop_grace_period: 33s
  app:
    image: lab/base:1
    labels: ${composeLabels}
    init: true
    command: sleep infinity
    depends_on: [ db ]
    env_file: [ .env, ../shared/common.env, linked.env ]
    tmpfs: /scratch
    volumes:
      - files:/files
      - ./data:/data
      - ./data/inner:/inner
      - ./secrets:/app/secrets:ro
      - ./.env:/app/.env:ro
      - ./backups:/app/backups
      - /etc/localtime:/etc/localtime:ro
      - /var/run/docker.sock:/var/run/docker.sock
      - /anonymous
  idle:
    image: lab/base:1
    labels: ${composeLabels}
    command: sleep infinity
    depends_on: [ app ]
    volumes: [ "files:/files" ]
  never:
    image: lab/base:1
    profiles: [ tools ]
    depends_on: [ db ]
secrets:
  password: { file: ./password.txt }
volumes:
  db: { labels: ${composeLabels} }
  files: { labels: ${composeLabels} }
  empty: { labels: ${composeLabels} }
networks:
  default: { labels: ${composeLabels} }
`

const oddName = "it's; touch $(canary) `x`\n.sqlite3"

describe('detect on a real engine', () => {
  let home: Home
  let host: DockerHost
  let project: ComposeProject
  let anonymous = ''
  /** One look that several tests judge. */
  let seen: Inventory
  let target: string | null = null

  beforeAll(async () => {
    home = await makeHome()
    host = await openLab(home.deps)
    project = await createProject({ engine: engineId, prefix: 'detect' })
    const at = (name: string): string => path.join(project.folder, name)
    for (const folder of ['data/inner', 'secrets/deep', 'backups', '../shared']) {
      await mkdir(at(folder), { recursive: true })
    }
    const files: Readonly<Record<string, readonly [string, number]>> = {
      'compose.yaml': [composeFile, 0o644],
      '.env': ['TOKEN=secret-canary\n', 0o600],
      '../shared/common.env': ['A=1\n', 0o640],
      '../shared/target.env': ['B=2\n', 0o600],
      'password.txt': ['p', 0o444],
      'secrets/key.pem': ['k', 0o600],
      'secrets/deep/other.pem': ['k', 0o400],
      'data/inner/a.txt': ['x', 0o644],
      'backups/old.dump': ['x', 0o644],
    }
    for (const [name, [text, mode]] of Object.entries(files)) {
      await writeFile(at(name), text, { mode })
    }
    await symlink(at('../shared/target.env'), at('linked.env'))
    await project.compose(['create'])
    const script = `
      mkdir -p '/v/app data'
      for name in main.db "$ODD" no-extension; do
        sqlite3 "/v/app data/$name" 'pragma journal_mode=wal; create table t (a); insert into t values (1)'
      done
      head -c 100000 /dev/urandom >'/v/app data/noise.db'`
    await inVolume(project.volume('files'), script, ['--env', `ODD=${oddName}`])
    await project.compose(['up', '--detach'])
    await project.compose(['stop', 'idle'])
    const raw = await lab.inspect<{
      readonly Mounts: readonly { readonly Destination: string; readonly Name?: string }[]
    }>('container', await project.container('app'))
    anonymous = raw.Mounts.find(each => each.Destination === '/anonymous')?.Name ?? ''
    await waitFor('postgres to answer', async () => {
      const answer = await lab.try([
        'exec',
        await project.container('db'),
        'pg_isready',
        '-h',
        '127.0.0.1',
        '-U',
        'owner',
      ])
      return answer.code === 0
    })
    seen = await detected((inventory, helper) => {
      target = pathInHelper(helper, at('../shared/target.env'))
      expect(pathInHelper(helper, '/nowhere/at/all')).toBeNull()
      return inventory
    })
  })

  afterAll(async () => {
    await host.close()
    await project.remove()
    await home[Symbol.asyncDispose]()
  })

  function row(inventory: Inventory, id: string): Item {
    const found = inventory.stack.items.find(each => each.id === id)
    if (found === undefined)
      throw new Error(`no ${id} in ${inventory.stack.items.map(each => each.id).join('\n')}`)
    return found
  }

  async function detected<T>(
    use: (inventory: Inventory, helper: Helper) => Promise<T> | T,
  ): Promise<T> {
    const { inventory, helper } = await detectStack(host, project.name, home.deps, signal)
    if (helper === null) throw new Error('no helper')
    try {
      return await use(inventory, helper)
    } finally {
      await helper.close()
    }
  }

  const bind = (name: string): string => `bind:${path.join(project.folder, name)}`

  it('finds every piece of the stack, each with what happens to it', () => {
    const inventory = seen
    const volume = `sqlite:${project.volume('files')}/app data`
    expect(
      Object.fromEntries(
        inventory.stack.items.map(each => [each.id, `${each.decision} ${each.method}`]),
      ),
    ).toEqual({
      'config:compose': 'include copy',
      'config:env': 'include copy',
      'config:secrets': 'include copy',
      'database:db/my-data': 'include dump',
      'database:db/postgres': 'exclude none',
      'database:db/template0': 'exclude none',
      'database:db/template1': 'exclude none',
      [`${volume}/main.db`]: 'include sqlite-backup',
      [`${volume}/no-extension`]: 'include sqlite-backup',
      [`${volume}/${oddName}`]: 'include sqlite-backup',
      [`volume:${project.volume('files')}`]: 'include paused-copy',
      [`volume:${project.volume('db')}`]: 'include covered-by-dump',
      [`volume:${anonymous}`]: 'include paused-copy',
      [bind('data')]: 'include paused-copy',
      [bind('data/inner')]: 'include paused-copy',
      [bind('secrets')]: 'include copy',
      [bind('.env')]: 'include copy',
      [bind('password.txt')]: 'include copy',
      [bind('backups')]: 'exclude none',
      'bind:/etc/localtime': 'exclude none',
      'bind:/var/run/docker.sock': 'exclude none',
      'tmpfs:app/scratch': 'exclude none',
    })
    expect(row(inventory, bind('data/inner')).takenWith).toBe(bind('data'))
    expect(row(inventory, `volume:${project.volume('files')}`).writers).toEqual(['app', 'idle'])
    expect(inventory.stack.coverage).toBe('covered')
  })

  it('reads services, versions and dependencies', () => {
    const { stack, servers, daemon } = seen
    const services = stack.services.map(each => [
      each.name,
      each.state,
      each.engine,
      each.dependsOn,
    ])
    expect(services).toEqual([
      ['app', 'running', null, ['db']],
      ['db', 'running', 'postgres', []],
      ['idle', 'exited', null, ['app']],
      ['never', 'missing', null, ['db']],
    ])
    expect(stack.services.find(each => each.name === 'db')?.version).toMatch(/^17\./)
    expect(servers).toMatchObject([
      {
        service: 'db',
        dataDirectory: '/var/lib/postgresql/data',
        dataMounts: [`volume:${project.volume('db')}`],
      },
    ])
    expect(daemon?.id).not.toBe('')
  })

  it('finds the files of the definition, wherever they lie, with mode and owner', () => {
    const inventory = seen
    const at = (name: string): string => path.join(project.folder, name)
    expect(
      inventory.files.map(each => [each.kind, each.path, each.exists, each.mode, each.uid]),
    ).toEqual([
      ['compose', at('compose.yaml'), true, 0o644, 0],
      ['env', at('.env'), true, 0o600, 0],
      // A link: it is there, and what it leads to is seen by its own path.
      ['env', at('linked.env'), true, null, null],
      ['env', at('../shared/common.env'), true, 0o640, 0],
      ['secrets', at('password.txt'), true, 0o444, 0],
      ['secrets', at('secrets/deep/other.pem'), true, 0o400, 0],
      ['secrets', at('secrets/key.pem'), true, 0o600, 0],
    ])
    expect(target).not.toBeNull()
  })

  it('speaks of no secret', () => {
    const inventory = seen
    const plan = makeBackupPlan(inventory, defaultPolicy, plans)
    expect(JSON.stringify([inventory.stack, inventory.servers, plan])).not.toContain(
      'secret-canary',
    )
  })

  it('makes one plan with one id out of two looks', async () => {
    const first = makeBackupPlan(seen, defaultPolicy, plans)
    expect(first.downtime).toMatchObject([{ service: 'app', how: 'pause' }])
    const second = await detected(inventory => makeBackupPlan(inventory, defaultPolicy, plans))
    expect(second.planId).toBe(first.planId)
  })

  it('changes nothing on the host, and leaves nothing behind', async () => {
    const before = await wholeState()
    await detected(() => undefined)
    expect(await wholeState()).toEqual(before)
  })

  /** Everything of this stack, and that no helper of this process is there. Others use the engine too. */
  async function wholeState(): Promise<unknown> {
    const label = ['--filter', `label=com.docker.compose.project=${project.name}`]
    const containers = (await lab.run(['ps', '--all', '--quiet', '--no-trunc', ...label]))
      .split('\n')
      .filter(Boolean)
      .toSorted()
    const format = '{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}} {{.Created}}'
    const states = await lab.run(['inspect', '--format', format, ...containers])
    const volumes = await lab.run(['volume', 'ls', '--quiet', ...label])
    const networks = await lab.run(['network', 'ls', '--quiet', ...label])
    const images = await lab.run([
      'image',
      'inspect',
      '--format',
      '{{.Id}}',
      'lab/base:1',
      'postgres:17',
    ])
    const times = `find /v -printf '%p %T@ %C@ %s %m %U %G\\n' | sort`
    const files = await inVolume(project.volume('files'), times)
    const folder = await Promise.all(
      (await readdir(path.dirname(project.folder), { recursive: true }))
        .toSorted()
        .map(async name => {
          const { mtimeMs, ctimeMs, mode } = await stat(
            path.join(path.dirname(project.folder), name),
          ).catch(() => ({ mtimeMs: 0, ctimeMs: 0, mode: 0 }))
          return [name, mtimeMs, ctimeMs, mode]
        }),
    )
    const helpers = (await host.helpers()).filter(
      each => each.labels['io.lifeboat.owner']?.includes(`/${process.pid}/`) === true,
    )
    return {
      states,
      volumes,
      networks,
      images,
      files,
      folder,
      helpers: helpers.map(each => each.id),
    }
  }

  it('sees the stack among all others, with and without looking inside', async () => {
    const light = await detectStacks(host, home.deps, signal)
    const mine = light.find(each => each.stack.name === project.name)
    expect(mine?.stack.items.map(each => each.id)).toContain('database:db/my-data')
    expect(mine?.sqlite).toEqual([])
    const deep = await detectStacks(host, home.deps, signal, { deep: true })
    const whole = deep.find(each => each.stack.name === project.name)
    await detected(inventory => {
      const comparable = ({ stack }: Inventory): unknown =>
        stack.items.map(each => [each.id, each.decision, each.method, each.takenWith])
      expect(comparable(whole!)).toEqual(comparable(inventory))
    })
  })

  it('falls back to a stopped copy when the login is refused, and says what was tried (B2)', async () => {
    const db = await project.container('db')
    const asPostgres = (script: string): Promise<string> =>
      lab.exec(db, ['sh', '-ec', script], { user: 'postgres' })
    const reload =
      '"$(command -v pg_ctl || ls /usr/lib/postgresql/*/bin/pg_ctl)" -D "$PGDATA" reload'
    await asPostgres(
      `cd "$PGDATA"; cp pg_hba.conf kept.conf; printf 'local all all reject\\nhost all all all reject\\n' >pg_hba.conf; ${reload}`,
    )
    try {
      await detected(inventory => {
        const database = row(inventory, 'database:db/*')
        expect(database).toMatchObject({ decision: 'include', method: 'stopped-copy' })
        expect(database.reason).toMatch(/crash-safe copy, not a dump/i)
        expect(database.reason).toContain('Declared: my-data.')
        const plan = makeBackupPlan(inventory, defaultPolicy, plans)
        expect(plan.downtime.find(each => each.service === 'db')).toMatchObject({
          how: 'stop',
          graceMs: 33_000,
        })
        expect(plan.steps.map(each => each.action)).not.toContain('dump')
      })
    } finally {
      await asPostgres(`cd "$PGDATA"; mv kept.conf pg_hba.conf; ${reload}`)
    }
  })

  it('refuses a stack that is not there, whatever its name', async () => {
    for (const name of [
      `${project.name}x`,
      '$(touch /tmp/x)',
      "'; drop",
      'a\nb',
      '../etc',
      '__proto__',
    ]) {
      await expect(detectStack(host, name, home.deps, signal)).rejects.toMatchObject({
        code: 'unknown-stack',
      })
    }
    const meant = await detectStack(host, `${project.name}x`, home.deps, signal).catch(
      (error: unknown) => error,
    )
    expect(meant).toMatchObject({ hint: `Did you mean ${project.name}?` })
  })

  it('leaves no helper behind when it is cancelled at any moment', async () => {
    for (const delay of [0, 50, 150, 300, 600, 1000]) {
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort(), delay)
      const outcome = await detectStack(host, project.name, home.deps, controller.signal).catch(
        () => null,
      )
      clearTimeout(timer)
      await outcome?.helper?.close()
    }
    await waitFor('no helper to be left', async () =>
      (await host.helpers()).every(
        each => each.labels['io.lifeboat.owner']?.includes(`/${process.pid}/`) !== true,
      ),
    )
  })

  it('looks alike with the tools of busybox', async () => {
    const mount = `volume:${project.volume('files')}`
    const gnu = await detected(async (_inventory, helper) =>
      lookIntoMounts(helper, [{ mount, mode: 'search', leaveOut: [] }], signal, 120_000),
    )
    const id = await host.startHelper({
      purpose: 'read',
      image: 'busybox:1',
      argv: ['sleep', '600'],
      mounts: [{ type: 'volume', source: project.volume('files'), target: '/m', readOnly: true }],
      capabilities: ['DAC_READ_SEARCH'],
    })
    try {
      const helper = {
        containerId: id,
        image: 'busybox:1',
        tools: {
          tar: 'busybox',
          zstd: false,
          sha256: null,
          shell: true,
          find: 'busybox',
          getfattr: false,
          socketClient: null,
        },
        place: host.inContainer(id),
        pathOf: () => '/m',
        missing: [],
        close: () => host.removeHelper(id),
      } as const
      const searches = [{ mount, mode: 'search', leaveOut: [] }] as const
      const busybox = await lookIntoMounts(helper, searches, signal, 120_000)
      const sorted = (facts: typeof gnu): unknown =>
        facts.get(mount)?.sqlite.toSorted((a, b) => (a.path < b.path ? -1 : 1))
      expect(sorted(busybox)).toEqual(sorted(gnu))
      expect(busybox.get(mount)).toMatchObject({ searched: true, empty: false, type: 'directory' })
    } finally {
      await host.removeHelper(id)
    }
  })

  it('finds data in a container’s own layer, and containers that were started by hand', async () => {
    await using volume = await makeVolume('detect')
    await using container = await makeContainer(
      ['--volume', `${volume.name}:/config`],
      'lab/base:1',
      [
        'sh',
        '-c',
        'mkdir -p /app/data; sqlite3 /app/data/main.sqlite3 "create table t (a)"; sleep 100000',
      ],
    )
    await waitFor(
      'the database to be there',
      async () =>
        (await lab.try(['exec', container.id, 'test', '-s', '/app/data/main.sqlite3'])).code === 0,
    )
    const { inventory, helper } = await detectStack(host, container.name, home.deps, signal)
    await helper?.close()
    expect(inventory.stack).toMatchObject({ kind: 'standalone', coverage: 'partly' })
    expect(inventory.stack.findings.find(each => each.code === 'container-layer')).toMatchObject({
      severity: 'critical',
      item: `layer:${container.name}/app/data/main.sqlite3`,
    })
    expect(inventory.stack.findings.map(each => each.code)).toContain('empty-volume')
  })

  it('says that a bound folder is gone, and takes the rest', async () => {
    const folder = path.join(project.folder, uniqueName('bound'))
    await mkdir(folder)
    await using volume = await makeVolume('detect')
    await using container = await makeContainer([
      '--volume',
      `${folder}:/data`,
      '--volume',
      `${volume.name}:/v`,
    ])
    await rename(folder, `${folder}-gone`)
    const { inventory, helper } = await detectStack(host, container.name, home.deps, signal)
    await helper?.close()
    await rm(`${folder}-gone`, { recursive: true })
    expect(row(inventory, `bind:${folder}`).decision).toBe('cannot')
    expect(row(inventory, `volume:${volume.name}`).decision).toBe('include')
    expect(inventory.stack.findings.map(each => each.code)).toContain('bind-missing')
    // The engine would make the folder if it were asked to mount it: it must not have been.
    await expect(stat(folder)).rejects.toThrow()
  })

  it('keeps a project of which docker compose down left the volumes', async () => {
    const name = uniqueName('down')
    const volume = `${name}_data`
    const labels = [
      '--label',
      `${ownerLabel}=${ownerValue}`,
      '--label',
      `com.docker.compose.project=${name}`,
    ]
    await lab.run(['volume', 'create', ...labels, volume])
    try {
      const { inventory, helper } = await detectStack(host, name, home.deps, signal)
      await helper?.close()
      expect(inventory.stack).toMatchObject({ kind: 'compose', services: [] })
      expect(row(inventory, `volume:${volume}`)).toMatchObject({
        decision: 'include',
        consistency: 'app-consistent',
      })
      expect(row(inventory, 'config:compose').decision).toBe('cannot')
    } finally {
      await lab.run(['volume', 'rm', volume])
    }
  })
})
