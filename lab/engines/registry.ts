import { join } from 'node:path'

import { labPaths } from '../lib/paths.ts'

/** The engines of the lab by their major version. */
export const engineIds = ['20', '26'] as const
export type EngineId = (typeof engineIds)[number]

/** One Docker Engine of the lab: where it lives and how it is reached. */
export interface LabEngine {
  readonly id: EngineId
  /** For people, for example "Docker 20.10". */
  readonly label: string
  /** The Debian release whose packages it is unpacked from. */
  readonly suite: string
  /** The packages to unpack, beside those that they depend on. */
  readonly packages: readonly string[]
  readonly socket: string
  /** `unix://…`, for `DOCKER_HOST`. */
  readonly dockerHost: string
  /** dockerd, containerd, runc and the docker client of this version. */
  readonly bin: string
  readonly dataRoot: string
  readonly execRoot: string
  readonly pidFile: string
  readonly log: string
  /** Own bridge and addresses, so that the lab never meets another engine on this machine. */
  readonly bridge: string
  readonly bridgeAddress: string
  readonly addressPool: string
}

/** Address range that holds the networks of all engines of the lab. */
export const labAddresses = '10.213.0.0/16'

/** The engine with this id; it need not be installed or running. */
export function labEngine(id: EngineId): LabEngine {
  const paths = labPaths()
  const home = join(paths.engines, id)
  const socket = join(paths.run, `docker-${id}.sock`)
  const twenty = id === '20'
  return {
    id,
    label: twenty ? 'Docker 20.10' : 'Docker 26.1',
    suite: twenty ? 'bookworm' : 'trixie',
    packages: twenty ? ['docker.io'] : ['docker.io', 'docker-cli', 'docker-compose'],
    socket,
    dockerHost: `unix://${socket}`,
    bin: join(home, 'bin'),
    dataRoot: join(home, 'data'),
    execRoot: join(paths.run, `exec-${id}`),
    pidFile: join(paths.run, `docker-${id}.pid`),
    log: join(home, 'dockerd.log'),
    bridge: `lifeboatlab${id}`,
    bridgeAddress: twenty ? '10.213.0.1/24' : '10.213.128.1/24',
    addressPool: twenty ? 'base=10.213.64.0/18,size=26' : 'base=10.213.192.0/18,size=26',
  }
}

/** Environment for a docker command, or a whole test, that shall talk to this engine and no other. */
export function engineEnvironment(
  engine: LabEngine,
  base: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const kept = Object.entries(base).filter(
    ([name]) => !/^(DOCKER|COMPOSE|BUILDKIT|BUILDX)_/.test(name),
  )
  return {
    ...Object.fromEntries(kept),
    PATH: `${engine.bin}:${base['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
    DOCKER_HOST: engine.dockerHost,
    DOCKER_CONFIG: labPaths().dockerConfig,
    DOCKER_BUILDKIT: '0',
  }
}
