import { describe, expect, it } from 'vitest'

import { decodePath, encodePath } from '../../../src-main/engine/lib/path-bytes.ts'
import {
  folderName,
  isSafePath,
  parseTimeName,
  safePath,
  timeName,
} from '../../../src-main/engine/lib/safe-name.ts'

const odd = [
  'App',
  'APP',
  'con',
  'NUL.txt',
  'com1',
  'aux.',
  '..',
  '...',
  '.',
  '',
  ' ',
  'trailing ',
  'trailing.',
  'a/b',
  'a\\b',
  'a:b',
  'Größe',
  'Große',
  '日本語',
  'x'.repeat(300),
  '$(touch canary)',
  '; rm -rf /',
  'new\nline',
  '-rf',
  '~root',
  'app~0123456789',
  'emoji 🚑',
  'a\u0301',
  'á',
]

describe('lib/safe-name', () => {
  it('leaves plain names as they are', () => {
    for (const name of ['chatalot', 'my-app_2', '0', 'a.b.c', 'console', 'x'.repeat(64)]) {
      expect(folderName(name)).toBe(name)
    }
  })

  it('gives every odd name a folder of its own that is safe everywhere', () => {
    const names = [...odd, 'app', 'name', 'grosse'].map(folderName)
    expect(new Set(names.map(each => each.toLowerCase())).size).toBe(names.length)
    for (const name of names) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9._~-]*$/)
      expect(name.length).toBeLessThanOrEqual(64)
      expect(isSafePath(name)).toBe(true)
    }
    expect(folderName('Größe')).toMatch(/^gro-e~|^groe~|^grosse~|^gro/)
  })

  it('makes paths inside a snapshot safe, different without case, and keeps their endings', () => {
    const taken = new Set<string>()
    const paths = [...odd, 'App', 'aPP', 'My DB.dump', 'my db.dump', '.env'].map(name =>
      safePath(`databases/db/${name}`, '.zst', taken),
    )
    expect(new Set(paths.map(each => each.toLowerCase())).size).toBe(paths.length)
    for (const each of paths) {
      expect(isSafePath(each), each).toBe(true)
      expect(each.endsWith('.zst')).toBe(true)
    }
    expect(safePath('config/.env', '', new Set())).toBe('config/.env')
    expect(safePath('volumes/My Files.tar', '.zst', new Set())).toMatch(
      /^volumes\/My-Files~[0-9a-f]{10}\.tar\.zst$/,
    )
    expect(safePath('../../etc/passwd', '', new Set())).toMatch(
      /^name~[0-9a-f]{10}\/name~[0-9a-f]{10}\/etc\/passwd$/,
    )
  })

  it('refuses paths that lead elsewhere', () => {
    for (const each of [
      '../x',
      'a/../b',
      '/abs',
      'a//b',
      '',
      '.',
      'a\\b',
      'C:x',
      'con/x',
      'a/nul.txt',
      'a\0b',
      'x.',
    ]) {
      expect(isSafePath(each), each).toBe(false)
    }
  })

  it('names a snapshot by its time', () => {
    const time = new Date('2026-11-21T03:00:00.987Z')
    expect(timeName(time, 1)).toBe('20261121T030000Z')
    expect(timeName(time, 2)).toBe('20261121T030000Z-2')
    expect(parseTimeName('20261121T030000Z-12')).toBe('2026-11-21T03:00:00.000Z')
    for (const name of [
      '20261121T030000Z.partial',
      'x20261121T030000Z',
      '20261321T030000Z',
      '2026',
    ]) {
      expect(parseTimeName(name)).toBeNull()
    }
  })
})

describe('lib/path-bytes', () => {
  it('gives the exact bytes of any name back', () => {
    const samples = [
      Buffer.from('plain'),
      Buffer.from('Käse 日本 🚑'),
      Buffer.from([0xff]),
      Buffer.from([0x61, 0xc3, 0x62]),
      Buffer.from([0xed, 0xb2, 0x80]),
      Buffer.from([0xf4, 0x90, 0x80, 0x80]),
      Buffer.from([0xc0, 0x80]),
      Buffer.from([0xe2, 0x82]),
      Buffer.from([0xef, 0xbb, 0xbf, 0x61]),
      ...Array.from({ length: 2000 }, () =>
        Buffer.from(Array.from({ length: 12 }, () => Math.floor(Math.random() * 256))),
      ),
    ]
    for (const bytes of samples) {
      const text = decodePath(bytes)
      expect(encodePath(text)).toEqual(bytes)
      expect(encodePath(JSON.parse(JSON.stringify(text)) as string)).toEqual(bytes)
    }
  })
})
