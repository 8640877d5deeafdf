import { AppError } from '../../contract/errors.ts'
import type { HostSummary } from '../../contract/model.ts'
import { addressText, parseAddress } from './address.ts'
import { dockerConfigFolder, readContexts } from './contexts.ts'
import { mapSome } from './docker/containers.ts'
import { problemOf } from './host-error.ts'
import type { HostDeps, ResolvedHost } from './resolve.ts'
import { resolveHost, untestedSummary, whereOfContext } from './resolve.ts'
import { existingSockets, socketCandidates } from './sockets.ts'
import { sshAliases } from './ssh-aliases.ts'

type Found = ResolvedHost | HostSummary

/**
 * Every host that can be found without being typed (requirement U2): the default, saved ones, Docker
 * contexts, sockets, aliases of the ssh config. `test` asks each for its state.
 */
export async function discoverHosts(
  deps: HostDeps,
  test: ((host: ResolvedHost) => Promise<HostSummary>) | null,
): Promise<readonly HostSummary[]> {
  const found: Found[] = [
    await attempt('local', 'This computer', 'default', true, () => resolveHost('local', deps)),
    ...(await savedHosts(deps)),
    ...(await contextHosts(deps)),
  ]
  const known = new Set(found.map(endpointOf))
  for (const host of [...(await socketHosts(deps)), ...(await aliasHosts(deps))]) {
    if (!known.has(endpointOf(host))) found.push(host)
  }
  return mapSome(found, async host => {
    if (!('address' in host)) return host
    return test === null ? untestedSummary(host) : test(host)
  })
}

function endpointOf(host: Found): string {
  return 'address' in host ? addressText(host.address) : host.endpoint
}

/** A host that cannot even be resolved is shown with its reason, never left out. */
async function attempt(
  id: string,
  label: string,
  source: string,
  isDefault: boolean,
  resolve: () => ResolvedHost | Promise<ResolvedHost>,
): Promise<Found> {
  try {
    return await resolve()
  } catch (error) {
    return {
      id,
      label,
      kind: 'docker',
      endpoint: '',
      source,
      reason: error instanceof AppError ? error.message : String(error),
      isDefault,
      state: 'unreachable',
      problem: problemOf(error),
      daemon: null,
    }
  }
}

async function savedHosts(deps: HostDeps): Promise<readonly Found[]> {
  const { hosts } = await deps.settings.read()
  return Promise.all(
    hosts.map(({ name }) => attempt(name, name, 'saved', false, () => resolveHost(name, deps))),
  )
}

async function contextHosts(deps: HostDeps): Promise<readonly Found[]> {
  const contexts = await readContexts(dockerConfigFolder(deps.env, deps.homeDirectory))
  return Promise.all(
    contexts.map(context =>
      attempt(`context:${context.name}`, context.name, 'context', false, () => ({
        id: `context:${context.name}`,
        label: context.name,
        source: 'context',
        reason: `It is the Docker context ${JSON.stringify(context.name)}.`,
        isDefault: false,
        daemonId: null,
        ...whereOfContext(context, deps),
      })),
    ),
  )
}

async function socketHosts(deps: HostDeps): Promise<readonly ResolvedHost[]> {
  const sockets = await existingSockets(
    socketCandidates(process.platform, deps.env, deps.homeDirectory),
  )
  return sockets.map(socket => ({
    id: socket.address,
    label: socket.label,
    address: parseAddress(socket.address, deps.homeDirectory),
    source: 'socket',
    reason: `There is a socket of ${socket.label}.`,
    isDefault: false,
    daemonId: null,
    tlsFolder: null,
    skipTlsVerify: false,
    wantsTls: false,
  }))
}

async function aliasHosts(deps: HostDeps): Promise<readonly ResolvedHost[]> {
  const aliases = await sshAliases(deps.homeDirectory)
  return aliases.map(alias => ({
    id: `ssh://${alias}`,
    label: alias,
    address: { kind: 'ssh', user: null, alias, port: null, socketPath: null },
    source: 'ssh-config',
    reason: 'It is an alias of your ssh config.',
    isDefault: false,
    daemonId: null,
    tlsFolder: null,
    skipTlsVerify: false,
    wantsTls: false,
  }))
}
