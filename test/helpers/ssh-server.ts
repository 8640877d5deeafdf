import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'

import type { Docker } from '../../lab/docker.ts'
import { ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { run } from '../../lab/lib/run.ts'
import { waitFor } from '../../lab/lib/wait.ts'

/** How the server is set up, where it differs from a plain one with the engine's socket at the usual place. */
export interface SshServerOptions {
  /** Where the engine's socket is over there; null for none. */
  readonly socketPath?: string | null
  /** Further lines for sshd_config. */
  readonly config?: readonly string[]
  /** Options in front of the key in authorized_keys. */
  readonly keyOptions?: string
  /** Programs that are taken away. */
  readonly without?: readonly string[]
}

/** A real sshd in a container of the lab, and a home directory on this side that knows it. */
export interface SshServer {
  readonly port: number
  readonly container: string
  /** Home directory with `.ssh/config`, keys and known hosts. */
  readonly home: string
  /** Alias in that config for root, who may use the engine. */
  readonly alias: string
  /** Alias for a user without any right to the engine. */
  readonly weakAlias: string
  /** Replaces the server's host key. */
  changeHostKey(): Promise<void>
  /** Adds lines to the client's config. */
  configure(lines: readonly string[]): Promise<void>
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const startScript = `
set -e
mkdir -p /run/sshd /root/.ssh
useradd -m -s /bin/sh weak
mkdir -p /home/weak/.ssh
printf '%s\\n' "$AUTHORIZED" | tee /root/.ssh/authorized_keys >/home/weak/.ssh/authorized_keys
chown -R weak: /home/weak/.ssh
chmod 700 /root/.ssh /home/weak/.ssh
chmod 600 /root/.ssh/authorized_keys /home/weak/.ssh/authorized_keys
usermod -p '*' root
echo 'weak:open sesame "1"' | chpasswd
for program in $WITHOUT; do rm -f "$(command -v "$program")"; done
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/key
printf '%s\\n' "$CONFIG" >/etc/ssh/extra.conf
cat >/etc/ssh/lab.conf <<END
Port $PORT
ListenAddress 127.0.0.1
HostKey /etc/ssh/key
PermitRootLogin yes
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
END
cat /etc/ssh/extra.conf >>/etc/ssh/lab.conf
while :; do /usr/sbin/sshd -D -e -f /etc/ssh/lab.conf & wait $! || true; sleep 0.2; done
`

/** Starts the server. Its key is known to the client unless `unknown` is set. */
export async function startSshServer(
  docker: Docker,
  options: SshServerOptions & { readonly unknown?: boolean } = {},
): Promise<SshServer> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-home-'))
  const ssh = path.join(home, '.ssh')
  await mkdir(ssh, { mode: 0o700 })
  const identity = path.join(ssh, 'id')
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', identity])
  const publicKey = (await readFile(`${identity}.pub`, 'utf8')).trim()
  const port = await freePort()
  const container = uniqueName('sshd')
  const { socketPath = '/var/run/docker.sock', keyOptions } = options
  await docker.run([
    'run',
    '-d',
    '--name',
    container,
    '--label',
    `${ownerLabel}=${ownerValue}`,
    '--network',
    'host',
    ...(socketPath === null ? [] : ['-v', `${docker.engine.socket}:${socketPath}`]),
    '-e',
    `AUTHORIZED=${keyOptions === undefined ? '' : `${keyOptions} `}${publicKey}`,
    '-e',
    `CONFIG=${(options.config ?? []).join('\n')}`,
    '-e',
    `WITHOUT=${(options.without ?? []).join(' ')}`,
    '-e',
    `PORT=${port}`,
    'lab/base:1',
    'sh',
    '-c',
    startScript,
  ])
  const knownHosts = path.join(ssh, 'known_hosts')
  const config = path.join(ssh, 'config')
  const host = (alias: string, user: string): string =>
    [
      `Host ${alias}`,
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  User ${user}`,
      `  IdentityFile ${identity}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${knownHosts}`,
      '',
    ].join('\n')
  await writeFile(config, `Include ${path.join(ssh, 'hosts.d')}/*\n`)
  await mkdir(path.join(ssh, 'hosts.d'))
  await writeFile(
    path.join(ssh, 'hosts.d', 'lab'),
    host('lab-nas', 'root') + host('lab-weak', 'weak'),
  )
  const keyOf = async (): Promise<string> => {
    const scan = ['ssh-keyscan', '-p', String(port), '-t', 'ed25519', '127.0.0.1']
    return (await run(scan))
      .split('\n')
      .filter(line => line.startsWith('['))
      .join('\n')
  }
  const key = await waitFor('the SSH server', async () => {
    const found = await keyOf().catch(() => '')
    return found === '' ? undefined : found
  })
  await writeFile(knownHosts, options.unknown === true ? '' : `${key}\n`)
  return {
    port,
    container,
    home,
    alias: 'lab-nas',
    weakAlias: 'lab-weak',
    changeHostKey: async () => {
      await docker.exec(container, [
        'sh',
        '-c',
        'rm -f /etc/ssh/key /etc/ssh/key.pub && ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/key && pkill -x sshd',
      ])
      await waitFor('the new host key', async () => {
        const now = await keyOf().catch(() => '')
        return now !== '' && now !== key ? true : undefined
      })
    },
    configure: async lines => {
      await writeFile(path.join(ssh, 'hosts.d', 'more'), `${lines.join('\n')}\n`)
    },
    close: async () => {
      await docker.try(['rm', '-f', '-v', container])
      await rm(home, { recursive: true, force: true })
    },
  }
}
