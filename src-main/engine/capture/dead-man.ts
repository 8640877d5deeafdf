import type { HelperTools } from '../hosts/helper.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { DeadManOrders } from './dead-man-programs.ts'
import { deadManCommand, SOCKET_IN_SWITCH } from './dead-man-programs.ts'

const BEAT_MS = 10_000
const SILENCE_SECONDS = 75
/** How long the switch may take to say that it is ready. */
const ARMING_MS = 30_000
/** Where the engine's socket is on nearly every host. */
const USUAL_SOCKET = '/var/run/docker.sock'

/** A switch on the host that brings services back when Lifeboat is gone. */
export interface DeadMan {
  readonly containerId: string
  /** Settles with a reason when the switch was lost before `disarm`: it may have started services by then. */
  readonly lost: Promise<string>
  /** Tells it that all is done; it ends and is removed. Never rejects. */
  disarm(): Promise<void>
  /** Leaves it to do its work. */
  abandon(): void
}

export interface DeadManInput {
  readonly host: DockerHost
  readonly image: string
  readonly client: NonNullable<HelperTools['socketClient']>
  /** The engine's id: the switch refuses to work on another one. */
  readonly engineId: string
  readonly acts: DeadManOrders['acts']
  /** Called with the container's id as soon as there is one, and awaited. */
  onStarted(containerId: string): Promise<void>
}

/**
 * Starts the switch and waits until it has reached the engine. Rejects, and leaves nothing behind, when
 * the socket cannot be had.
 */
export async function armDeadMan(input: DeadManInput): Promise<DeadMan> {
  let reason: unknown = null
  for (const socket of socketPaths(input.host)) {
    try {
      return await armWith(input, socket)
    } catch (error) {
      reason = error
    }
  }
  throw reason instanceof Error ? reason : new Error('The engine has no socket to give.')
}

/** Paths on the host at which the engine's socket may lie, the likeliest first. */
function socketPaths(host: DockerHost): readonly string[] {
  const { endpoint } = host.summary
  const own = endpoint.startsWith('unix://') ? endpoint.slice('unix://'.length) : null
  return own === null || own === USUAL_SOCKET ? [USUAL_SOCKET] : [own, USUAL_SOCKET]
}

async function armWith(input: DeadManInput, socket: string): Promise<DeadMan> {
  const { host, engineId, acts } = input
  const containerId = await host.startHelper({
    purpose: 'dead-man',
    image: input.image,
    argv: deadManCommand(input.client, {
      socket: SOCKET_IN_SWITCH,
      silenceSeconds: SILENCE_SECONDS,
      engineId,
      acts,
    }),
    mounts: [{ type: 'bind', source: socket, target: SOCKET_IN_SWITCH, readOnly: true }],
    // The socket need not belong to root.
    capabilities: ['DAC_OVERRIDE'],
    openStdin: true,
  })
  try {
    await input.onStarted(containerId)
    const { stdin, stdout } = await host.attach(containerId)
    stdin.on('error', () => undefined)
    stdin.write('.\n')
    await untilArmed(stdout)
    return watch(host, containerId, stdin, stdout)
  } catch (error) {
    await host.removeHelper(containerId).catch(() => undefined)
    throw error
  }
}

function untilArmed(stdout: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => end('It did not answer in time.'), ARMING_MS)
    function end(problem: string | null): void {
      clearTimeout(timer)
      stdout.off('data', listen).off('end', gone).off('close', gone)
      if (problem === null) resolve()
      else reject(new Error(problem))
    }
    function listen(chunk: Buffer): void {
      said += chunk.toString('utf8')
      if (said.includes('armed\n')) end(null)
    }
    function gone(): void {
      end('It could not reach the engine through its socket.')
    }
    stdout.on('data', listen).once('end', gone).once('close', gone)
  })
}

function watch(
  host: DockerHost,
  containerId: string,
  stdin: NodeJS.WritableStream,
  stdout: NodeJS.ReadableStream,
): DeadMan {
  let disarmed = false
  let lose: (reason: string) => void = () => undefined
  const lost = new Promise<string>(resolve => {
    lose = resolve
  })
  const beat = setInterval(() => stdin.write('.\n'), BEAT_MS)
  stdout.resume()
  stdout.once('close', () => {
    clearInterval(beat)
    if (!disarmed)
      lose('The dead-man switch on the host was lost, and may have started services again.')
  })
  return {
    containerId,
    lost,
    async disarm() {
      if (disarmed) return
      disarmed = true
      clearInterval(beat)
      await new Promise<void>(resolve => {
        stdin.once('error', () => resolve())
        stdin.end('done\n', () => resolve())
      })
      // It removes itself; this is for the one that could not hear.
      await host.removeHelper(containerId).catch(() => undefined)
    },
    abandon() {
      disarmed = true
      clearInterval(beat)
      stdin.end()
    },
  }
}
