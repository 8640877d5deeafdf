import path from 'node:path'

import type { Paths } from '../contract/reports.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The three folders that a platform keeps apart, before `lifeboat` is added. */
function bases(
  platform: NodeJS.Platform,
  env: Environment,
  home: string,
): {
  readonly config: string
  readonly state: string
  readonly cache: string
  readonly data: string
} {
  if (platform === 'win32') {
    const roaming = env['APPDATA'] ?? path.join(home, 'AppData', 'Roaming')
    const local = env['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local')
    return { config: roaming, state: local, cache: path.join(local, 'Cache'), data: local }
  }
  if (platform === 'darwin') {
    const library = path.join(home, 'Library')
    const support = path.join(library, 'Application Support')
    return {
      config: path.join(library, 'Preferences'),
      state: support,
      cache: path.join(library, 'Caches'),
      data: support,
    }
  }
  return {
    config: absolute(env['XDG_CONFIG_HOME']) ?? path.join(home, '.config'),
    state: absolute(env['XDG_STATE_HOME']) ?? path.join(home, '.local', 'state'),
    cache: absolute(env['XDG_CACHE_HOME']) ?? path.join(home, '.cache'),
    data: absolute(env['XDG_DATA_HOME']) ?? path.join(home, '.local', 'share'),
  }
}

/** The XDG specification tells programs to ignore values that are not absolute. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && path.isAbsolute(value) ? value : undefined
}

/**
 * Where Lifeboat keeps its files (rule C11): XDG folders on Linux, the platform's own on macOS and
 * Windows. `LIFEBOAT_HOME` moves everything under one folder; `LIFEBOAT_REPOSITORY` names the
 * repository alone.
 */
export function resolvePaths(platform: NodeJS.Platform, env: Environment, home: string): Paths {
  const own = env['LIFEBOAT_HOME']
  const base = bases(platform, env, home)
  const folders =
    own === undefined || own === ''
      ? {
          config: path.join(base.config, 'lifeboat'),
          state: path.join(base.state, 'lifeboat', ...(platform === 'linux' ? [] : ['state'])),
          cache: path.join(base.cache, 'lifeboat'),
          repository: path.join(base.data, 'lifeboat', 'repository'),
        }
      : {
          config: path.resolve(own, 'config'),
          state: path.resolve(own, 'state'),
          cache: path.resolve(own, 'cache'),
          repository: path.resolve(own, 'repository'),
        }
  const named = env['LIFEBOAT_REPOSITORY']
  return {
    ...folders,
    repository: named === undefined || named === '' ? folders.repository : path.resolve(named),
    settingsFile: path.join(folders.config, 'settings.json'),
  }
}
