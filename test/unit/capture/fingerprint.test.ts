import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { fingerprint } from '../../../src-main/engine/capture/fingerprint.ts'

let folder = ''
const { signal } = new AbortController()

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-fingerprint-'))
  mkdirSync(path.join(folder, 'a/b'), { recursive: true })
  writeFileSync(path.join(folder, 'a/b/file'), 'content')
  writeFileSync(path.join(folder, 'a/other'), 'content')
  symlinkSync('nowhere', path.join(folder, 'link'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('capture/fingerprint', () => {
  it('is the same while nothing happens, however often it is read', async () => {
    const first = await fingerprint(folder, [], signal)
    expect(await fingerprint(folder, [], signal)).toBe(first)
  })

  it.each([
    ['a file grows', () => appendFileSync(path.join(folder, 'a/b/file'), 'x')],
    ['a file is written over', () => writeFileSync(path.join(folder, 'a/b/file'), 'CONTENT')],
    ['a file is made', () => writeFileSync(path.join(folder, 'a/new'), '')],
    ['a file is removed', () => rmSync(path.join(folder, 'a/other'))],
    ['a file is replaced', () => renameSync(`${folder}/a/other`, `${folder}/a/b/file`)],
    ['a mode changes', () => chmodSync(path.join(folder, 'a/other'), 0o600)],
    ['everything goes', () => rmSync(folder, { recursive: true })],
  ])('is another one when %s', async (_, change) => {
    const before = await fingerprint(folder, [], signal)
    // Times of files have the grain of the kernel's tick.
    await new Promise(resolve => setTimeout(resolve, 50))
    change()
    expect(await fingerprint(folder, [], signal)).not.toBe(before)
  })

  it('passes over what is left out', async () => {
    const before = await fingerprint(folder, ['a/other'], signal)
    appendFileSync(path.join(folder, 'a/other'), 'x')
    expect(await fingerprint(folder, ['a/other'], signal)).toBe(before)
  })

  it('ends when it is stopped', async () => {
    await expect(fingerprint(folder, [], AbortSignal.abort())).rejects.toThrow()
  })
})
