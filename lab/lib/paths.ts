import { createHash } from 'node:crypto'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Every folder the lab writes to. Nothing else on the machine is changed, apart from packages. */
export interface LabPaths {
  /** Root of everything that is kept between runs. */
  readonly cache: string
  /** One folder per engine: binaries, data root, log. */
  readonly engines: string
  /** Sockets, pid files, exec roots: worthless after a reboot. Short, since a socket path has 108 bytes. */
  readonly run: string
  /** Root file systems, keyed by the hash of their recipe. */
  readonly images: string
  readonly downloads: string
  /** `DOCKER_CONFIG` of every docker command of the lab: the compose plug-in, no credentials. */
  readonly dockerConfig: string
  /** What is available, as JSON, for test runners. */
  readonly summary: string
  /** Folders of the reference stacks that are up right now. */
  readonly stacks: string
}

const longestSocketFolder = 80

/** Where the lab keeps its things: `LIFEBOAT_LAB_CACHE`, or `~/.cache/lifeboat-lab`. */
export function labPaths(environment: NodeJS.ProcessEnv = process.env): LabPaths {
  const named = environment['LIFEBOAT_LAB_CACHE']
  const cache = resolve(named ? named : join(homedir(), '.cache', 'lifeboat-lab'))
  const hash = createHash('sha256').update(cache).digest('hex').slice(0, 8)
  const beside = join(cache, 'run')
  return {
    cache,
    engines: join(cache, 'engines'),
    run: beside.length <= longestSocketFolder ? beside : join(tmpdir(), `lifeboat-lab-${hash}`),
    images: join(cache, 'images'),
    downloads: join(cache, 'downloads'),
    dockerConfig: join(cache, 'docker-config'),
    summary: join(cache, 'summary.json'),
    stacks: join(tmpdir(), `lifeboat-lab-stacks-${hash}`),
  }
}
