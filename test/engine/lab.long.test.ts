import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { EngineId } from '../../lab/docker.ts'
import { docker } from '../../lab/docker.ts'
import { describePostgres, psql } from '../../lab/fixtures/describe.ts'
import type { LabStack } from '../../lab/fixtures/stack.ts'
import { createStack } from '../../lab/fixtures/stack.ts'
import { differences, onlyFacts } from '../../lab/fixtures/state.ts'
import { startLink } from '../../lab/link.ts'
import { startProxy } from '../../lab/proxy.ts'
import { sshPorts, startSshLab } from '../../lab/ssh.ts'

// The lab judges Lifeboat, so it is judged first: by changes that it must see, and by a round trip with
// stock tools alone that it must find equal.

const engine = (process.env['LIFEBOAT_TEST_ENGINE'] ?? '20') as EngineId

describe('a stack of the lab', () => {
  let stack: LabStack
  const access = async (): Promise<{ container: string; user: string }> => ({
    container: await stack.container('postgres'),
    user: 'chatalot',
  })
  const sql = async (text: string): Promise<string> =>
    await psql(stack.docker, await access(), 'chatalot', text)
  const inVolume = async (...command: readonly string[]): Promise<string> => {
    const mount = `${stack.volume('file_storage')}:/tree`
    return await stack.docker.run(['run', '--rm', '-i', '-v', mount, 'lab/base:1', ...command])
  }

  beforeAll(async () => {
    stack = await createStack('chatalot', { engine })
  })
  afterAll(async () => {
    await stack.remove()
    const label = `com.docker.compose.project=${stack.name}`
    expect(await stack.docker.containers([label])).toEqual([])
    expect(await stack.docker.volumes([label])).toEqual([])
    expect(await stack.docker.networks([label])).toEqual([])
  })

  it('is described alike twice', async () => {
    expect(differences(await stack.describe(), await stack.describe())).toEqual([])
  })

  it('is not described alike after one small change of any kind', async () => {
    const before = await stack.describe()
    await sql(`update messages set body = body || '.' where id = 7;
      grant insert on channels to chatalot_reader;
      select lo_put(content, 0, '\\x01') from attachments where name = 'three megabytes';
      select nextval('ticket');
      alter role chatalot_reader createdb;`)
    const odd = '/tree/odd/kinds'
    await inVolume('chown', '1:1', `${odd}/empty`)
    await inVolume('setfattr', '-n', 'user.lifeboat', '-v', 'other', `${odd}/attributes/user`)
    await inVolume('touch', '-d', '@1700000000.123456788', `${odd}/sub-second`)
    await inVolume('fallocate', '--length', '1GiB', `${odd}/sparse`)
    await chmod(path.join(stack.folder, 'secrets', 'private.pem'), 0o644)
    await writeFile(path.join(stack.folder, '.env'), '# changed\n', { flag: 'a' })
    const changed = differences(before, await stack.describe()).map(line => line.split('\n')[0])
    expect(changed.map(line => line?.replace(/ \d+$/, ''))).toEqual(
      [
        'file_storage odd/kinds/attributes/user',
        'file_storage odd/kinds/empty',
        'file_storage odd/kinds/sparse',
        'file_storage odd/kinds/sub-second',
        'folder .env',
        'folder secrets/private.pem',
        'postgres chatalot large object',
        'postgres chatalot relation public.channels',
        'postgres chatalot rows public.messages',
        'postgres chatalot sequence public.ticket',
        'postgres server role chatalot_reader',
      ].map(name => `changed: ${name}`),
    )
    // As it was, or the archive of the next test has a gibibyte to carry.
    await inVolume('fallocate', '--dig-holes', `${odd}/sparse`)
  })

  it('comes back equal through pg_dumpall, pg_dump and tar', async () => {
    const { container } = await access()
    const bash = async (text: string): Promise<string> =>
      await stack.docker.exec(container, ['bash', '-euo', 'pipefail', '-c', text])
    const names = `chatalot empty-db 'Zweite "DB" mit '\\''Namen'\\'''`
    await bash(`mkdir /tmp/b && cd /tmp/b && pg_dumpall -U chatalot -g >globals.sql
      n=0; for name in ${names}; do n=$((n + 1)); pg_dump -U chatalot -Fc -f $n.dump "$name"; done`)
    const tar = ['tar', '--xattrs', '--xattrs-include=*', '--acls', '--sparse', '--numeric-owner']
    const mount = `${stack.volume('file_storage')}:/tree`
    const run = ['run', '--rm', '-i', '-v', mount, 'lab/base:1', ...tar, '-C', '/tree']
    const archive = await stack.docker.runBytes([...run, '--format=posix', '-cf', '-', '.'])
    const before = await stack.describe()

    await stack.lose()
    await sql('select 1').then(
      () => expect.unreachable('the database is gone'),
      () => undefined,
    )
    await psql(stack.docker, await access(), 'postgres', 'drop database "empty-db";')
    // The superuser is there already; every other role is made.
    await bash(`cd /tmp/b && psql -q -U chatalot -d postgres -f globals.sql 2>errors || true
      for n in 1 2 3; do pg_restore -U chatalot -d postgres --create $n.dump; done`)
    await stack.docker.run([...run, '-p', '-xf', '-'], { input: archive })

    const data = ['postgres', 'file_storage']
    const after = await stack.describe()
    expect(differences(onlyFacts(before, ...data), onlyFacts(after, ...data))).toEqual([])
    await expect(describePostgres(stack.docker, await access())).resolves.toHaveProperty(
      'chatalot rows public.messages',
    )
  })
})

