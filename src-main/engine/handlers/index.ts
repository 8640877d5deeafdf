import type { EventName, Events, Handlers } from '../../contract/contract.ts'
import type { EngineDeps } from '../ports.ts'
import { backupHandlers } from './backups.ts'
import { checkHandlers } from './checks.ts'
import { doctorHandlers } from './doctor.ts'
import { hostHandlers } from './hosts.ts'
import { jobHandlers } from './jobs.ts'
import { restoreHandlers } from './restores.ts'
import { makeServices } from './services.ts'
import { settingsHandlers } from './settings.ts'
import { snapshotHandlers } from './snapshots.ts'
import { stackHandlers } from './stacks.ts'
import { statusHandlers } from './status.ts'
import { undoHandlers } from './undos.ts'

/** Every request of the contract with its handler, over one set of services. */
export function makeHandlers(
  deps: EngineDeps,
  emit: <N extends EventName>(name: N, payload: Events[N]) => void,
): { readonly handlers: Handlers; close(): Promise<void> } {
  const services = makeServices(deps, emit)
  const handlers: Handlers = {
    ...backupHandlers(services),
    ...checkHandlers(services),
    ...doctorHandlers(services),
    ...hostHandlers(services),
    ...jobHandlers(services),
    ...restoreHandlers(services),
    ...settingsHandlers(services),
    ...snapshotHandlers(services),
    ...stackHandlers(services),
    ...statusHandlers(services),
    ...undoHandlers(services),
  }
  return { handlers, close: services.close }
}
