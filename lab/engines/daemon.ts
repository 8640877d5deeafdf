import { spawn } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { delimiter, dirname, join } from 'node:path'

import { isAlive } from '../lib/lock.ts'
import type { Report } from '../lib/report.ts'
import { run, tryRun } from '../lib/run.ts'
import { which } from '../lib/system.ts'
import { waitFor } from '../lib/wait.ts'
import { engineEnvironment, labAddresses, type LabEngine } from './registry.ts'

const logLimit = 20 * 1024 * 1024

/** True when the engine answers on its socket. */
export async function isRunning(engine: LabEngine): Promise<boolean> {
  return await new Promise(resolve => {
    const call = request({ socketPath: engine.socket, path: '/_ping', timeout: 5000 }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
    call.end()
  })
}

/**
 * Starts the engine when it does not run, and waits until it answers. Whatever a killed engine left
 * (pid files, sockets, shims, mounts) is cleared first. Resolves to whether it had to be started.
 */
export async function startDaemon(engine: LabEngine, report: Report): Promise<boolean> {
  if (await isRunning(engine)) return false
  await clearLeftovers(engine)
  await mkdir(engine.dataRoot, { recursive: true })
  await mkdir(dirname(engine.socket), { recursive: true, mode: 0o755 })
  await ensureBridge(engine)
  const size = await stat(engine.log).then(
    info => info.size,
    () => 0,
  )
  if (size > logLimit) await rm(engine.log)
  const config = await writeConfiguration(engine)
  const log = await open(engine.log, 'a')
  const child = spawn(join(engine.bin, 'dockerd'), daemonArguments(engine, config), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, PATH: daemonPath(engine) },
  })
  await log.close()
  let ended: string | undefined
  child.once('error', error => (ended = error.message))
  child.once('exit', code => (ended = `ended with code ${code}`))
  const ready = async (): Promise<boolean> => ended !== undefined || (await isRunning(engine))
  await waitFor(`${engine.label} to answer`, ready, { timeoutMs: 120_000 }).catch(
    (error: unknown) => {
      throw new Error(`${engine.label} does not answer; its log is ${engine.log}`, { cause: error })
    },
  )
  if (ended !== undefined) throw new Error(`${engine.label} ${ended}\n${await logTail(engine)}`)
  child.unref()
  report.say(`started ${engine.label} on ${engine.socket}`)
  return true
}

/** Stops the engine and everything that runs in it. Resolves to whether it ran. */
export async function stopDaemon(
  engine: LabEngine,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<boolean> {
  const pid = await daemonPid(engine)
  if (pid !== undefined) {
    process.kill(pid, signal)
    const gone = (): boolean => !isAlive(pid)
    await waitFor('the engine to end', gone, { timeoutMs: 60_000 }).catch(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
  }
  await clearLeftovers(engine)
  return pid !== undefined
}

function daemonArguments(engine: LabEngine, config: string): readonly string[] {
  // No iptables: the machine's firewall stays as it is, and no container of the lab reaches the outside.
  // Published ports go through docker-proxy.
  return [
    `--config-file=${config}`,
    `--host=${engine.dockerHost}`,
    `--data-root=${engine.dataRoot}`,
    `--exec-root=${engine.execRoot}`,
    `--pidfile=${engine.pidFile}`,
    `--bridge=${engine.bridge}`,
    `--default-address-pool=${engine.addressPool}`,
    `--userland-proxy-path=${join(engine.bin, 'docker-proxy')}`,
    '--iptables=false',
    '--ip6tables=false',
    '--ip-masq=false',
    '--exec-opt=native.cgroupdriver=cgroupfs',
  ]
}

/** A configuration of its own, since the machine's /etc/docker/daemon.json is not for us. */
async function writeConfiguration(engine: LabEngine): Promise<string> {
  const home = dirname(engine.dataRoot)
  // The older engine keeps its identity in /etc/docker, where the machine's own engine has the same.
  const settings = engine.id === '20' ? { 'deprecated-key-path': join(home, 'key.json') } : {}
  const file = join(home, 'daemon.json')
  await writeFile(file, `${JSON.stringify(settings)}\n`)
  return file
}

function daemonPath(engine: LabEngine): string {
  return [engine.bin, process.env['PATH'] ?? '', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(
    delimiter,
  )
}

/** The bridge with its address, and a pass for it where the firewall refuses what it does not know. */
async function ensureBridge(engine: LabEngine): Promise<void> {
  const { bridge, bridgeAddress } = engine
  const exists = (await tryRun(['ip', 'link', 'show', bridge])).code === 0
  if (!exists) await run(['ip', 'link', 'add', bridge, 'type', 'bridge'])
  const addresses = await run(['ip', '-4', '-oneline', 'address', 'show', 'dev', bridge])
  if (!addresses.includes(bridgeAddress)) {
    await run(['ip', 'address', 'add', bridgeAddress, 'dev', bridge])
  }
  await run(['ip', 'link', 'set', bridge, 'up'])
  if ((await which('iptables')) === undefined) return
  const policy = await tryRun(['iptables', '-w', '-S', 'FORWARD'])
  if (!policy.stdout.toString('utf8').includes('-P FORWARD DROP')) return
  const rule = ['-s', labAddresses, '-d', labAddresses, '-j', 'ACCEPT']
  const known = await tryRun(['iptables', '-w', '-C', 'FORWARD', ...rule])
  if (known.code !== 0) await run(['iptables', '-w', '-I', 'FORWARD', ...rule])
}

async function daemonPid(engine: LabEngine): Promise<number | undefined> {
  const text = await readFile(engine.pidFile, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!isAlive(pid)) return undefined
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.includes(engine.dataRoot) ? pid : undefined
}

/** Ends processes and mounts of an engine that is gone. Only those that name its folders. */
async function clearLeftovers(engine: LabEngine): Promise<void> {
  for (const entry of await readdir('/proc')) {
    const pid = Number.parseInt(entry, 10)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    const program = command.split('\0')[0] ?? ''
    const ours = program.startsWith(engine.bin) || command.includes(`${engine.execRoot}/`)
    if (!ours || !/(dockerd|containerd|docker-proxy|containerd-shim\S*)$/.test(program)) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself meanwhile.
    }
  }
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(path =>
      [engine.dataRoot, engine.execRoot].some(root => `${path}/`.startsWith(`${root}/`)),
    )
  for (const path of mounts.reverse()) await tryRun(['umount', '--lazy', path])
  for (const path of [engine.pidFile, engine.socket, engine.execRoot]) {
    await rm(path, { recursive: true, force: true })
  }
}

async function logTail(engine: LabEngine): Promise<string> {
  const text = await readFile(engine.log, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-20).join('\n')
}

/** The version the engine itself reports, for example "20.10.24+dfsg1". */
export async function engineVersion(engine: LabEngine): Promise<string> {
  const argv = [join(engine.bin, 'docker'), 'version', '--format', '{{.Server.Version}}']
  return (await run(argv, { env: engineEnvironment(engine) })).trim()
}
