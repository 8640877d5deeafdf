import { join } from 'node:path'

import { ESLint } from 'eslint'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

/** Lints code as if it were this file, by the project's own configuration without its type-aware rules. */
const eslint = new ESLint({
  cwd: root,
  overrideConfig: {
    files: ['**/*.ts', '**/*.svelte'],
    languageOptions: { parserOptions: { projectService: false, project: null } },
  },
  ruleFilter: ({ ruleId }) => !ruleId.startsWith('@typescript-eslint/'),
})

async function complaints(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, file) })
  return (result?.messages ?? [])
    .filter(message => message.fatal === true || !message.ruleId?.startsWith('simple-import-sort/'))
    .map(message => `${message.ruleId ?? 'parser'}: ${message.message}`)
}

/** A planted import (or use) that must fail: where, what, and words of the complaint. */
const forbidden: readonly [file: string, code: string, complaint: RegExp][] = [
  // The contract is plain.
  ['src-main/contract/x.ts', "import { readFile } from 'node:fs/promises'", /plain TypeScript/],
  ['src-main/contract/x.ts', "import { app } from 'electron'", /plain TypeScript|electron is/],
  ['src-main/contract/x.ts', "import { parse } from 'yaml'", /plain TypeScript/],
  [
    'src-main/contract/x.ts',
    "import { createEngine } from '../engine/engine.ts'",
    /must not import/,
  ],
  ['src-main/contract/x.ts', 'export const title = document.title', /no DOM/],
  ['src-main/contract/x.ts', 'export const path = process.env', /no Node/],

  // The engine knows none of the programs around it.
  ['src-main/engine/plan/x.ts', "import { app } from 'electron'", /electron is imported in/],
  ['src-main/engine/x.ts', "import type { App } from 'electron/main'", /electron is imported in/],
  ['src-main/engine/lib/x.ts', "export const load = () => import('electron')", /electron is/],
  ['src-main/engine/lib/x.ts', "export type A = import('electron').App", /electron is/],
  [
    'src-main/engine/engine.ts',
    "import { main } from '../cli/cli.ts'",
    /must not import src-main\/cli/,
  ],
  ['src-main/engine/engine.ts', "import { serve } from '../serve/serve.ts'", /must not import/],
  ['src-main/engine/engine.ts', "import { tray } from '../electron/tray.ts'", /must not import/],
  [
    'src-main/engine/engine.ts',
    "import { keychain } from '../platform/keychain.ts'",
    /must not import/,
  ],
  ['src-main/engine/engine.ts', "import '../../src-renderer/src/main.ts'", /must not import/],

  // Stages look backwards only.
  ['src-main/engine/lib/x.ts', "import { a } from '../jobs/a.ts'", /must not import/],
  ['src-main/engine/lib/x.ts', "import { a } from '../databases/a.ts'", /must not import/],
  ['src-main/engine/hosts/x.ts', "import { a } from '../databases/a.ts'", /must not import/],
  ['src-main/engine/jobs/x.ts', "import { a } from '../detect/a.ts'", /must not import/],
  ['src-main/engine/databases/x.ts', "import { a } from '../detect/a.ts'", /must not import/],
  ['src-main/engine/databases/x.ts', "import { a } from '../targets/a.ts'", /must not import/],
  ['src-main/engine/targets/x.ts', "import { a } from '../store/a.ts'", /must not import/],
  ['src-main/engine/detect/x.ts', "import { a } from '../plan/a.ts'", /must not import/],
  ['src-main/engine/plan/x.ts', "import { a } from '../capture/a.ts'", /must not import/],
  ['src-main/engine/capture/x.ts', "import { a } from '../store/a.ts'", /must not import/],
  ['src-main/engine/store/x.ts', "export * from '../restore/a.ts'", /must not import/],
  ['src-main/engine/restore/x.ts', "export { a } from '../verify/a.ts'", /must not import/],
  ['src-main/engine/verify/x.ts', "import { a } from '../handlers/a.ts'", /must not import/],
  ['src-main/engine/handlers/x.ts', "import { a } from '../engine.ts'", /must not import/],
  [
    'src-main/engine/capture/deep/x.ts',
    "import type { A } from '../../store/a.ts'",
    /must not import/,
  ],
  ['src-main/engine/ports.ts', "import { a } from './lib/a.ts'", /must not import/],

  // What may touch the world, and where.
  ['src-main/engine/detect/x.ts', "import { request } from 'node:http'", /engine\/hosts alone/],
  ['src-main/cli/x.ts', "import { connect } from 'node:net'", /engine\/hosts alone/],
  ['src-main/engine/plan/x.ts', "import { open } from 'node:fs/promises'", /from data alone/],

  // The programs see the engine from outside.
  ['src-main/cli/x.ts', "import { a } from '../engine/store/a.ts'", /must not import/],
  ['src-main/serve/x.ts', "import { a } from '../engine/handlers/a.ts'", /must not import/],
  ['src-main/electron/x.ts', "import { a } from '../cli/a.ts'", /must not import/],
  ['src-main/platform/x.ts', "import { a } from '../engine/engine.ts'", /must not import/],
  ['src-main/preload/x.ts', "import { a } from '../platform/a.ts'", /must not import/],
  [
    'src-main/preload/x.ts',
    "import { requests } from '../contract/contract.ts'",
    /types of the contract/,
  ],

  // Pages know the types of the contract.
  [
    'src-renderer/src/x.ts',
    "import { requests } from '../../src-main/contract/contract.ts'",
    /import type/,
  ],
  [
    'src-renderer/src/x.ts',
    "import type { Engine } from '../../src-main/engine/engine.ts'",
    /must not import/,
  ],
  ['src-renderer/src/x.ts', "import { join } from 'node:path'", /no Node modules/],
  ['src-renderer/src/x.ts', "import { ipcRenderer } from 'electron'", /electron is imported in/],
  [
    'src-renderer/src/X.svelte',
    '<script lang="ts">\n  import { a } from "../../src-main/engine/engine.ts"\n  a()\n</script>',
    /must not import/,
  ],

  // Raw IPC.
  ['src-main/electron/tray.ts', "import { ipcMain } from 'electron'", /The one channel/],
  [
    'src-main/electron/tray.ts',
    "import * as e from 'electron'; e.ipcMain.on('x', () => {})",
    /The one channel/,
  ],
  ['src-main/electron/tray.ts', "export const f = w => w.webContents.send('x')", /The one channel/],
  ['src-main/electron/tray.ts', "import { ipcRenderer } from 'electron'", /The one channel/],

  // A folder without a place in the order.
  ['src-main/engine/misc/x.ts', "import { a } from '../lib/a.ts'", /in no layer/],
  ['src-main/misc/x.ts', "import { a } from '../contract/a.ts'", /in no layer/],
]

