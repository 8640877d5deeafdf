import type { SettingsStore } from '../engine/ports.ts'

/**
 * Settings in which the repository is the one that a flag or `LIFEBOAT_REPOSITORY` names. That holds for this
 * run alone: what is written to disk keeps the user's own choice, unless the run sets another one.
 */
export function withNamedRepository(store: SettingsStore, named: string): SettingsStore {
  return {
    read: async () => ({ ...(await store.read()), repository: named }),
    async update(change) {
      const wanted = { repository: named }
      const written = await store.update(settings => {
        const changed = change({ ...settings, repository: named })
        wanted.repository = changed.repository
        return changed.repository === named
          ? { ...changed, repository: settings.repository }
          : changed
      })
      return { ...written, ...wanted }
    },
    warnings: () => store.warnings(),
  }
}
