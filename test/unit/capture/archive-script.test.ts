import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  archiveScript,
  busyboxPattern,
  renameExpression,
} from '../../../src-main/engine/capture/archive-script.ts'
import { tarMessages } from '../../../src-main/engine/capture/tar-messages.ts'

interface Options {
  readonly kind?: 'gnu' | 'busybox'
  readonly level?: string
  readonly digest?: string
  readonly rename?: string
  readonly leaveOut?: readonly string[]
  /** Folder put first on the PATH, to stand in for tools. */
  readonly tools?: string
}

let home = ''
let folder = ''

function pack(root: string, options: Options = {}) {
  const { kind = 'gnu', level = '1', digest = '', rename = '', leaveOut = [] } = options
  const argv = ['-c', archiveScript, 'x', root, kind, level, '1', digest, rename, ...leaveOut]
  const PATH = [options.tools, process.env['PATH']].filter(Boolean).join(':')
  const done = spawnSync('sh', argv, { env: { PATH }, maxBuffer: 1 << 30 })
  const messages = tarMessages()
  messages.write(done.stderr)
  return {
    code: done.status,
    out: done.stdout,
    messages: messages.finish(),
    stderr: String(done.stderr),
  }
}

function names(tar: Buffer): readonly string[] {
  const listed = spawnSync('tar', ['-tf', '-', '--quoting-style=escape'], { input: tar })
  expect(listed.status).toBe(0)
  return String(listed.stdout).trimEnd().split('\n')
}

