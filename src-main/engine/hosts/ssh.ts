import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Address } from './address.ts'
import { addressText } from './address.ts'
import { ApiClient } from './docker/api-client.ts'
import type { Transport } from './docker/transport.ts'
import { HostError } from './host-error.ts'
import type { HostDeps } from './resolve.ts'
import { openForwardOnly } from './ssh/forward-only.ts'
import { fetchHostKey, keyUnknown } from './ssh/host-keys.ts'
import { noEngine } from './ssh/remote-probe.ts'
import type { SshContext } from './ssh/ssh-args.ts'
import { SshMaster } from './ssh/ssh-master.ts'
import { sshContext } from './ssh/ssh-program.ts'

type SshAddress = Extract<Address, { kind: 'ssh' }>

/** How long a way that was just opened may take to show the engine behind it, milliseconds. */
const CHECK_MS = 20_000

/**
 * The way to a Docker engine over SSH: one connection of the system's ssh, with the user's whole
 * configuration. The engine's socket is forwarded into a folder that only the user can open; where the
 * far side forbids that, a program there carries each connection over a session.
 * Rejects with the layer that failed (rule S5).
 */
export async function openSsh(address: SshAddress, deps: HostDeps): Promise<Transport> {
  const context = await sshContext(address, deps)
  try {
    return await openBestWay(address, context)
  } catch (error) {
    throw await withFingerprint(error, address, context)
  }
}

async function openBestWay(address: SshAddress, context: SshContext): Promise<Transport> {
  const endpoint = addressText(address)
  let master
  try {
    master = await SshMaster.open(context, endpoint, address.socketPath)
  } catch (error) {
    // The login may be fine and only commands be forbidden: then the layer is not known.
    if (!(error instanceof HostError) || error.layer !== 'session') throw error
    const way = await openForwardOnly(
      context,
      endpoint,
      address.socketPath ?? '/var/run/docker.sock',
    )
    if (await answers(way)) return way
    await way.close()
    throw error
  }
  try {
    const [socket] = master.remote.usable
    if (socket === undefined) throw noEngine(address.alias, master.remote)
    const ways = master.waysTo(socket)
    for (const open of ways) {
      const way = await open()
      if (way !== null && (await answers(way))) return way
    }
    throw noWay(address.alias, socket, ways.length, master.said())
  } catch (error) {
    await master.close()
    throw error
  }
}

/**
 * The login works and the socket is there, but the engine could not be talked to. Where a program was
 * there to carry the socket, it must be the engine; else nobody can tell a forbidden forward from it.
 */
function noWay(alias: string, socket: string, ways: number, said: string): HostError {
  const isForbidden = ways < 2
  return new HostError('host-unreachable', isForbidden ? 'login' : 'daemon', {
    message: isForbidden
      ? `${alias} does not forward ${socket}, and has no docker, python3 or socat that could carry it.`
      : `The Docker engine on ${alias} does not answer on ${socket}.`,
    state: NOTHING_CHANGED,
    hint: isForbidden
      ? `Allow it for your user in sshd_config on ${alias}: AllowStreamLocalForwarding local`
      : `On ${alias}: sudo systemctl restart docker`,
    details: said,
  })
}

async function answers(transport: Transport): Promise<boolean> {
  // Closing this client must leave the connection for the one to come.
  const api = new ApiClient({ ...transport, close: () => Promise.resolve() })
  try {
    await api.ping(CHECK_MS)
    return true
  } catch {
    return false
  } finally {
    await api.close()
  }
}

/** For an unknown key of the host itself, the fingerprint that the user has to look at. */
async function withFingerprint(
  error: unknown,
  address: SshAddress,
  context: SshContext,
): Promise<unknown> {
  const isOfHost =
    error instanceof AppError &&
    error.code === 'host-key-unknown' &&
    error.hint.endsWith(`ssh://${address.alias}`)
  if (!isOfHost) return error
  try {
    return keyUnknown(address.alias, addressText(address), await fetchHostKey(context))
  } catch {
    return error
  }
}