describe('the proxy of the lab', () => {
  it('loses the last frame, cuts, and leaves other requests alone', async () => {
    const client = docker(engine)
    await using proxy = await startProxy(client.engine.socket)
    const env = { ...client.environment, DOCKER_HOST: proxy.dockerHost }
    const container = (
      await client.run(['run', '-d', '--init', 'lab/base:1', 'sleep', '900'])
    ).trim()
    try {
      const read = async () =>
        await client.try(['exec', container, 'head', '-c', '3000000', '/dev/zero'], { env })
      expect(await read()).toMatchObject({ code: 0, stdout: { length: 3_000_000 } })
      proxy.setFault({ when: /^POST \S*\/exec\/\w+\/start/, dropLastStdoutFrame: true })
      const short = await read()
      expect(short.code).toBe(0)
      expect(short.stdout.length).toBeGreaterThan(2_000_000)
      expect(short.stdout.length).toBeLessThan(3_000_000)
      proxy.setFault({ when: /^POST \S*\/exec\/\w+\/start/, cutAfterBytes: 1_000_000, times: 2 })
      expect((await read()).stdout.length).toBeLessThanOrEqual(1_000_000)
      expect(proxy.hits()).toBe(2)
      expect(await read()).toMatchObject({ code: 0, stdout: { length: 3_000_000 } })
    } finally {
      await client.run(['rm', '-f', container])
    }
  })
})

describe('the SSH servers of the lab', () => {
  it('let in, keep out and lead on as their names say', async () => {
    await using lab = await startSshLab({ engine })
    const version = ['docker', 'version', '--format', '{{.Server.Version}}']
    const codes: Record<string, number> = {}
    for (const alias of lab.aliases) codes[alias] = (await lab.ssh(alias, version)).code
    expect(codes).toEqual({
      'lab-key': 0,
      'lab-port': 0,
      'lab-agent': 0,
      'lab-root': 0,
      'lab-noisy': 0,
      'lab-jump': 0,
      'lab-no-forwarding': 0,
      'lab-few-sessions': 0,
      'lab-weak': 1,
      'lab-bastion': 1,
      'lab-encrypted': 255,
      'lab-password': 255,
      'lab-unknown': 255,
    })
    const target = { host: lab.server.address, port: sshPorts.standard }
    await using link = await startLink(target, { roundTripMs: 20, megabits: 100 })
    const key = `IdentityFile ${path.join(lab.folder, 'plain')}`
    await lab.addAlias('lab-far', ['HostName 127.0.0.1', `Port ${link.port}`, key])
    const far = await lab.ssh('lab-far', ['head -c 1000000 /dev/zero'])
    expect(far).toMatchObject({ code: 0, stdout: { length: 1_000_000 } })
    expect(link.bytes().received).toBeGreaterThan(1_000_000)
    await lab.changeHostKeys()
    const changed = await lab.ssh('lab-key', version)
    expect(changed.code).toBe(255)
    expect(changed.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED')
  })
})
