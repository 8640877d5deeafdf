import { access } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { RunningCommand } from '../../lib/command.ts'
import { runText } from '../../lib/run.ts'
import { thisComputer } from '../../lib/run-local.ts'
import type { HostDeps } from '../resolve.ts'
import type { SshConfig, SshContext, SshDestination } from './ssh-args.ts'
import { configArgs, destinationArgs, lastHop, parseSshConfig } from './ssh-args.ts'
import { sshError } from './ssh-errors.ts'

/** Nobody is there to answer a question of ssh: it must fail instead. */
const environment = { SSH_ASKPASS_REQUIRE: 'never' }

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

/**
 * What ssh makes of a destination with all its config files (rule S1). Where the home directory is not
 * the one of the system's user list, ssh has to be told where the config is.
 */
export async function sshContext(destination: SshDestination, deps: HostDeps): Promise<SshContext> {
  const configFile = await configFileOf(deps.homeDirectory)
  const config = await readConfig(destination, configFile)
  const hop = lastHop(config.proxyJump)
  return {
    destination,
    configFile,
    ownKnownHosts: path.join(deps.stateFolder, 'known_hosts'),
    config,
    jump: hop === null ? null : { ...hop, config: await readConfig(hop.destination, configFile) },
  }
}

async function readConfig(
  destination: SshDestination,
  configFile: string | null,
): Promise<SshConfig> {
  const argv = ['ssh', ...configArgs(configFile), '-G', ...destinationArgs(destination)]
  try {
    const { stdout } = await runText(thisComputer, argv, { env: environment })
    return parseSshConfig(stdout)
  } catch (error) {
    if (error instanceof AppError && error.code === 'command-failed') {
      throw sshError(destination.alias, error.details ?? '', null)
    }
    if (error instanceof AppError && error.code === 'tool-missing') throw noClient(error)
    throw error
  }
}

async function configFileOf(homeDirectory: string): Promise<string | null> {
  if (homeDirectory === os.userInfo().homedir) return null
  const file = path.join(homeDirectory, '.ssh', 'config')
  return access(file).then(
    () => file,
    () => null,
  )
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
