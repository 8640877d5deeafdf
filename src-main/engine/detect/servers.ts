import { AppError } from '../../contract/errors.ts'
import type { StackPolicy } from '../../contract/model.ts'
import { databaseFor } from '../databases/index.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { Logger } from '../ports.ts'
import type { ServerProbe, ServiceContainer } from './facts.ts'
import { mapLimited } from './map-limited.ts'
import type { ContainerRole } from './roles.ts'

/** A server that does not answer in this time is taken as one that cannot be dumped. */
const ANSWER_LIMIT_MS = 60_000
const SERVERS_AT_ONCE = 3

/**
 * Looks into every database server of the containers that runs. A failure is an answer too: it becomes
 * the reason why there is no dump. Changes nothing.
 */
export async function examineServers(
  host: DockerHost,
  containers: readonly ServiceContainer[],
  roles: ReadonlyMap<string, ContainerRole>,
  policy: Pick<StackPolicy, 'engines'>,
  logger: Logger,
  signal: AbortSignal,
): Promise<readonly ServerProbe[]> {
  const servers = containers.filter(each => (roles.get(each.id)?.database ?? null) !== null)
  return mapLimited(servers, SERVERS_AT_ONCE, async (container): Promise<ServerProbe> => {
    const probe = { containerId: container.id, facts: null }
    if (container.state === 'paused') return { ...probe, problem: 'its container is paused' }
    if (container.state !== 'running') {
      const state = container.state === 'exited' ? 'stopped' : container.state
      return { ...probe, problem: `its container is ${state}` }
    }
    const engine = databaseFor(container)
    if (engine === null) return { ...probe, problem: 'no driver knows it' }
    const limit = AbortSignal.timeout(ANSWER_LIMIT_MS)
    try {
      const facts = await engine.examine({
        place: host.inContainer(container.id),
        container,
        options: policy.engines[engine.id] ?? {},
        signal: AbortSignal.any([signal, limit]),
        countBudgetMs: 0,
        warn: message => logger.debug(message, { service: container.service }),
      })
      return { ...probe, facts, problem: null }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof AppError && error.code === 'host-unreachable') throw error
      const problem = limit.aborted
        ? `it did not answer within ${ANSWER_LIMIT_MS / 1000} s`
        : error instanceof Error
          ? error.message
          : String(error)
      logger.info('A database server could not be looked into.', {
        service: container.service,
        problem,
      })
      return { ...probe, problem: problem.replace(/[.\s]+$/, '') }
    }
  })
}
