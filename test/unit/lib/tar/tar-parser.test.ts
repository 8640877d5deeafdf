import { execFileSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FileEntry } from '../../../../src-main/contract/model.ts'
import { encodePath } from '../../../../src-main/engine/lib/path-bytes.ts'
import { TarParser } from '../../../../src-main/engine/lib/tar/tar-parser.ts'

const root = mkdtempSync(path.join(tmpdir(), 'lifeboat-tar-'))
const tree = path.join(root, 'tree')
const longName = `${'l'.repeat(120)}/${'m'.repeat(200)}`
const isRoot = process.getuid?.() === 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(() => {
  mkdirSync(path.join(tree, 'a b/empty'), { recursive: true })
  mkdirSync(path.join(tree, path.dirname(longName)))
  writeFileSync(path.join(tree, longName), 'long')
  writeFileSync(path.join(tree, 'a b/new\nline'), 'x', { mode: 0o640 })
  writeFileSync(path.join(tree, '-leading'), 'y')
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/bad-`), Buffer.from([0xff, 0xfe, 0x80])]), 'z')
  writeFileSync(path.join(tree, 'Käse 日本.txt'), 'ü')
  linkSync(path.join(tree, '-leading'), path.join(tree, 'z-hard'))
  symlinkSync('nowhere/at all', path.join(tree, 'link'))
  lutimesSync(path.join(tree, 'link'), 1, 1)
  symlinkSync('t'.repeat(300), path.join(tree, 'long-link'))
  // Node itself sets no times before 1970.
  execFileSync('touch', ['-d', '@-100.25', path.join(tree, 'Käse 日本.txt')])
  execFileSync('mkfifo', [path.join(tree, 'fifo')])
  if (isRoot) execFileSync('chown', ['3000000000:70000', path.join(tree, '-leading')])
  const sparse = openSync(path.join(tree, 'sparse'), 'w')
  for (let index = 0; index < 30; index += 1) writeSync(sparse, `piece ${index}`, index * 1_000_000)
  ftruncateSync(sparse, 10_000_000_000)
  closeSync(sparse)
})

function parse(archive: Buffer, step: number) {
  const entries: FileEntry[] = []
  const stored = new Map<string, number>()
  const parser = new TarParser({
    onMember: member => {
      entries.push(member.entry)
      stored.set(member.entry.path, member.storedBytes)
      return true
    },
  })
  // One buffer for all chunks, as the thread that reads back has it.
  const scratch = Buffer.alloc(step)
  for (let at = 0; at < archive.length; at += step) {
    const length = archive.copy(scratch, 0, at, at + step)
    parser.write(scratch.subarray(0, length))
    scratch.fill(0xaa)
  }
  return { entries, stored, problem: parser.finish(), count: parser.entries }
}

function pack(...options: readonly string[]): Buffer {
  return execFileSync('tar', [...options, '--sort=name', '-C', tree, '-cf', '-', '.'], {
    maxBuffer: 1 << 28,
  })
}

const forms = {
  'pax with sparse 1.0 and xattrs': ['--format=pax', '-S', '--xattrs', '--acls', '--numeric-owner'],
  'pax with sparse 0.1': ['--format=pax', '-S', '--sparse-version=0.1'],
  'pax with sparse 0.0': ['--format=pax', '-S', '--sparse-version=0.0'],
  'GNU with old sparse headers': ['--format=gnu', '-S'],
}

describe.each(Object.entries(forms))('lib/tar: %s', (_name, options) => {
  it('finds what lies on the disk, however the archive is cut into chunks', () => {
    const archive = pack(...options)
    const whole = parse(archive, archive.length)
    expect(whole.problem).toBeNull()
    for (const step of [65_536, 1000, 512, 7]) expect(parse(archive, step)).toEqual(whole)
    const byPath = new Map(whole.entries.map(each => [each.path, each]))
    expect(byPath.size).toBe(whole.count)
    expect(byPath.get('.')?.type).toBe('directory')
    expect(byPath.get('a b/empty')?.type).toBe('directory')
    expect(byPath.get(longName)?.sizeBytes).toBe(4)
    expect(byPath.get('a b/new\nline')).toMatchObject({ type: 'file', mode: 0o640, sizeBytes: 1 })
    expect(byPath.get('z-hard')).toMatchObject({ type: 'hardlink', linkTarget: '-leading' })
    expect(byPath.get('link')).toMatchObject({
      type: 'symlink',
      linkTarget: 'nowhere/at all',
      modified: '1970-01-01T00:00:01.000Z',
    })
    expect(byPath.get('long-link')?.linkTarget).toBe('t'.repeat(300))
    expect(byPath.get('fifo')?.type).toBe('fifo')
    expect(byPath.get('sparse')?.sizeBytes).toBe(10_000_000_000)
    expect(whole.stored.get('sparse')).toBeLessThan(1_000_000)
    const odd = whole.entries.find(each => each.path.startsWith('bad-'))
    expect(encodePath(odd?.path ?? '')).toEqual(Buffer.from('6261642dfffe80', 'hex'))
    const cheese = byPath.get('Käse 日本.txt')
    const isPax = options.includes('--format=pax')
    expect(cheese?.modified).toBe(isPax ? '1969-12-31T23:58:19.750Z' : '1969-12-31T23:58:19.000Z')
    if (isRoot) expect(byPath.get('-leading')).toMatchObject({ uid: 3_000_000_000, gid: 70_000 })
  })
})

describe('lib/tar: damage', () => {
  const flip = (archive: Buffer, at: number): Buffer => {
    const other = Buffer.from(archive)
    other[at] = (other[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
    return other
  }

  it('refuses a flipped bit in a header', () => {
    const archive = pack('--format=pax', '--exclude=./sparse')
    const sound = parse(archive, archive.length)
    for (let at = 0; at < 512; at += 1) {
      const result = parse(flip(archive, at), archive.length)
      // In the checksum's own field a leading zero may become a space, and what stands behind the end of the
      // number says nothing: the number stays the same.
      if (result.problem === null) {
        expect(at).toBeGreaterThanOrEqual(148)
        expect(at).toBeLessThan(156)
        expect(result.entries).toEqual(sound.entries)
      }
    }
  })

  it('says what is wrong, and never throws, wherever a bit is flipped', () => {
    const archive = pack('--format=pax', '-S')
    for (let round = 0; round < 400; round += 1) {
      const at = Math.floor(Math.random() * archive.length)
      expect(() => parse(flip(archive, at), 65_536)).not.toThrow()
    }
  })

  it('refuses an archive that lists well but lost its end', () => {
    const archive = pack(
      '--format=ustar',
      '--exclude=l*',
      '--exclude=sparse',
      '--exclude=-leading',
      '--exclude=z-hard',
      '--exclude=K*',
    )
    const end = archive.lastIndexOf('ustar')
    const border = archive.length - (archive.length % 512)
    expect(parse(archive, border).problem).toBeNull()
    for (let cut = Math.floor(end / 512) * 512; cut > 0; cut -= 512) {
      expect(parse(archive.subarray(0, cut), 512).problem).toMatch(/end-of-archive|middle/)
    }
  })

  it('refuses what is no archive, and an empty one', () => {
    expect(parse(Buffer.alloc(0), 1).problem).toBe('it is empty')
    expect(parse(Buffer.alloc(5000, 'text '), 512).problem).toMatch(/damaged/)
  })
})
