import { rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import path from 'node:path'

import type { RunningCommand } from '../../lib/command.ts'
import { Tail } from '../../lib/tail.ts'
import type { OnBytes, Transport } from '../docker/transport.ts'
import { largeReads } from '../docker/transport.ts'
import type { HostError } from '../host-error.ts'
import { ProgramConnection, withConsumer } from './bridge.ts'
import { privateFolder } from './private-folder.ts'
import type { RemoteState } from './remote-probe.ts'
import { bridgeCommands, parseRemote, probeScript, REMOTE_COMMAND } from './remote-probe.ts'
import type { SshContext } from './ssh-args.ts'
import { controlArgs, masterArgs, sessionArgs } from './ssh-args.ts'
import { sshError } from './ssh-errors.ts'
import { runSsh, startSsh } from './ssh-program.ts'

/** Opens one way to the engine; null when this way is closed. */
export type Way = () => Promise<Transport | null>

/** The windows client can neither share a connection nor forward to a socket. */
const canShare = process.platform !== 'win32'

/**
 * The one SSH connection to a host. A session on it keeps it alive and has looked round over there;
 * it ends with our end of its input, so also when this process is killed.
 */
export class SshMaster {
  readonly remote: RemoteState
  readonly #context: SshContext
  readonly #endpoint: string
  readonly #folder: string
  readonly #command: RunningCommand
  readonly #stderr: Tail
  #hasEnded = false

  private constructor(
    context: SshContext,
    endpoint: string,
    folder: string,
    command: RunningCommand,
    stderr: Tail,
    remote: RemoteState,
  ) {
    this.#context = context
    this.#endpoint = endpoint
    this.#folder = folder
    this.#command = command
    this.#stderr = stderr
    this.remote = remote
    void command.result.finally(() => {
      this.#hasEnded = true
    })
  }

  /** Connects and looks round. Rejects with the layer that failed. */
  static async open(
    context: SshContext,
    endpoint: string,
    socketPath: string | null,
  ): Promise<SshMaster> {
    const folder = await privateFolder()
    try {
      const control = canShare ? path.join(folder, 'm') : null
      const command = await startSsh(masterArgs(context, control, REMOTE_COMMAND), true)
      const stderr = new Tail()
      command.onStderr(chunk => stderr.write(chunk))
      command.stdin?.write(probeScript(socketPath))
      const remote = await readRemote(command)
      if (remote !== null) {
        return new SshMaster(context, endpoint, folder, command, stderr, remote)
      }
      await command.kill()
      throw sshError(context.destination.alias, stderr.text(), context.config)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** The ways to a socket over there, best first. */
  waysTo(remoteSocket: string): readonly Way[] {
    const bridges = bridgeCommands(this.remote, remoteSocket)
    return [
      ...(canShare ? [() => this.#forward(remoteSocket)] : []),
      ...bridges.map(command => () => Promise.resolve(this.#bridge(command))),
    ]
  }

  /** What ssh has printed so far. */
  said(): string {
    return this.#stderr.text().trim()
  }

  async close(): Promise<void> {
    this.#command.stdin?.end()
    await this.#command.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #failure(): HostError {
    return sshError(this.#context.destination.alias, this.#stderr.text(), this.#context.config)
  }

  /** The engine's socket as a socket here, in a folder that only the user can open. */
  async #forward(remoteSocket: string): Promise<Transport | null> {
    const local = path.join(this.#folder, 'd')
    const request = ['forward', '-L', `${local}:${remoteSocket}`]
    const { exitCode } = await runSsh(
      controlArgs(this.#context, path.join(this.#folder, 'm'), request),
    )
    if (exitCode !== 0) return null
    return this.#transport(onBytes => connectSocket({ path: local, ...largeReads(onBytes) }), 8)
  }

  /** Each connection carried by a program over there, over a session of its own. */
  #bridge(command: readonly string[]): Transport {
    const control = canShare ? path.join(this.#folder, 'm') : null
    const args = sessionArgs(this.#context, control, command)
    return this.#transport(
      async onBytes => withConsumer(new ProgramConnection(await startSsh(args, true)), onBytes),
      // Ten sessions per connection are what an SSH server allows by default, and streams come on top.
      2,
    )
  }

  #transport(
    connect: (onBytes?: OnBytes) => ReturnType<Transport['connect']>,
    maxConnections: number,
  ): Transport {
    return {
      endpoint: this.#endpoint,
      maxConnections,
      connect,
      explain: () => (this.#hasEnded ? this.#failure() : null),
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
