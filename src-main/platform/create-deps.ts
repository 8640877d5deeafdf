import os from 'node:os'

import type { EngineDeps } from '../engine/ports.ts'
import { keychain } from './keychain.ts'
import { lineLogger, type LogLevel } from './logger.ts'
import { resolvePaths } from './paths.ts'
import { settingsFile } from './settings-file.ts'

/** Everything the engine needs from this computer: folders, settings, keychain, clock, log. */
export function createDeps(input: {
  readonly version: string
  readonly logLevel: LogLevel
  readonly log: (line: string) => void
  /** Repository named by a flag; stronger than environment and settings. */
  readonly repository?: string
  /** Told when the settings could not be read. */
  readonly onSettingsWarning?: (message: string) => void
}): EngineDeps {
  const home = os.homedir()
  const resolved = resolvePaths(process.platform, process.env, home)
  const paths =
    input.repository === undefined ? resolved : { ...resolved, repository: input.repository }
  return {
    paths,
    settings: settingsFile(paths.settingsFile, paths.repository, input.onSettingsWarning),
    secrets: keychain(process.platform),
    clock: { now: () => new Date() },
    logger: lineLogger(input.logLevel, input.log),
    env: process.env,
    homeDirectory: home,
    version: input.version,
  }
}
