import { rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import path from 'node:path'

import type { RunningCommand } from '../lib/command.ts'
import { Tail } from '../lib/tail.ts'
import type { Address } from './address.ts'
import { addressText } from './address.ts'
import { ApiClient } from './docker/api-client.ts'
import type { OnBytes, Transport } from './docker/transport.ts'
import { largeReads } from './docker/transport.ts'
import type { HostDeps } from './resolve.ts'
import { ProgramConnection, withConsumer } from './ssh/bridge.ts'
import { fetchHostKey, keyUnknown } from './ssh/host-keys.ts'
import { privateFolder } from './ssh/private-folder.ts'
import type { RemoteState } from './ssh/remote-probe.ts'
import {
  bridgeCommands,
  noEngine,
  parseRemote,
  probeScript,
  REMOTE_COMMAND,
} from './ssh/remote-probe.ts'
import type { SshConfig } from './ssh/ssh-args.ts'
import { controlArgs, masterArgs, sessionArgs } from './ssh/ssh-args.ts'
import { sshError } from './ssh/ssh-errors.ts'
import { ownKnownHosts, runSsh, sshConfigOf, startSsh } from './ssh/ssh-program.ts'

type SshAddress = Extract<Address, { kind: 'ssh' }>

/** How long a way that was just opened may take to show the engine behind it, milliseconds. */
const CHECK_MS = 20_000

/**
 * The way to a Docker engine over SSH: one connection of the system's ssh, with the user's whole
 * configuration. The engine's socket is forwarded into a folder that only the user can open; where the
 * far side forbids that, a program there carries each connection over a session.
 */
export async function openSsh(address: SshAddress, deps: HostDeps): Promise<Transport> {
  const config = await sshConfigOf(address)
  const master = await SshMaster.open(address, config, ownKnownHosts(deps))
  try {
    const [socket] = master.remote.usable
    if (socket === undefined) throw noEngine(address.alias, master.remote)
    for (const way of [master.forward(socket), ...master.bridges(socket)]) {
      const transport = await way()
      if (transport !== null && (await answers(transport))) return transport
    }
    throw master.failure()
  } catch (error) {
    await master.close()
    throw error
  }
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

class SshMaster {
  readonly remote: RemoteState
  readonly #address: SshAddress
  readonly #config: SshConfig
  readonly #ownKnownHosts: string
  readonly #folder: string
  readonly #command: RunningCommand
  readonly #stderr: Tail
  #hasEnded = false

  private constructor(
    address: SshAddress,
    config: SshConfig,
    ownKnownHosts: string,
    folder: string,
    command: RunningCommand,
    stderr: Tail,
    remote: RemoteState,
  ) {
    this.#address = address
    this.#config = config
    this.#ownKnownHosts = ownKnownHosts
    this.#folder = folder
    this.#command = command
    this.#stderr = stderr
    this.remote = remote
    command.stdout.resume()
    void command.result.finally(() => {
      this.#hasEnded = true
    })
  }

  static async open(address: SshAddress, config: SshConfig, ownFile: string): Promise<SshMaster> {
    const folder = await privateFolder()
    const args = masterArgs(address, config, ownFile, path.join(folder, 'm'), REMOTE_COMMAND)
    try {
      const command = await startSsh(args, true)
      const stderr = new Tail()
      command.onStderr(chunk => stderr.write(chunk))
      command.stdin?.write(probeScript(address.socketPath))
      const remote = await readRemote(command)
      if (remote !== null)
        return new SshMaster(address, config, ownFile, folder, command, stderr, remote)
      await command.kill()
      throw await explained(address, config, ownFile, stderr.text())
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** The engine's socket as a socket here. */
  forward(remoteSocket: string): () => Promise<Transport | null> {
    return async () => {
      const local = path.join(this.#folder, 'd')
      const { exitCode } = await runSsh(
        controlArgs(this.#address, path.join(this.#folder, 'm'), [
          'forward',
          '-L',
          `${local}:${remoteSocket}`,
        ]),
      )
      if (exitCode !== 0) return null
      return this.#transport(onBytes => connectSocket({ path: local, ...largeReads(onBytes) }))
    }
  }

  /** Each connection carried by a program on the far side, over a session of its own. */
  bridges(remoteSocket: string): readonly (() => Promise<Transport | null>)[] {
    return bridgeCommands(this.remote, remoteSocket).map(command => () => {
      const args = sessionArgs(
        this.#address,
        this.#config,
        this.#ownKnownHosts,
        path.join(this.#folder, 'm'),
        command,
      )
      return Promise.resolve(
        this.#transport(async onBytes =>
          withConsumer(new ProgramConnection(await startSsh(args, true)), onBytes),
        ),
      )
    })
  }

  failure(): Error {
    return sshError(this.#address.alias, this.#stderr.text(), this.#config)
  }

  async close(): Promise<void> {
    this.#command.stdin?.end()
    await this.#command.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #transport(connect: (onBytes?: OnBytes) => ReturnType<Transport['connect']>): Transport {
    return {
      endpoint: addressText(this.#address),
      connect,
      explain: () =>
        this.#hasEnded ? sshError(this.#address.alias, this.#stderr.text(), this.#config) : null,
      close: () => this.close(),
    }
  }
}

/** Null when ssh ended before the far side said everything. */
async function readRemote(command: RunningCommand): Promise<RemoteState | null> {
  let text = ''
  return new Promise(resolve => {
    command.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const remote = parseRemote(text)
      if (remote !== null) resolve(remote)
    })
    command.stdout.on('close', () => resolve(null))
  })
}

/** Why there is no connection; for an unknown key, with the fingerprint that the user has to look at. */
async function explained(
  address: SshAddress,
  config: SshConfig,
  ownFile: string,
  stderr: string,
): Promise<Error> {
  const error = sshError(address.alias, stderr, config)
  if (error.code !== 'host-key-unknown' || !error.hint.endsWith(`ssh://${address.alias}`))
    return error
  try {
    const key = await fetchHostKey(address, config, ownFile)
    return keyUnknown(address.alias, addressText(address), key)
  } catch {
    return error
  }
}
