import type { Writable } from 'node:stream'

import type { DockerHost, HelperSpec } from './host.ts'

/**
 * What a helper does while nobody runs a command in it: it waits for the end of its input, which comes
 * when we close it or when we are gone, however we went, and ends itself. `$1` bounds that in seconds,
 * should the connection hang half-open. As process 1 it collects every orphan; when it ends, the kernel
 * ends all that runs beside it.
 */
const keeperScript = `
exec 3<&0
sleep "$1" &
timer=$!
{ cat <&3 >/dev/null; kill "$timer"; } &
exec 3<&-
wait "$timer"
`

/** No run is expected to take longer, milliseconds. */
const LONGEST_RUN_MS = 48 * 3600 * 1000
/** Proxies close connections on which nothing moves, often after some minutes. */
const HEARTBEAT_MS = 30_000

export interface KeptHelper {
  readonly containerId: string
  /** Ends and removes the container; quiet when it is gone. */
  close(): Promise<void>
}

/** Starts a helper that lives as long as this process holds on to it. */
export async function startKept(
  host: DockerHost,
  spec: Omit<HelperSpec, 'argv' | 'openStdin'>,
): Promise<KeptHelper> {
  const containerId = await host.startHelper({
    ...spec,
    argv: ['sh', '-c', keeperScript, 'lifeboat-helper', String(LONGEST_RUN_MS / 1000)],
    openStdin: true,
  })
  let line: Writable
  try {
    line = await host.attachStdin(containerId)
  } catch (error) {
    await host.removeHelper(containerId).catch(() => undefined)
    throw error
  }
  const heart = setInterval(() => line.write('\n'), HEARTBEAT_MS).unref()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    clearInterval(heart)
    line.destroy()
    await host.removeHelper(containerId)
  }
  return { containerId, close: () => (closing ??= close()) }
}