/** What must stay possible, or the rule would only prove that it forbids everything. */
const allowed: readonly [file: string, code: string][] = [
  ['src-main/contract/x.ts', "import { z } from 'zod'\nexport const a = z"],
  ['src-main/engine/hosts/x.ts', "export { request } from 'node:http'"],
  ['src-main/engine/store/x.ts', "export { a } from '../capture/a.ts'"],
  ['src-main/engine/verify/x.ts', "export { a } from '../restore/a.ts'"],
  ['src-main/engine/detect/x.ts', "export { a } from '../databases/a.ts'"],
  ['src-main/engine/handlers/x.ts', "export { a } from '../verify/a.ts'"],
  ['src-main/engine/engine.ts', "export { a } from './handlers/a.ts'"],
  ['src-main/engine/plan/x.ts', "export { join } from 'node:path'"],
  ['src-main/cli/x.ts', "export { createEngine } from '../engine/engine.ts'"],
  ['src-main/electron/ipc.ts', "import { ipcMain } from 'electron'\nexport const a = ipcMain"],
  [
    'src-main/preload/preload.ts',
    "import { ipcRenderer } from 'electron'\nexport const a = ipcRenderer",
  ],
  ['src-renderer/src/x.ts', "export type { Stack } from '../../src-main/contract/model.ts'"],
  ['src-renderer/src/x.ts', "export { AppError } from '../../src-main/contract/errors.ts'"],
]

describe('the order of the layers', () => {
  it.each(forbidden)('in %s forbids %s', async (file, code, complaint) => {
    expect(await complaints(file, code)).toContainEqual(expect.stringMatching(complaint))
  })

  it.each(allowed)('in %s allows %s', async (file, code) => {
    expect(await complaints(file, code)).toEqual([])
  })
})
