import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { FileReader } from '../../../src-main/engine/capture/config-files.ts'
import {
  configPath,
  helperFileReader,
  readConfigFiles,
} from '../../../src-main/engine/capture/config-files.ts'
import { localFileReader } from '../../../src-main/engine/capture/local-files.ts'
import { localTools } from '../../../src-main/engine/capture/local-tools.ts'
import { thisComputer } from '../../../src-main/engine/lib/run-local.ts'

let home = ''
const never = new AbortController().signal
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'lifeboat-config-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function at(name: string): string {
  return path.join(home, name)
}

/** On this computer the tar of a helper and reading the files outright must give the same. */
async function readers(): Promise<readonly (readonly [string, FileReader])[]> {
  const tools = await localTools()
  return [
    ['local', localFileReader()],
    ['tar', helperFileReader(thisComputer, tools, hostPath => hostPath)],
    ['busybox tar', helperFileReader(thisComputer, { ...tools, tar: 'busybox' }, each => each)],
  ]
}

describe('files of a definition', () => {
  it('come with mode, owner, time and every byte, whichever way they are read', async () => {
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256))
    writeFileSync(at('.env'), content, { mode: 0o600 })
    utimesSync(at('.env'), 1_700_000_000.5, 1_700_000_000.5)
    writeFileSync(at('-rf $(x)\nname'), 'odd', { mode: 0o640 })
    writeFileSync(at('empty'), '')
    const wanted = ['.env', '-rf $(x)\nname', 'empty', 'gone'].map(each => ({ path: at(each) }))
    for (const [name, reader] of await readers()) {
      const { files, missing } = await readConfigFiles(wanted, reader, never)
      expect(missing, name).toEqual([at('gone')])
      expect(files.map(each => each.hostPath).toSorted(), name).toEqual(
        [at('.env'), at('-rf $(x)\nname'), at('empty')].toSorted(),
      )
      const env = files.find(each => each.hostPath === at('.env'))
      expect(env?.content.equals(content), name).toBe(true)
      expect(env, name).toMatchObject({ mode: 0o600, uid: process.getuid?.(), kind: 'file' })
      expect(env?.modified.slice(0, 19)).toBe('2023-11-14T22:13:20')
      if (name !== 'busybox tar') expect(env?.modified).toBe('2023-11-14T22:13:20.5Z')
    }
  })

  it('come with what links lead to, one after the other, and circles end', async () => {
    mkdirSync(at('real'))
    writeFileSync(at('real/env'), 'A=1')
    symlinkSync('middle', at('.env'))
    symlinkSync('real/env', at('middle'))
    symlinkSync('loop', at('loop'))
    symlinkSync('/nowhere/at/all', at('dangling'))
    const wanted = ['.env', 'loop', 'dangling'].map(each => ({ path: at(each) }))
    for (const [name, reader] of await readers()) {
      const { files, missing } = await readConfigFiles(wanted, reader, never)
      expect(missing, name).toEqual(['/nowhere/at/all'])
      expect(files.map(each => path.relative(home, each.hostPath)).toSorted(), name).toEqual(
        ['.env', 'dangling', 'loop', 'middle', 'real/env'].toSorted(),
      )
      const link = files.find(each => each.hostPath === at('.env'))
      expect(link, name).toMatchObject({ kind: 'symlink', linkTarget: 'middle' })
      expect(link?.content).toHaveLength(0)
    }
  })

  it('are an empty answer when none is there', async () => {
    for (const [name, reader] of await readers()) {
      const { files, missing } = await readConfigFiles([{ path: at('gone') }], reader, never)
      expect([files, missing], name).toEqual([[], [at('gone')]])
    }
  })
})

describe('the place of a file in a snapshot', () => {
  it.each([
    ['/srv/app/.env', '/srv/app', 'config/.env'],
    ['/srv/app/secrets/key.pem', '/srv/app', 'config/secrets/key.pem'],
    ['/etc/app/.env', '/srv/app', 'config/_host/etc/app/.env'],
    ['/srv/application/.env', '/srv/app', 'config/_host/srv/application/.env'],
    ['/srv/.env', null, 'config/_host/srv/.env'],
  ])('of %s in a stack in %s is %s', (file, folder, expected) => {
    expect(configPath(file, folder)).toBe(expected)
  })
})
