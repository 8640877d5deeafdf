import type { HelperTools } from '../hosts/helper.ts'
import { NO_TOOLS, probeTools } from '../hosts/helper-tools.ts'
import { thisComputer } from '../lib/run-local.ts'

let known: Promise<HelperTools> | null = null

/** What the tar of this computer can do; asked once. A computer without a shell has none. */
export function localTools(): Promise<HelperTools> {
  known ??= probeTools(thisComputer).catch(() => NO_TOOLS)
  return known
}
