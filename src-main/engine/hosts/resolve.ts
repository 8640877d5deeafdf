import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { HostSummary } from '../../contract/model.ts'
import type { SettingsStore } from '../ports.ts'
import type { Address } from './address.ts'
import { addressText, looksLikeAddress, parseAddress } from './address.ts'
import type { DockerContext } from './contexts.ts'
import { chooseDefault, dockerConfigFolder, readContext, readCurrentContext } from './contexts.ts'
import { existingSockets, platformDefault, socketCandidates } from './sockets.ts'
import { sshAliases } from './ssh-aliases.ts'

/** What finding and opening hosts needs from outside. */
export interface HostDeps {
  /** Read for the rules about the default host; never handed to a child as a whole. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDirectory: string
  readonly settings: SettingsStore
  readonly stateFolder: string
  readonly cacheFolder: string
}

/** A host id with everything decided that it stands for; nothing was asked over a network yet. */
export interface ResolvedHost {
  readonly id: string
  readonly label: string
  readonly address: Address
  readonly source: string
  readonly reason: string
  readonly isDefault: boolean
  /** Engine that the name is pinned to, or null. */
  readonly daemonId: string | null
  /** Folder with certificates for TCP, or null. */
  readonly tlsFolder: string | null
  readonly skipTlsVerify: boolean
  /** True when somebody said that TLS is to be used. */
  readonly wantsTls: boolean
}

type Where = Pick<ResolvedHost, 'address' | 'tlsFolder' | 'skipTlsVerify' | 'wantsTls'>

/** Finds out what a host id means. Rejects with `unknown-host` or, for a malformed address, `usage`. */
export async function resolveHost(id: string, deps: HostDeps): Promise<ResolvedHost> {
  if (id === 'local') return resolveDefault(deps)
  const named = await resolveNamed(id, deps)
  if (named !== null) return named
  const saved = (await deps.settings.read()).hosts.find(host => host.name === id)
  if (saved === undefined) throw await unknownHost(id, deps)
  const target =
    saved.address === 'local' ? await resolveDefault(deps) : await resolveNamed(saved.address, deps)
  if (target === null) throw await unknownHost(saved.address, deps)
  return {
    ...target,
    id,
    label: id,
    source: 'saved',
    reason: `It is saved under this name as ${saved.address}.`,
    isDefault: false,
    daemonId: saved.daemonId,
  }
}

/** Addresses and contexts; null for a plain name. */
async function resolveNamed(id: string, deps: HostDeps): Promise<ResolvedHost | null> {
  if (id.startsWith('context:')) {
    const name = id.slice('context:'.length)
    return {
      id,
      label: name,
      source: 'context',
      reason: `It is the Docker context ${JSON.stringify(name)}.`,
      isDefault: false,
      daemonId: null,
      ...(await contextWhere(name, deps)),
    }
  }
  if (!looksLikeAddress(id)) return null
  const where = addressWhere(id, deps)
  return {
    id,
    label: labelOf(where.address),
    source: where.address.kind === 'folder' ? 'folder' : 'flag',
    reason: 'It was named by its address.',
    isDefault: false,
    daemonId: null,
    ...where,
  }
}

async function resolveDefault(deps: HostDeps): Promise<ResolvedHost> {
  const configFolder = dockerConfigFolder(deps.env, deps.homeDirectory)
  const choice = chooseDefault(deps.env, await readCurrentContext(configFolder))
  const base = { id: 'local', isDefault: true, daemonId: null } as const
  if (choice.source === 'DOCKER_HOST' && choice.value !== null) {
    const where = addressWhere(dockerHostVariable(choice.value), deps)
    return { ...base, label: labelOf(where.address), ...choice, ...where }
  }
  if (choice.value !== null) {
    const where = await contextWhere(choice.value, deps)
    return { ...base, label: choice.value, ...choice, ...where }
  }
  const usual = platformDefault(process.platform)
  const found = await existingSockets(
    socketCandidates(process.platform, deps.env, deps.homeDirectory),
  )
  const [first] = found
  if (first === undefined || found.some(socket => socket.address === usual)) {
    return { ...base, label: 'This computer', ...choice, ...addressWhere(usual, deps) }
  }
  return {
    ...base,
    label: 'This computer',
    source: 'socket',
    reason: `There is no engine at ${usual}; this socket, of ${first.label}, is there.`,
    ...addressWhere(first.address, deps),
  }
}

/** The docker client takes a bare `host:port`, and `unix://` without a path for the default. */
function dockerHostVariable(value: string): string {
  if (value === 'unix://' || value === 'npipe://') return platformDefault(process.platform)
  return looksLikeAddress(value) ? value : `tcp://${value}`
}

function addressWhere(text: string, deps: HostDeps): Where {
  const certPath = deps.env['DOCKER_CERT_PATH'] ?? ''
  const address = parseAddress(text, deps.homeDirectory)
  const verify = deps.env['DOCKER_TLS_VERIFY'] ?? ''
  return {
    address,
    tlsFolder: certPath === '' ? dockerConfigFolder(deps.env, deps.homeDirectory) : certPath,
    skipTlsVerify: false,
    wantsTls: address.kind === 'tcp' && (certPath !== '' || verify !== '' || address.port === 2376),
  }
}

async function contextWhere(name: string, deps: HostDeps): Promise<Where> {
  if (name === 'default') return addressWhere(platformDefault(process.platform), deps)
  const folder = dockerConfigFolder(deps.env, deps.homeDirectory)
  const context = await readContext(folder, name)
  if (context === null) {
    throw new AppError('unknown-host', {
      message: `There is no Docker context called ${JSON.stringify(name)}.`,
      state: NOTHING_CHANGED,
      hint: `\`docker context ls\` and \`lifeboat hosts\` list those that are there (looked in ${path.join(folder, 'contexts')}).`,
    })
  }
  return whereOfContext(context, deps)
}

/** Where a context leads. Rejects with `usage` when its address is malformed. */
export function whereOfContext(context: DockerContext, deps: HostDeps): Where {
  return {
    address: parseAddress(context.host, deps.homeDirectory),
    tlsFolder: context.tlsFolder,
    skipTlsVerify: context.skipTlsVerify,
    // Whether the context has certificates is seen when they are read.
    wantsTls: false,
  }
}

function labelOf(address: Address): string {
  return address.kind === 'ssh' ? address.alias : addressText(address)
}

/** The host before anything was asked of it. */
export function untestedSummary(host: ResolvedHost): HostSummary {
  return {
    id: host.id,
    label: host.label,
    kind: host.address.kind === 'folder' ? 'folder' : 'docker',
    endpoint: addressText(host.address),
    source: host.source,
    reason: host.reason,
    isDefault: host.isDefault,
    state: 'untested',
    problem: null,
    daemon: null,
  }
}

async function unknownHost(id: string, deps: HostDeps): Promise<AppError> {
  const isAlias = (await sshAliases(deps.homeDirectory)).includes(id)
  return new AppError('unknown-host', {
    message: `No host is called ${JSON.stringify(id)}.`,
    state: NOTHING_CHANGED,
    hint: isAlias
      ? `It is an alias of your ssh config: use --host ssh://${id}, or save it with \`lifeboat hosts add ${id} ssh://${id}\`.`
      : '`lifeboat hosts` lists those that were found; `lifeboat hosts add NAME ADDRESS` saves one.',
  })
}