function tool(name: string, script: string): string {
  const place = mkdtempSync(path.join(home, 'tools-'))
  writeFileSync(path.join(place, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return place
}

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'lifeboat-archive-'))
  folder = path.join(home, 'data with $(touch canary) space')
  mkdirSync(path.join(folder, 'sub'), { recursive: true })
  writeFileSync(path.join(folder, 'plain'), 'x'.repeat(100_000))
  writeFileSync(path.join(folder, '-leading'), '1')
  writeFileSync(path.join(folder, 'new\nline'), '2')
  writeFileSync(path.join(folder, '$(touch canary)'), '3')
  writeFileSync(path.join(folder, 'a*b'), '4')
  writeFileSync(path.join(folder, 'axb'), '5')
  writeFileSync(path.join(folder, 'back\\slash'), '6')
  writeFileSync(path.join(folder, 'sub', 'inner'), '7')
  linkSync(path.join(folder, 'plain'), path.join(folder, 'hard'))
  symlinkSync('/nowhere', path.join(folder, 'dangling'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('the archive script with GNU tar', () => {
  it('packs a folder, and tar counts what a reader gets after decompression', () => {
    const { code, out, messages } = pack(folder)
    expect(code).toBe(0)
    expect(Object.fromEntries(messages.trailer ?? [])).toEqual({ tar: '0', zstd: '0' })
    const plain = zstdDecompressSync(out)
    expect(messages.totalBytes).toBe(plain.length)
    expect(names(plain)).toContain(String.raw`./new\nline`)
    expect(names(plain)).toHaveLength(12)
  })

  it('counts the bytes on the wire when there is no zstd', () => {
    const { code, out, messages } = pack(folder, { level: '' })
    expect(code).toBe(0)
    expect(messages.totalBytes).toBe(out.length)
  })

  it('leaves out names exactly as spelt, with what lies below', () => {
    const { out, code } = pack(folder, {
      leaveOut: ['a*b', 'new\nline', '-leading', '$(touch canary)', 'back\\slash', 'sub'],
    })
    expect(code).toBe(0)
    expect(names(zstdDecompressSync(out)).toSorted()).toEqual(
      ['./', './axb', './dangling', './hard', './plain'].toSorted(),
    )
  })

  it('leaves out what a restore has put at the top, and nothing further down', () => {
    const with_ = mkdtempSync(path.join(home, 'restored-'))
    mkdirSync(path.join(with_, '.lifeboat-1 2', 'x'), { recursive: true })
    mkdirSync(path.join(with_, 'sub', '.lifeboat-x'), { recursive: true })
    writeFileSync(path.join(with_, '.lifeboat-file'), 'a file of that name is no work of ours')
    const { out, code } = pack(with_)
    expect(code).toBe(0)
    expect(names(zstdDecompressSync(out)).toSorted()).toEqual(
      ['./', './.lifeboat-file', './sub/', './sub/.lifeboat-x/'].toSorted(),
    )
  })

  it('makes the same bytes of the same folder', () => {
    expect(pack(folder).out.equals(pack(folder).out)).toBe(true)
  })

  it('names a single file as it is told to', () => {
    const name = String.raw`we,ird & \1 name` + '\nx'
    const { out, code } = pack(path.join(folder, 'plain'), { rename: renameExpression(name) })
    expect(code).toBe(0)
    expect(names(zstdDecompressSync(out))).toEqual([String.raw`./we,ird & \\1 name\nx`])
  })

  it('keeps the names in a folder when a name for a single file is given', () => {
    const { out } = pack(folder, { rename: renameExpression('other') })
    expect(names(zstdDecompressSync(out))).toContain('./plain')
  })

  it('takes an empty folder', () => {
    const empty = mkdtempSync(path.join(home, 'empty-'))
    const { code, out, messages } = pack(empty)
    expect(code).toBe(0)
    expect(messages.totalBytes).toBe(zstdDecompressSync(out).length)
    expect(names(zstdDecompressSync(out))).toEqual(['./'])
  })

  it('ends with 66 and no data when the folder is gone', () => {
    const { code, out } = pack(path.join(home, 'gone'))
    expect(code).toBe(66)
    expect(out).toHaveLength(0)
  })

  it('accepts exit code 1 of tar, and names the files that changed', () => {
    const tools = tool(
      'tar',
      'echo data; echo "tar: ./a: file changed as we read it" >&2; echo "tar: ./b: File removed before we read it" >&2; exit 1',
    )
    const { code, messages } = pack(folder, { tools })
    expect(code).toBe(0)
    expect(messages.trailer?.get('tar')).toBe('1')
    expect(messages.unsteady).toBe(2)
    expect(messages.warnings).toEqual([
      '1 file changed while being read: a.',
      '1 file vanished before being read and is not in the archive: b.',
    ])
  })

  it.each([
    ['tar', 'echo data; echo "tar: ./x: Cannot open: Permission denied" >&2; exit 2', 'tar', '2'],
    ['tar', 'kill -9 $$', 'tar', '137'],
    ['zstd', 'cat; exit 70', 'zstd', '70'],
    ['zstd', 'exit 0 </dev/null; exit 3', 'zstd', '0'],
  ])(
    'tells of a failing %s although the other end of the pipe did well',
    (name, script, key, value) => {
      const { code, messages } = pack(folder, { tools: tool(name, script) })
      // The last case: zstd ends early without an error, tar dies of the closed pipe.
      expect(code).toBe(1)
      expect(messages.trailer?.get(key)).toBe(value)
    },
  )

  it('waits for every child', () => {
    const tools = tool('zstd', 'cat >/dev/null; sleep 1; echo late')
    expect(String(pack(folder, { tools }).out)).toBe('late\n')
  })
})

describe('the archive script with busybox tar', () => {
  it.each([
    ['openssl', '1'],
    ['sha256sum', '1'],
    ['sha256sum', ''],
  ])('proves the wire by %s (zstd level %j)', (digest, level) => {
    const { code, out, messages } = pack(folder, { kind: 'busybox', level, digest })
    expect(code).toBe(0)
    expect(messages.trailer?.get('sha256')).toBe(createHash('sha256').update(out).digest('hex'))
    expect(messages.trailer?.get('tee')).toBe('0')
  })

  it('proves the wire by cksum where nothing else is there', () => {
    const { out, messages } = pack(folder, { kind: 'busybox', level: '', digest: 'cksum' })
    expect(messages.trailer?.get('bytes')).toBe(String(out.length))
  })

  it('does not accept exit code 1, which in busybox stands for any error', () => {
    const tools = tool('tar', 'echo data; exit 1')
    expect(pack(folder, { kind: 'busybox', digest: 'sha256sum', tools }).code).toBe(1)
  })

  it('notices a digest tool that fails', () => {
    const tools = tool('sha256sum', 'cat >/dev/null; exit 5')
    const { code, messages } = pack(folder, { kind: 'busybox', digest: 'sha256sum', tools })
    expect(code).toBe(1)
    expect(messages.trailer?.get('digest')).toBe('5')
  })

  it('escapes what a pattern would take for a wildcard', () => {
    expect(busyboxPattern(String.raw`a*b?[c]\d`)).toBe(String.raw`a\*b\?\[c\]\\d`)
  })
})
