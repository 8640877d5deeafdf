import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll } from 'vitest'

import type { Manifest } from '../../../src-main/engine/store/manifest.ts'
import { openRepository, type Repository } from '../../../src-main/engine/store/repository.ts'
import { bytesSource, manifestFor, spec } from './builders.ts'

export { bytesSource, itemOf, manifestFor, sha256, spec } from './builders.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A new folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-store-'))
  folders.push(folder)
  return folder
}

export async function newRepository(
  folder = path.join(temporaryFolder(), 'repository'),
): Promise<Repository> {
  return await openRepository(folder, { create: true, version: '0.0.0-test' })
}

/** A tar of some files, made by GNU tar. */
export function tarOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), content)
  }
  return execFileSync('tar', ['--format=pax', '--sort=name', '-C', folder, '-cf', '-', '.'], {
    maxBuffer: 1 << 30,
  })
}

export interface SnapshotOptions {
  readonly host?: string
  readonly stack?: string
  readonly time?: Date
  readonly tar?: Buffer
  readonly manifest?: Partial<Manifest>
}

/** Makes a small whole snapshot: one volume, one config file. */
export async function makeSnapshot(
  repository: Repository,
  options: SnapshotOptions = {},
): Promise<string> {
  const writer = await repository.begin({
    host: options.host ?? 'local',
    stack: options.stack ?? 'app',
    time: options.time ?? new Date('2026-11-21T03:00:00Z'),
    purpose: 'test',
  })
  const tar = options.tar ?? tarOf({ 'a.txt': 'alpha', 'sub/b.txt': 'beta' })
  const records = [
    await writer.addArtifact(spec(), bytesSource(tar)),
    await writer.addFile('config/.env', 'config:env', Buffer.from('PASSWORD=secret\n')),
  ]
  const name = options.stack ?? 'app'
  const base = manifestFor(repository, writer, records)
  const time = (options.time ?? new Date(base.time)).toISOString()
  await writer.commit(
    {
      ...base,
      time,
      host: { ...base.host, id: options.host ?? 'local' },
      stack: { ...base.stack, name },
      ...options.manifest,
    },
    '# Restore\n',
  )
  return writer.id
}

/** The error of a promise that must reject. */
export async function failure(
  promise: Promise<unknown>,
): Promise<Error & { readonly code?: string; readonly details?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('It did not fail')
}
