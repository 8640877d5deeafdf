import { setTimeout as delay } from 'node:timers/promises'

import type { DockerApi } from './docker-api.ts'

const LABEL = 'com.docker.compose.project'

/** A container of the sample, as its compose file describes it. */
export interface ServiceSpec {
  readonly service: string
  readonly image: string
  readonly environment: readonly string[]
  readonly command?: readonly string[]
  readonly health: readonly string[]
  readonly mounts: readonly Mount[]
}

export interface Mount {
  readonly Type: 'volume' | 'bind' | 'tmpfs'
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly?: boolean
}

/** A Compose project that is made and removed through the engine's own interface. */
export interface DockerProject {
  readonly name: string
  createVolume(key: string): Promise<string>
  createNetwork(): Promise<void>
  start(spec: ServiceSpec): Promise<string>
  /** The container that the service has now; a restore may have made a new one. */
  container(service: string): Promise<string>
  healthOf(service: string): Promise<string>
  waitHealthy(service: string, signal: AbortSignal): Promise<void>
  /** Removes containers, volumes and networks of the project; throws when something is left. */
  remove(): Promise<void>
}

/** How long a service may take until it is healthy. */
const PATIENCE_MS = 120_000

/** A project with the labels that `docker compose` would give it. */
export function dockerProject(api: DockerApi, name: string, folder: string): DockerProject {
  const filter = encodeURIComponent(JSON.stringify({ label: [`${LABEL}=${name}`] }))
  const network = `${name}_default`

  async function containers(): Promise<readonly { Id: string; Labels: Record<string, string> }[]> {
    return (await api.call('GET', `/containers/json?all=true&filters=${filter}`)) as never
  }

  async function container(service: string): Promise<string> {
    const all = await containers()
    const found = all.find(each => each.Labels['com.docker.compose.service'] === service)
    if (found === undefined) throw new Error(`there is no container for ${service}`)
    return found.Id
  }

  async function healthOf(service: string): Promise<string> {
    const state = (await api.call('GET', `/containers/${await container(service)}/json`)) as {
      State: { Status: string; Health?: { Status: string } }
    }
    return `${state.State.Status} ${state.State.Health?.Status ?? ''}`.trim()
  }

  return {
    name,
    container,
    healthOf,
    async createVolume(key) {
      const volume = `${name}_${key}`
      const Labels = { [LABEL]: name, 'com.docker.compose.volume': key }
      await api.call('POST', '/volumes/create', { Name: volume, Labels })
      return volume
    },
    async createNetwork() {
      const Labels = { [LABEL]: name, 'com.docker.compose.network': 'default' }
      await api.call('POST', '/networks/create', { Name: network, Labels, CheckDuplicate: true })
    },
    async start(spec) {
      const config = containerConfig(spec, { project: name, folder, network })
      const at = `/containers/create?name=${encodeURIComponent(`${name}-${spec.service}-1`)}`
      const { Id } = (await api.call('POST', at, config)) as { Id: string }
      await api.call('POST', `/containers/${Id}/start`)
      return Id
    },
    async waitHealthy(service, signal) {
      const end = performance.now() + PATIENCE_MS
      for (;;) {
        const health = await healthOf(service)
        if (health === 'running healthy') return
        if (performance.now() > end) throw new Error(`${service} is ${health} for too long`)
        await delay(250, undefined, { signal })
      }
    },
    async remove() {
      for (const { Id } of await containers()) {
        await api.call('DELETE', `/containers/${Id}?force=true&v=true`)
      }
      for (const volume of await volumesOf(api, name, filter)) {
        await api.call('DELETE', `/volumes/${encodeURIComponent(volume)}`)
      }
      for (const id of await networksOf(api, filter)) await api.call('DELETE', `/networks/${id}`)
      const left = [
        ...(await containers()).map(each => each.Id),
        ...(await volumesOf(api, name, filter)),
        ...(await networksOf(api, filter)),
      ]
      if (left.length > 0) throw new Error(`the demo left behind: ${left.join(', ')}`)
    },
  }
}

/** By label and by name: a volume that lost its labels is a leftover all the same. */
async function volumesOf(api: DockerApi, name: string, filter: string): Promise<readonly string[]> {
  const ask = async (query: string): Promise<readonly string[]> => {
    const { Volumes } = (await api.call('GET', `/volumes${query}`)) as {
      Volumes: readonly { Name: string }[] | null
    }
    return (Volumes ?? []).map(each => each.Name)
  }
  const named = (await ask('')).filter(each => each.startsWith(`${name}_`))
  return [...new Set([...(await ask(`?filters=${filter}`)), ...named])]
}

async function networksOf(api: DockerApi, filter: string): Promise<readonly string[]> {
  const found = (await api.call('GET', `/networks?filters=${filter}`)) as readonly { Id: string }[]
  return found.map(each => each.Id)
}

function containerConfig(
  spec: ServiceSpec,
  at: { readonly project: string; readonly folder: string; readonly network: string },
): object {
  const second = 1_000_000_000
  return {
    Image: spec.image,
    Env: spec.environment,
    ...(spec.command !== undefined && { Entrypoint: spec.command, Cmd: [] }),
    Labels: {
      [LABEL]: at.project,
      'com.docker.compose.service': spec.service,
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project.working_dir': at.folder,
      'com.docker.compose.project.config_files': `${at.folder}/compose.yaml`,
    },
    StopTimeout: 10,
    Healthcheck: {
      Test: ['CMD', ...spec.health],
      Interval: second,
      Timeout: 10 * second,
      Retries: 60,
    },
    HostConfig: { NetworkMode: at.network, Mounts: spec.mounts },
    NetworkingConfig: { EndpointsConfig: { [at.network]: { Aliases: [spec.service] } } },
  }
}
