import type { Handlers } from '../../contract/contract.ts'
import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { listHosts, testHost, trustHost } from '../hosts/index.ts'
import type { Services } from './services.ts'

type HostHandlers = Pick<
  Handlers,
  'host.list' | 'host.test' | 'host.add' | 'host.trust' | 'host.remove'
>

const nameRule = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,62}$/u

/** Finding, testing, saving and forgetting hosts. */
export function hostHandlers({ deps }: Services): HostHandlers {
  const hostDeps = {
    env: deps.env,
    homeDirectory: deps.homeDirectory,
    settings: deps.settings,
    stateFolder: deps.paths.state,
    cacheFolder: deps.paths.cache,
  }
  return {
    'host.list': ({ test }) => listHosts(hostDeps, { test: test === true }),
    'host.test': ({ host }) => testHost(host, hostDeps),
    async 'host.add'({ name, address }) {
      if (!nameRule.test(name) || name === 'local') {
        throw new AppError('usage', {
          message: `${JSON.stringify(name)} cannot be the name of a host.`,
          state: NOTHING_CHANGED,
          hint: 'Use letters, digits, spaces, dots, dashes and underscores; "local" is taken.',
        })
      }
      const summary = await testHost(address, hostDeps)
      await deps.settings.update(settings => ({
        ...settings,
        hosts: [
          ...settings.hosts.filter(host => host.name !== name),
          { name, address, daemonId: summary.daemon?.id ?? null },
        ],
      }))
      return { ...summary, id: name, label: name, source: 'saved' }
    },
    async 'host.trust'({ host, fingerprint, accept }) {
      await trustHost(host, hostDeps, {
        ...(fingerprint === undefined ? {} : { fingerprint }),
        accept: accept === true,
      })
      return testHost(host, hostDeps)
    },
    async 'host.remove'({ name }) {
      const settings = await deps.settings.read()
      if (!settings.hosts.some(host => host.name === name)) {
        throw new AppError('unknown-host', {
          message: `No host is saved as ${JSON.stringify(name)}.`,
          state: NOTHING_CHANGED,
          hint: 'lifeboat hosts list shows the saved ones.',
        })
      }
      await deps.settings.update(before => ({
        ...before,
        hosts: before.hosts.filter(host => host.name !== name),
      }))
      return null
    },
  }
}
