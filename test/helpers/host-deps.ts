import path from 'node:path'

import type { SavedHost, Settings } from '../../src-main/contract/reports.ts'
import type { HostDeps } from '../../src-main/engine/hosts/index.ts'

/** What opening a host needs, with everything of the user's under one folder. */
export function hostDeps(
  home: string,
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly hosts?: readonly SavedHost[]
  } = {},
): HostDeps {
  const settings: Settings = {
    schemaVersion: 1,
    repository: path.join(home, 'repository'),
    hosts: options.hosts ?? [],
    policies: {},
    knownRepositories: {},
  }
  return {
    env: options.env ?? {},
    homeDirectory: home,
    stateFolder: path.join(home, 'state'),
    cacheFolder: path.join(home, 'cache'),
    settings: {
      read: () => Promise.resolve(settings),
      update: () => Promise.reject(new Error('nothing may be written')),
      warnings: () => [],
    },
  }
}
