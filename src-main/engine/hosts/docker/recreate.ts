import type { ApiClient } from './api-client.ts'
import { engineMessage } from './api-client.ts'

type Fields = Readonly<Record<string, unknown>>

interface RawDefinition {
  readonly Id?: string
  readonly Config: Fields & {
    readonly Hostname?: string
    readonly Image?: string
    readonly Labels?: Readonly<Record<string, string>> | null
  }
  readonly HostConfig: Fields & {
    readonly NetworkMode?: string
    readonly Binds?: readonly string[] | null
    readonly Mounts?: readonly (Fields & { readonly Target?: string })[] | null
  }
  readonly Mounts?: readonly {
    readonly Type: string
    readonly Name?: string
    readonly Destination: string
    readonly RW?: boolean
  }[]
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, RawEndpoint>> | null }
}

interface RawEndpoint {
  readonly IPAMConfig?: Fields | null
  readonly Links?: readonly string[] | null
  readonly Aliases?: readonly string[] | null
  readonly DriverOpts?: Fields | null
}

/** What the engine wants for creating a container again, made from its stored inspect answer. */
export interface CreationBody {
  readonly body: Fields
  /** Networks to be joined after the creation, which takes one only. */
  readonly furtherNetworks: readonly { readonly name: string; readonly endpoint: Fields }[]
}

/** Pure. Keeps every volume by its real name, also those that had none of their own in the definition. */
export function creationBody(stored: unknown): CreationBody {
  const raw = stored as RawDefinition
  const shortId = (raw.Id ?? '').slice(0, 12)
  const { Hostname: hostname, ...config } = raw.Config
  const networks = Object.entries(raw.NetworkSettings?.Networks ?? {}).map(([name, endpoint]) => ({
    name,
    endpoint: endpointOf(endpoint, shortId),
  }))
  const mode = raw.HostConfig.NetworkMode ?? 'default'
  const first = networks.find(({ name }) => name === mode) ?? networks[0]
  const shared = /^(host|none|container:)/.test(mode)
  return {
    body: {
      ...config,
      // The engine's default host name is the id of the container that is gone.
      ...(hostname === undefined || hostname === shortId ? {} : { Hostname: hostname }),
      HostConfig: { ...raw.HostConfig, Mounts: mountsOf(raw) },
      ...(first === undefined || shared
        ? {}
        : { NetworkingConfig: { EndpointsConfig: { [first.name]: first.endpoint } } }),
    },
    furtherNetworks: shared ? [] : networks.filter(network => network !== first),
  }
}

function mountsOf(raw: RawDefinition): readonly Fields[] {
  const declared = raw.HostConfig.Mounts ?? []
  const covered = new Set([
    ...declared.map(mount => mount.Target),
    ...(raw.HostConfig.Binds ?? []).map(bind => bind.split(':')[1]),
  ])
  const anonymous = (raw.Mounts ?? []).filter(
    mount => mount.Type === 'volume' && !covered.has(mount.Destination),
  )
  return [
    ...declared,
    ...anonymous.map(mount => ({
      Type: 'volume',
      Source: mount.Name,
      Target: mount.Destination,
      ReadOnly: mount.RW === false,
    })),
  ]
}

function endpointOf(endpoint: RawEndpoint, shortId: string): Fields {
  return {
    IPAMConfig: endpoint.IPAMConfig ?? null,
    Links: endpoint.Links ?? null,
    Aliases: endpoint.Aliases?.filter(alias => alias !== shortId) ?? null,
    DriverOpts: endpoint.DriverOpts ?? null,
  }
}

/** Creates a container from a stored inspect answer, joined to its networks, not started; returns its id. */
export async function createContainer(api: ApiClient, raw: unknown, name: string): Promise<string> {
  const { body, furtherNetworks } = creationBody(raw)
  const { Id: id } = await api.json<{ readonly Id: string }>({
    method: 'POST',
    path: '/containers/create',
    query: { name },
    body,
    timeoutMs: 120_000,
  })
  try {
    for (const network of furtherNetworks) {
      await api.request({
        method: 'POST',
        path: `/networks/${encodeURIComponent(network.name)}/connect`,
        body: { Container: id, EndpointConfig: network.endpoint },
      })
    }
  } catch (error) {
    // Half-joined it would start without a network that its stack needs.
    await api
      .request({
        method: 'DELETE',
        path: `/containers/${id}`,
        query: { force: true },
        accept: [404],
      })
      .catch(() => undefined)
    throw error
  }
  return id
}

/** Creates a network from a stored inspect answer; returns its id. */
export async function createNetwork(api: ApiClient, stored: unknown): Promise<string> {
  const raw = stored as Fields & { readonly IPAM?: (Fields & { readonly Driver?: string }) | null }
  const body = {
    Name: raw['Name'],
    CheckDuplicate: true,
    Driver: raw['Driver'],
    Internal: raw['Internal'],
    Attachable: raw['Attachable'],
    EnableIPv6: raw['EnableIPv6'],
    Options: raw['Options'],
    Labels: raw['Labels'],
  }
  const path = '/networks/create'
  const request = {
    method: 'POST',
    path,
    body: { ...body, IPAM: raw.IPAM },
    accept: [400, 403, 409, 500],
  } as const
  let answer = await api.request(request)
  if (answer.status >= 400 && /overlap|pool|subnet|address/i.test(engineMessage(answer.body))) {
    // Another network took its address range meanwhile: the engine chooses a free one.
    answer = await api.request({
      ...request,
      body: { ...body, IPAM: { Driver: raw.IPAM?.Driver } },
    })
  }
  if (answer.status >= 400) throw api.refusal(request, answer)
  return (answer.body as { readonly Id: string }).Id
}
