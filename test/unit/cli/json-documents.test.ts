import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { compareFacts } from '../../../src-main/cli/demo/facts.ts'
import { folderSample } from '../../../src-main/cli/demo/folder-sample.ts'
import type { Sample } from '../../../src-main/cli/demo/sample.ts'
import { type DocumentName, documents } from '../../../src-main/cli/schemas/documents.ts'
import { documentsTable, schemaText } from '../../../src-main/cli/schemas/publish.ts'
import { documentOf, lifeboat } from '../../helpers/cli.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const published = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(root, 'schemas', `${name}.schema.json`), 'utf8'))

describe('cli/schemas', () => {
  it('are all published, and nothing else is', async () => {
    // Those of the repository on disk carry their version in their name: test/unit/store/schemas.test.ts.
    const all = await readdir(join(root, 'schemas'))
    const files = all.filter(name => !/\.v\d+\.schema\.json$/.test(name))
    expect(files.sort()).toEqual(
      Object.keys(documents)
        .map(name => `${name}.schema.json`)
        .sort(),
    )
  })

  it.each(Object.keys(documents) as DocumentName[])('%s is up to date', async name => {
    expect(await published(name)).toEqual(JSON.parse(schemaText(name)))
  })

  it('are listed in docs/json.md', async () => {
    const squeezed = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-')
    const page = await readFile(join(root, 'docs', 'json.md'), 'utf8')
    expect(squeezed(page)).toContain(squeezed(documentsTable()))
  })
})

describe('cli --json', { timeout: 300_000 }, () => {
  let home = ''
  let sample: Sample
  let env: NodeJS.ProcessEnv

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'lifeboat-json-'))
    sample = await folderSample(home)
    env = { LIFEBOAT_HOME: join(home, 'lifeboat'), DOCKER_HOST: `unix://${home}/none.sock` }
  })
  afterAll(async () => {
    await rm(home, { recursive: true, force: true })
  })

  /** Runs a command; what it prints must be what its own schema and the published one say. */
  async function check(name: DocumentName, argv: readonly string[], exitCode = 0): Promise<void> {
    const result = await lifeboat([...argv, '--json'], { env })
    const document = documentOf(result)
    expect(result.code, result.stderr).toBe(exitCode)
    documents[name].schema.parse(document)
    z.fromJSONSchema((await published(name)) as Parameters<typeof z.fromJSONSchema>[0]).parse(
      document,
    )
  }

  it('prints the documents of the whole job', async () => {
    const at = ['--host', sample.host]
    const before = await sample.describe()
    await check('stacks', ['stacks', ...at])
    await check('stacks', ['stacks', sample.stack, ...at])
    await check('plan', ['plan', sample.stack, ...at])
    await check('plan', ['backup', sample.stack, '--dry-run', ...at])
    await check('backup', ['backup', sample.stack, ...at])
    await check('snapshots-list', ['snapshots'])
    await check('snapshots-list', ['snapshots', 'list', sample.stack])
    await check('snapshots-show', ['snapshots', 'show', sample.stack])
    const bind = `bind:${sample.host.replace('folder:', '')}/${sample.stack}`
    await check('snapshots-files', ['snapshots', 'files', sample.stack, bind])
    await check('snapshots-extract', [
      ...['snapshots', 'extract', sample.stack, bind, 'uploads/welcome.txt'],
      ...['--to', join(home, 'taken out')],
    ])
    await check('snapshots-pin', ['snapshots', 'pin', sample.stack])
    await check('snapshots-pin', ['snapshots', 'unpin', sample.stack])
    await check('check', ['check', sample.stack, '--read-data'])
    await check('check-all', ['check', '--all'])
    await sample.damage()
    await check('restore-plan', ['restore', sample.stack, '--dry-run'])
    const confirmed = ['--confirm', sample.stack]
    await check('restore', ['restore', sample.stack, '--in-place', ...confirmed])
    expect(compareFacts(before, await sample.describe()).differences).toEqual([])
    await check('restore-plan', ['undo', '--dry-run'])
    await check('status', ['status', ...at])
    await check('status', ['status', '--offline'])
    await check('audit', ['audit'])
  })

  it('prints the documents of hosts and this computer', async () => {
    await check('hosts-list', ['hosts'])
    await check('host', ['hosts', 'test', sample.host])
    await check('host', ['hosts', 'add', 'mine', sample.host])
    await check('hosts-remove', ['hosts', 'remove', 'mine'])
    await check('doctor', ['doctor'])
    await check('paths', ['paths'])
    await check('completion', ['completion', 'bash'])
    await check('version', ['--version'])
    await check('demo', ['demo', '--no-docker'])
    await check('error', ['snapshots', 'show', 'nobody'], 2)
  })

  it('prints JSON lines that end with the result', async () => {
    const argv = ['backup', sample.stack, '--host', sample.host, '--json-stream']
    const { stdout } = await lifeboat(argv, { env })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => documents['stream-line'].schema.parse(JSON.parse(line)))
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.slice(0, -1).filter(line => line.type === 'result')).toEqual([])
    const { type, ...last } = lines.at(-1) ?? { type: 'none' }
    expect(type).toBe('result')
    documents.backup.schema.parse(last)
  })
})
