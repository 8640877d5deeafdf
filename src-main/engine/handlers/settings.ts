import type { Handlers } from '../../contract/contract.ts'
import type { StackPolicy } from '../../contract/model.ts'
import type { Services } from './services.ts'

type SettingsHandlers = Pick<
  Handlers,
  'paths.get' | 'settings.get' | 'settings.setPolicy' | 'settings.setRepository'
>

/** Folders, policies and the default repository. */
export function settingsHandlers({ deps, policy, repository }: Services): SettingsHandlers {
  return {
    'paths.get': async () => ({
      ...deps.paths,
      repository: (await deps.settings.read()).repository,
    }),
    'settings.get': () => deps.settings.read(),
    async 'settings.setPolicy'({ host, stack, policy: change }) {
      const key = `${host}/${stack}`
      const given = Object.fromEntries(
        Object.entries(change).filter(([, value]) => value !== undefined),
      ) as Partial<StackPolicy>
      await deps.settings.update(settings => ({
        ...settings,
        policies: { ...settings.policies, [key]: { ...settings.policies[key], ...given } },
      }))
      return policy(host, stack)
    },
    async 'settings.setRepository'({ path }) {
      const { path: absolute } = await repository(path, true)
      return deps.settings.update(settings => ({ ...settings, repository: absolute }))
    },
  }
}
