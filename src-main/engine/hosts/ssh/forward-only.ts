import { access, rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import path from 'node:path'

import type { RunningCommand } from '../../lib/command.ts'
import { Tail } from '../../lib/tail.ts'
import type { Transport } from '../docker/transport.ts'
import { largeReads } from '../docker/transport.ts'
import type { HostError } from '../host-error.ts'
import { privateFolder } from './private-folder.ts'
import type { SshContext } from './ssh-args.ts'
import { forwardOnlyArgs } from './ssh-args.ts'
import { sshError } from './ssh-errors.ts'
import { startSsh } from './ssh-program.ts'

/**
 * A connection without any session, for accounts that may forward the engine's socket and nothing else
 * (`restrict,port-forwarding` in authorized_keys). Rejects when ssh ends before the forward stands.
 */
export async function openForwardOnly(
  context: SshContext,
  endpoint: string,
  remoteSocket: string,
): Promise<Transport> {
  const folder = await privateFolder()
  const local = path.join(folder, 'd')
  let command: RunningCommand | undefined
  const stderr = new Tail()
  const life = { hasEnded: false }
  const failure = (): HostError =>
    sshError(context.destination.alias, stderr.text(), context.config)
  const close = async (): Promise<void> => {
    await command?.kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    command = await startSsh(forwardOnlyArgs(context, local, remoteSocket), false)
    command.onStderr(chunk => stderr.write(chunk))
    command.stdout.resume()
    void command.result.finally(() => {
      life.hasEnded = true
    })
    while (!(await exists(local))) {
      if (life.hasEnded) throw failure()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    endpoint,
    maxConnections: 8,
    connect: onBytes => connectSocket({ path: local, ...largeReads(onBytes) }),
    explain: () => (life.hasEnded ? failure() : null),
    close,
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
