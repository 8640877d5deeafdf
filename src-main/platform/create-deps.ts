import os from 'node:os'
import path from 'node:path'

import type { EngineDeps } from '../engine/ports.ts'
import { keychain } from './keychain.ts'
import { lineLogger, type LogLevel } from './logger.ts'
import { withNamedRepository } from './named-repository.ts'
import { resolvePaths } from './paths.ts'
import { settingsFile } from './settings-file.ts'

/** Everything the engine needs from this computer: folders, settings, keychain, clock, log. */
export function createDeps(input: {
  readonly version: string
  readonly logLevel: LogLevel
  readonly log: (line: string) => void
  /** Repository named by a flag; stronger than environment and settings. */
  readonly repository?: string
  /** The environment, when it is not that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Told when the settings could not be read. */
  readonly onSettingsWarning?: (message: string) => void
}): EngineDeps {
  const home = os.homedir()
  const env = input.env ?? process.env
  const paths = resolvePaths(process.platform, env, home)
  const stored = settingsFile(
    paths.settingsFile,
    resolvePaths(process.platform, { ...env, LIFEBOAT_REPOSITORY: undefined }, home).repository,
    input.onSettingsWarning,
  )
  const named = input.repository ?? env['LIFEBOAT_REPOSITORY'] ?? ''
  return {
    paths,
    settings: named === '' ? stored : withNamedRepository(stored, path.resolve(named)),
    secrets: keychain(process.platform),
    clock: { now: () => new Date() },
    logger: lineLogger(input.logLevel, input.log),
    env,
    homeDirectory: home,
    version: input.version,
  }
}
