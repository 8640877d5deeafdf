import { getContext, setContext } from 'svelte'

import type { Client } from '../../../src-main/contract/contract.ts'
import type { Jobs } from './jobs.svelte.ts'

/** What every page works with. */
export interface AppContext {
  readonly client: Client
  readonly jobs: Jobs
}

const key = Symbol('app')

export function provideApp(app: AppContext): void {
  setContext(key, app)
}

export function useApp(): AppContext {
  return getContext<AppContext>(key)
}
