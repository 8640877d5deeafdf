import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { _electron, type ElectronApplication } from '@playwright/test'

import { engineEnvironment, labEngine } from '../../../lab/engines/registry.ts'
import { readSummary } from '../../../lab/lib/summary.ts'

const root = join(import.meta.dirname, '..', '..', '..')

/** Lifeboat in a real window, with folders of its own. */
export interface LaunchedApp {
  readonly app: ElectronApplication
  /** What main and engine processes have written so far. */
  readonly log: () => string
  readonly close: () => Promise<void>
}

/**
 * Starts the built app in the Electron of the lab, on the lab's Docker 26.1. That Electron takes the app out of its
 * own resources folder, so it gets a copy of the runtime whose app is a link to what was built.
 */
export async function launchApp(): Promise<LaunchedApp> {
  const runtime = (await readSummary())?.electron
  if (!runtime) throw new Error('The lab has no Electron: node lab/setup.ts --only electron')
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-window-'))
  const copy = join(folder, 'electron')
  await cp(runtime.folder, copy, { recursive: true })
  const appFolder = join(copy, 'resources', 'app')
  await mkdir(appFolder, { recursive: true })
  for (const name of ['out', 'package.json', 'node_modules']) {
    await symlink(join(root, name), join(appFolder, name))
  }
  const app = await _electron.launch({
    executablePath: join(copy, 'electron'),
    args: ['--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'user-data')}`],
    env: {
      ...strings(engineEnvironment(labEngine('26'))),
      LIFEBOAT_HOME: join(folder, 'home'),
      LIFEBOAT_NODE: process.execPath,
    },
  })
  let log = ''
  const keep = (chunk: Buffer): void => {
    log += chunk.toString()
  }
  app.process().stdout?.on('data', keep)
  app.process().stderr?.on('data', keep)
  return {
    app,
    log: () => log,
    close: async () => {
      await app.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function strings(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
}
