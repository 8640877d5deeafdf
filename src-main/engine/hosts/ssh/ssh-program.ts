import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { RunningCommand } from '../../lib/command.ts'
import { runText } from '../../lib/run.ts'
import { thisComputer } from '../../lib/run-local.ts'
import type { HostDeps } from '../resolve.ts'
import type { SshConfig, SshDestination } from './ssh-args.ts'
import { destinationArgs, parseSshConfig } from './ssh-args.ts'
import { sshError } from './ssh-errors.ts'

/** Nobody is there to answer a question of ssh: it must fail instead. */
const environment = { SSH_ASKPASS_REQUIRE: 'never' }

/** The file of host keys that the user trusted through Lifeboat. */
export function ownKnownHosts(deps: HostDeps): string {
  return path.join(deps.stateFolder, 'known_hosts')
}

/** Starts the system's ssh. Rejects with `tool-missing` when there is none. */
export function startSsh(args: readonly string[], stdin: boolean): Promise<RunningCommand> {
  return thisComputer.start(['ssh', ...args], {
    env: environment,
    ...(stdin ? { stdin: 'pipe' as const } : {}),
  })
}

/** Runs ssh to its end. */
export async function runSsh(
  args: readonly string[],
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> {
  const command = await startSsh(args, false)
  const chunks: Buffer[] = []
  for await (const chunk of command.stdout) chunks.push(chunk as Buffer)
  return { ...(await command.result), stdout: Buffer.concat(chunks).toString('utf8') }
}

/** What ssh makes of a destination with all its config files (rule S1). */
export async function sshConfigOf(destination: SshDestination): Promise<SshConfig> {
  try {
    const { stdout } = await runText(thisComputer, ['ssh', '-G', ...destinationArgs(destination)], {
      env: environment,
    })
    return parseSshConfig(stdout)
  } catch (error) {
    if (error instanceof AppError && error.code === 'command-failed') {
      throw sshError(destination.alias, error.details ?? '', null)
    }
    if (error instanceof AppError && error.code === 'tool-missing') throw noClient(error)
    throw error
  }
}

function noClient(cause: AppError): AppError {
  return new AppError(
    'tool-missing',
    {
      message: 'There is no ssh program on this computer.',
      state: NOTHING_CHANGED,
      hint: 'Install the OpenSSH client (on Windows: Settings, Optional features), then try again.',
    },
    cause,
  )
}
