import type { DriverContext } from '../databases/database.ts'
import type { DockerHost } from '../hosts/host.ts'

/** For the person who decides: more time than this is not spent on counting a server's tables. */
export const PLAN_COUNT_BUDGET_MS = 5_000
/** For the comparison of what was loaded with the snapshot. */
export const STAGE_COUNT_BUDGET_MS = 120_000

/** What a driver needs to speak to the server in a container. */
export async function driverContext(
  host: DockerHost,
  containerId: string,
  options: DriverContext['options'] | undefined,
  signal: AbortSignal,
  countBudgetMs: number = PLAN_COUNT_BUDGET_MS,
  warn: (message: string) => void = () => undefined,
): Promise<DriverContext> {
  return {
    place: host.inContainer(containerId),
    container: await host.container(containerId),
    options: options ?? {},
    signal,
    countBudgetMs,
    warn,
  }
}
