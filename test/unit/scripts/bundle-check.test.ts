import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { filesImportingElectron, importsElectron } from '../../../scripts/lib/bundle-check.ts'

describe('scripts/bundle-check', () => {
  it.each([
    'import { app } from "electron"',
    "import{app}from'electron'",
    'import "electron"',
    'const e = await import("electron")',
    'const e = require("electron")',
    'var e = __require("electron")',
    'export { app } from "electron/main"',
    'const e = require(`electron`)',
  ])('finds %s', text => {
    expect(importsElectron(text)).toBe(true)
  })

  it.each([
    'const text = "the word electron alone"',
    'import builder from "electron-builder"',
    'import { x } from "./electron/engine-process.js"',
    '{"devDependencies":{"electron":"45.5.0"}}',
  ])('lets %s pass', text => {
    expect(importsElectron(text)).toBe(false)
  })

  it('names the files of a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bundle-check-'))
    await writeFile(join(folder, 'good.js'), 'import "node:fs"')
    await writeFile(join(folder, 'bad.js'), 'import "node:fs"\nimport { app } from "electron"')
    expect(await filesImportingElectron(folder)).toEqual(['bad.js'])
    await rm(folder, { recursive: true })
  })
})
