import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { describeFolder, describeSqlite } from '../../lab/fixtures/describe.ts'
import { createGptchatFolder } from '../../lab/fixtures/gptchat-folder.ts'
import { differences } from '../../lab/fixtures/state.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import { makeHome, openWith, recordedJob } from './capture-support.ts'

describe('a backup of a plain folder', () => {
  it('takes files, secrets and an SQLite database that is written to meanwhile', async () => {
    await using home = await makeHome()
    const parent = path.join(home.folder, 'stacks')
    mkdirSync(parent)
    await using stack = await createGptchatFolder({ parent })
    const uploads = await describeFolder(path.join(stack.folder, 'uploads'))
    const writer = await stack.startWriter()
    const host = await openWith(home.deps, `folder:${parent}`)
    const repository = await openRepository(home.repository, { create: true, version: 'test' })
    const job = recordedJob()
    const options = { deps: home.deps, host, stack: stack.name, repository, job }
    const report = await backupStack(options).finally(() => writer.stop())
    expect(report.items.filter(each => each.outcome !== 'complete')).toEqual([])
    expect(report).toMatchObject({ outcome: 'complete', downtimeMs: 0 })
    expect(report.items.map(each => each.id.split(':')[0])).toEqual(
      expect.arrayContaining(['config', 'sqlite', 'bind']),
    )

    const rest = report.items.find(each => each.id.startsWith('bind:'))
    expect(rest?.consistency).toBe('hot')
    expect(report.warnings.join()).toContain(`${rest?.id ?? ''} is copied hot`)

    const folder = repository.folderOf(report.snapshot)
    const manifest = await repository.readManifest(report.snapshot)
    execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: folder })
    const out = path.join(home.folder, 'out')
    mkdirSync(out)
    const tree = manifest.artifacts.find(each => each.content === 'tar')
    const archive = path.join(folder, tree?.path ?? '')
    const keep = ['--numeric-owner', '--acls', '--xattrs', '--xattrs-include=*']
    execFileSync('tar', ['-xp', ...keep, '--zstd', '-f', archive, '-C', out])
    const restored = await describeFolder(path.join(out, 'uploads'))
    expect(differences(uploads, restored)).toEqual([])
    // The database is not in the archive, neither are its logs: it comes from the safe copy alone.
    expect(readdirSync(path.join(out, 'data')).filter(each => each.includes('admin.db'))).toEqual(
      [],
    )
    const copy = manifest.artifacts.find(each => each.content === 'sqlite')
    const database = path.join(out, 'admin.db')
    const from = path.join(folder, copy?.path ?? '')
    execFileSync('zstd', ['-q', '-d', from, '-o', database])
    const state = await describeSqlite(database)
    expect(Object.keys(state).length).toBeGreaterThan(3)
    expect(execFileSync('sqlite3', [database, 'pragma integrity_check']).toString()).toBe('ok\n')
    for (const artifact of manifest.artifacts.filter(each => each.item.startsWith('config:'))) {
      const there = readFileSync(artifact.file?.hostPath ?? '')
      expect(readFileSync(path.join(folder, artifact.path)).equals(there)).toBe(true)
    }
    await host.close()
  })

  it('calls files hot only when something has changed among them meanwhile', async () => {
    await using home = await makeHome()
    const parent = path.join(home.folder, 'stacks')
    mkdirSync(parent)
    await using stack = await createGptchatFolder({ parent })
    const host = await openWith(home.deps, `folder:${parent}`)
    const repository = await openRepository(home.repository, { create: true, version: 'test' })
    const options = { deps: home.deps, host, stack: stack.name, repository, job: recordedJob() }
    const report = await backupStack(options)
    const rest = report.items.find(each => each.id.startsWith('bind:'))
    expect(rest?.consistency).toBe('crash-consistent')
    expect(report.warnings.join()).not.toContain('copied hot')
    await host.close()
  })
})
