import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { settingsFile } from '../../../src-main/platform/settings-file.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-settings-'))
  file = path.join(folder, 'settings.json')
})
afterEach(() => rm(folder, { recursive: true }))

describe('platform/settings-file', () => {
  it('starts with the defaults and writes no file before something changes', async () => {
    const store = settingsFile(file, '/default')
    expect((await store.read()).repository).toBe('/default')
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('writes whole files that only the user can read', async () => {
    const store = settingsFile(file, '/default')
    await store.update(settings => ({ ...settings, repository: '/other' }))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await settingsFile(file, '/default').read()).repository).toBe('/other')
    expect(await readdir(folder)).toEqual(['settings.json'])
  })

  it('loses no change when two come at once', async () => {
    const store = settingsFile(file, '/default')
    const add = (name: string): Promise<unknown> =>
      store.update(settings => ({
        ...settings,
        hosts: [...settings.hosts, { name, address: `ssh://${name}`, daemonId: null }],
      }))
    await Promise.all(['a', 'b', 'c', 'd'].map(add))
    expect((await store.read()).hosts.map(host => host.name)).toEqual(['a', 'b', 'c', 'd'])
  })

  it.each(['{ half', '{"schemaVersion":2}', '[]'])(
    'copies a file that it cannot read aside and names both: %s',
    async content => {
      await writeFile(file, content)
      const store = settingsFile(file, '/default')
      expect((await store.read()).repository).toBe('/default')
      const aside = (await readdir(folder)).find(name => name.includes('unreadable'))
      expect(aside).toBeDefined()
      expect(await readFile(path.join(folder, aside ?? ''), 'utf8')).toBe(content)
      expect(store.warnings().join()).toContain(file)
      expect(store.warnings().join()).toContain(aside)
    },
  )
})
