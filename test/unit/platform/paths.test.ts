import { describe, expect, it } from 'vitest'

import { resolvePaths } from '../../../src-main/platform/paths.ts'

describe('platform/paths', () => {
  it('keeps config, state and cache apart in the XDG folders', () => {
    expect(resolvePaths('linux', {}, '/home/ann')).toEqual({
      config: '/home/ann/.config/lifeboat',
      state: '/home/ann/.local/state/lifeboat',
      cache: '/home/ann/.cache/lifeboat',
      repository: '/home/ann/.local/share/lifeboat/repository',
      settingsFile: '/home/ann/.config/lifeboat/settings.json',
    })
  })

  it('ignores XDG values that are not absolute, as the specification asks', () => {
    const paths = resolvePaths(
      'linux',
      { XDG_CONFIG_HOME: 'relative', XDG_STATE_HOME: '/state' },
      '/home/ann',
    )
    expect(paths.config).toBe('/home/ann/.config/lifeboat')
    expect(paths.state).toBe('/state/lifeboat')
  })

  it('moves everything with LIFEBOAT_HOME, and the repository alone with LIFEBOAT_REPOSITORY', () => {
    const env = { LIFEBOAT_HOME: '/boat', LIFEBOAT_REPOSITORY: '/mnt/disk/repository' }
    expect(resolvePaths('linux', env, '/home/ann')).toEqual({
      config: '/boat/config',
      state: '/boat/state',
      cache: '/boat/cache',
      repository: '/mnt/disk/repository',
      settingsFile: '/boat/config/settings.json',
    })
  })

  it('never gives two purposes one folder on macOS', () => {
    const paths = resolvePaths('darwin', {}, '/Users/ann')
    expect(new Set([paths.config, paths.state, paths.cache]).size).toBe(3)
  })
})
