import type {
  ContainerDefinition,
  ContainerMount,
  ImageDefinition,
  NetworkDefinition,
  VolumeDefinition,
} from '../host.ts'

type Text = Readonly<Record<string, string>>

/** The parts of the engine's answer to `GET /containers/ID/json` that are read here. */
interface RawContainer {
  readonly Id: string
  readonly Name: string
  readonly Image: string
  readonly State: {
    readonly Status: string
    readonly ExitCode?: number
    readonly StartedAt?: string
    readonly Health?: { readonly Status?: string } | null
  }
  readonly Config: {
    readonly Image: string
    readonly User?: string
    readonly Env?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly Entrypoint?: readonly string[] | null
    readonly Labels?: Text | null
    readonly Tty?: boolean
    readonly StopTimeout?: number | null
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null
  }
  readonly HostConfig: {
    readonly RestartPolicy?: { readonly Name?: string } | null
    readonly ReadonlyRootfs?: boolean
    readonly Tmpfs?: Text | null
    readonly PortBindings?: RawPorts | null
  }
  readonly Mounts?: readonly RawMount[] | null
  readonly NetworkSettings?: {
    readonly Ports?: RawPorts | null
    readonly Networks?: Readonly<Record<string, unknown>> | null
  }
}

interface RawMount {
  readonly Type: string
  readonly Name?: string
  readonly Source?: string
  readonly Destination: string
  readonly Driver?: string
  readonly RW?: boolean
}

type RawPorts = Readonly<
  Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[] | null>
>

/** The engine's stop grace when a container does not name one, milliseconds. */
const DEFAULT_STOP_GRACE_MS = 10_000

/** A container's inspect answer in our words. */
export function containerDefinition(raw: unknown): ContainerDefinition {
  const container = raw as RawContainer
  const { Config: config, HostConfig: host, State: state } = container
  const status = state.Status as ContainerDefinition['state']
  const hasEnded = status === 'exited' || status === 'dead' || status === 'restarting'
  const startedAt = state.StartedAt ?? ''
  return {
    id: container.Id,
    name: container.Name.replace(/^\//, ''),
    image: config.Image,
    imageId: container.Image,
    state: status,
    health: healthOf(state.Health?.Status),
    exitCode: hasEnded ? (state.ExitCode ?? null) : null,
    labels: config.Labels ?? {},
    env: environmentOf(config.Env ?? []),
    command: config.Cmd ?? [],
    entrypoint: config.Entrypoint ?? [],
    user: config.User ?? '',
    mounts: mountsOf(container),
    networks: Object.keys(container.NetworkSettings?.Networks ?? {}),
    ports: portsOf(container),
    restartPolicy: host.RestartPolicy?.Name ?? '',
    stopGraceMs:
      typeof config.StopTimeout === 'number' ? config.StopTimeout * 1000 : DEFAULT_STOP_GRACE_MS,
    readOnlyRoot: host.ReadonlyRootfs ?? false,
    tty: config.Tty ?? false,
    startedAt: startedAt === '' || startedAt.startsWith('0001-') ? null : startedAt,
    raw,
  }
}

function healthOf(status: string | undefined): ContainerDefinition['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : null
}

function environmentOf(entries: readonly string[]): Text {
  return Object.fromEntries(
    entries.map(entry => {
      const at = entry.indexOf('=')
      return at === -1 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}

function mountsOf(container: RawContainer): readonly ContainerMount[] {
  const mounts = (container.Mounts ?? []).map((mount): ContainerMount => ({
    type: mount.Type as ContainerMount['type'],
    source: mount.Type === 'volume' ? (mount.Name ?? '') : (mount.Source ?? ''),
    target: mount.Destination,
    readOnly: mount.RW === false,
    driver: mount.Driver === undefined || mount.Driver === '' ? null : mount.Driver,
  }))
  const known = new Set(mounts.map(mount => mount.target))
  // `--tmpfs` is not among the mounts of the answer.
  const memory = Object.entries(container.HostConfig.Tmpfs ?? {})
    .filter(([target]) => !known.has(target))
    .map(([target, options]): ContainerMount => ({
      type: 'tmpfs',
      source: '',
      target,
      readOnly: options.split(',').includes('ro'),
      driver: null,
    }))
  return [...mounts, ...memory]
}

function portsOf(container: RawContainer): ContainerDefinition['ports'] {
  const bound = container.NetworkSettings?.Ports ?? {}
  // A stopped container has no live bindings; what it asked for is in its definition.
  const wanted = container.HostConfig.PortBindings ?? {}
  const names = new Set([
    ...Object.keys(bound),
    ...Object.keys(wanted),
    ...Object.keys(container.Config.ExposedPorts ?? {}),
  ])
  return [...names].map(name => ({
    container: name,
    published: (bound[name] ?? wanted[name] ?? []).map(({ HostIp: ip, HostPort: port }) =>
      ip === undefined || ip === ''
        ? (port ?? '')
        : `${ip.includes(':') ? `[${ip}]` : ip}:${port ?? ''}`,
    ),
  }))
}

export function volumeDefinition(raw: unknown): VolumeDefinition {
  const volume = raw as {
    readonly Name: string
    readonly Driver: string
    readonly Labels?: Text | null
    readonly Options?: Text | null
  }
  return {
    name: volume.Name,
    driver: volume.Driver,
    labels: volume.Labels ?? {},
    options: volume.Options ?? {},
    raw,
  }
}

export function networkDefinition(raw: unknown): NetworkDefinition {
  const network = raw as {
    readonly Id: string
    readonly Name: string
    readonly Driver: string
    readonly Labels?: Text | null
  }
  return {
    id: network.Id,
    name: network.Name,
    driver: network.Driver,
    labels: network.Labels ?? {},
    raw,
  }
}

export function imageDefinition(raw: unknown): ImageDefinition {
  const image = raw as {
    readonly Id: string
    readonly RepoTags?: readonly string[] | null
    readonly RepoDigests?: readonly string[] | null
    readonly Architecture?: string
    readonly Size?: number
    readonly Config?: { readonly Volumes?: Readonly<Record<string, unknown>> | null } | null
  }
  return {
    id: image.Id,
    tags: image.RepoTags ?? [],
    digests: image.RepoDigests ?? [],
    architecture: image.Architecture ?? '',
    sizeBytes: image.Size ?? 0,
    volumes: Object.keys(image.Config?.Volumes ?? {}),
    raw,
  }
}
