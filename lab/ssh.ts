import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Docker, docker, type EngineId, ownerLabel, ownerValue, uniqueName } from './docker.ts'
import { run, tryRun } from './lib/run.ts'
import { waitFor } from './lib/wait.ts'

/** Ports of a lab's SSH server; see images/recipes/sshd. */
export const sshPorts = {
  standard: 22,
  other: 2222,
  noForwarding: 2201,
  fewSessions: 2202,
  passwordOnly: 2203,
} as const

/** Password of every user, and passphrase of the encrypted key. Tests look for them in logs and arguments. */
export const sshSecrets = {
  password: `open sesame "1" $x'`,
  passphrase: 'a long passphrase',
} as const

export interface SshLabOptions {
  readonly engine: EngineId
  /** Where the engine's socket is on the server; null for a server without Docker. */
  readonly socketPath?: string | null
  /** A server whose docker client is gone. */
  readonly withoutCli?: boolean
}

/** A server with OpenSSH, a bastion in front of it, and a client's `.ssh` folder that knows both. */
export interface SshLab {
  readonly docker: Docker
  /** Container and address of the server. */
  readonly server: { readonly container: string; readonly address: string }
  readonly bastion: { readonly container: string; readonly address: string }
  /**
   * Folder with `config`, keys and `known_hosts`. OpenSSH takes a user's home from the password file and not
   * from `HOME`, so commands need `-F configFile`.
   */
  readonly folder: string
  readonly configFile: string
  /**
   * Aliases in the config: `lab-key`, `lab-encrypted`, `lab-agent`, `lab-password`, `lab-port`, `lab-jump`,
   * `lab-root`, `lab-weak` (no rights to the engine), `lab-noisy` (its shell greets on standard output),
   * `lab-no-forwarding`, `lab-few-sessions`, `lab-unknown` (host key not known).
   */
  readonly aliases: readonly string[]
  /** Environment with the agent that holds the unlocked key. */
  readonly environment: NodeJS.ProcessEnv
  /** `ssh ALIAS COMMAND…` as a person would run it, without ever asking. */
  ssh(alias: string, command: readonly string[]): ReturnType<typeof tryRun>
  /** Adds an alias; lines such as `HostName 127.0.0.1`. */
  addAlias(alias: string, lines: readonly string[]): Promise<void>
  /** Gives the server other host keys, as a reinstalled machine has. */
  changeHostKeys(): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts server and bastion and makes the client's folder. Takes a few seconds. */
export async function startSshLab(options: SshLabOptions): Promise<SshLab> {
  const client = docker(options.engine)
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-lab-ssh-'))
  const name = uniqueName('ssh')
  const label = ['--label', `${ownerLabel}=${ownerValue}`]
  const agent = await makeKeys(folder)
  const close = async (): Promise<void> => {
    agent.stop()
    await client.try(['rm', '--force', '--volumes', `${name}-server`, `${name}-bastion`])
    await client.try(['network', 'rm', name])
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await client.run(['network', 'create', ...label, name])
    const start = async (role: string, extra: readonly string[]): Promise<Machine> => {
      const keys = await readFile(join(folder, 'authorized_keys'), 'utf8')
      const network = ['--network', name, '--network-alias', role, '--hostname', role]
      const container = ['--detach', '--name', `${name}-${role}`, '--init', ...label, ...network]
      const secrets = ['--env', 'AUTHORIZED_KEYS', '--env', 'PASSWORD']
      await client.run(['run', ...container, ...secrets, ...extra, 'lab/sshd:1'], {
        env: { ...client.environment, AUTHORIZED_KEYS: keys, PASSWORD: sshSecrets.password },
      })
      return await machine(client, `${name}-${role}`, name)
    }
    const { socketPath = '/var/run/docker.sock' } = options
    const socket = socketPath === null ? [] : ['--volume', `${client.engine.socket}:${socketPath}`]
    const server = await start('server', socket)
    const bastion = await start('bastion', [])
    if (options.withoutCli === true) await client.exec(server.container, ['rm', '/usr/bin/docker'])
    await trust(folder, server, 'server')
    await trust(folder, bastion, 'bastion')
    const aliases = await writeConfig(folder, server, bastion)
    return sshLab({ client, folder, server, bastion, aliases, close, agent })
  } catch (error) {
    await close()
    throw error
  }
}

interface Machine {
  readonly container: string
  readonly address: string
}

interface Agent {
  readonly socket: string
  readonly stop: () => void
}

interface Parts {
  readonly client: Docker
  readonly folder: string
  readonly server: Machine
  readonly bastion: Machine
  readonly aliases: readonly string[]
  readonly agent: Agent
  readonly close: () => Promise<void>
}

function sshLab(parts: Parts): SshLab {
  const { client, folder, server, close } = parts
  const configFile = join(folder, 'config')
  const environment = { ...process.env, SSH_AUTH_SOCK: parts.agent.socket }
  return {
    docker: client,
    server,
    bastion: parts.bastion,
    folder,
    configFile,
    aliases: parts.aliases,
    environment,
    ssh: async (alias, command) =>
      await tryRun(['ssh', '-F', configFile, '-o', 'BatchMode=yes', alias, '--', ...command], {
        env: environment,
      }),
    addAlias: async (alias, lines) => {
      const text = [`Host ${alias}`, ...lines.map(line => `  ${line}`), ''].join('\n')
      await writeFile(join(folder, 'hosts.d', alias), text)
    },
    changeHostKeys: async () => {
      await client.exec(server.container, ['sh', '-c', 'rm /etc/ssh/keys/*'])
      await client.run(['restart', '--time', '1', server.container])
      await waitFor('the restarted SSH server', async () => await hostKeys(server))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Keys of three kinds; the encrypted one is unlocked in an agent of its own. */
async function makeKeys(folder: string): Promise<Agent> {
  const { passphrase } = sshSecrets
  const publicKeys: string[] = []
  for (const [name, secret] of [
    ['plain', ''],
    ['encrypted', passphrase],
    ['in-agent', ''],
  ] as const) {
    const file = join(folder, name)
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', secret, '-C', name, '-f', file])
    publicKeys.push(await readFile(`${file}.pub`, 'utf8'))
  }
  await writeFile(join(folder, 'authorized_keys'), publicKeys.join(''))
  const socket = join(folder, 'agent.sock')
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  const add = async (): Promise<boolean> =>
    (await tryRun(['ssh-add', join(folder, 'in-agent')], { env })).code === 0
  await waitFor('the agent to take a key', add)
  await rm(join(folder, 'in-agent'))
  return { socket, stop: () => child.kill() }
}

async function machine(client: Docker, container: string, network: string): Promise<Machine> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  const address = (await client.run(['inspect', '--format', format, container])).trim()
  const found = { container, address }
  await waitFor(`${container} to answer`, async () => await hostKeys(found))
  return found
}

/** The lines `TYPE KEY` of the machine's host keys; undefined while it does not answer. */
async function hostKeys(machine: Machine): Promise<readonly string[] | undefined> {
  // The server of this port is the last to be started.
  const options = ['-p', String(sshPorts.passwordOnly), '-t', 'ed25519,rsa']
  const scan = await tryRun(['ssh-keyscan', ...options, machine.address])
  const lines = scan.stdout.toString('utf8').split('\n')
  const keys = lines.filter(line => /^[^#\s]/.test(line))
  return keys.length < 2 ? undefined : keys.map(line => line.split(' ').slice(1).join(' '))
}

/** Known hosts by the alias under which all ports and ways to a machine are checked. */
async function trust(folder: string, machine: Machine, alias: string): Promise<void> {
  const keys = (await hostKeys(machine)) ?? []
  const text = keys.map(key => `${alias} ${key}\n`).join('')
  await writeFile(join(folder, 'known_hosts'), text, { flag: 'a' })
}

async function writeConfig(
  folder: string,
  server: Machine,
  bastion: Machine,
): Promise<readonly string[]> {
  const key = (name: string): readonly string[] => [`IdentityFile ${join(folder, name)}`]
  const at = (port: number): readonly string[] => [`HostName ${server.address}`, `Port ${port}`]
  const hosts: Readonly<Record<string, readonly string[]>> = {
    'lab-key': [...at(sshPorts.standard), ...key('plain')],
    'lab-port': [...at(sshPorts.other), ...key('plain')],
    'lab-encrypted': [...at(sshPorts.standard), ...key('encrypted'), 'IdentityAgent none'],
    'lab-agent': [...at(sshPorts.standard), ...key('in-agent.pub')],
    'lab-password': [...at(sshPorts.passwordOnly), 'PubkeyAuthentication no'],
    'lab-root': [...at(sshPorts.standard), ...key('plain'), 'User root'],
    'lab-weak': [...at(sshPorts.standard), ...key('plain'), 'User weak'],
    'lab-noisy': [...at(sshPorts.standard), ...key('plain'), 'User noisy'],
    'lab-no-forwarding': [...at(sshPorts.noForwarding), ...key('plain')],
    'lab-few-sessions': [...at(sshPorts.fewSessions), ...key('plain')],
    'lab-unknown': [...at(sshPorts.standard), ...key('plain'), 'HostKeyAlias never-seen'],
    'lab-bastion': [`HostName ${bastion.address}`, ...key('plain'), 'HostKeyAlias bastion'],
    // The name is one of the engine's network: only the bastion can look it up.
    'lab-jump': ['HostName server', ...key('plain'), 'ProxyJump lab-bastion'],
  }
  await mkdir(join(folder, 'hosts.d'))
  const blocks = Object.entries(hosts).map(([alias, lines]) =>
    [`Host ${alias}`, ...lines.map(line => `  ${line}`), ''].join('\n'),
  )
  await writeFile(join(folder, 'hosts.d', 'lab'), blocks.join('\n'))
  const common = ['User admin', 'IdentitiesOnly yes', 'HostKeyAlias server', 'ConnectTimeout 15']
  const known = [`UserKnownHostsFile ${join(folder, 'known_hosts')}`, 'GlobalKnownHostsFile none']
  const last = ['Host lab-*', ...[...common, ...known].map(line => `  ${line}`), '']
  const config = join(folder, 'config')
  await writeFile(config, [`Include ${join(folder, 'hosts.d')}/*`, '', ...last].join('\n'))
  await chmod(config, 0o600)
  return Object.keys(hosts)
}
