import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/** A Docker context as it lies on disk (rule D2). */
export interface DockerContext {
  readonly name: string
  /** Address of its engine, as the user wrote it. */
  readonly host: string
  readonly skipTlsVerify: boolean
  /** Folder with ca.pem, cert.pem and key.pem; it may not be there. */
  readonly tlsFolder: string
  readonly description: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Where the docker client keeps its settings. */
export function dockerConfigFolder(env: Environment, homeDirectory: string): string {
  const own = env['DOCKER_CONFIG']
  return own === undefined || own === '' ? path.join(homeDirectory, '.docker') : own
}

function idOf(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}

/** Pure. What a `meta.json` says; null when it is not that of a context. */
export function parseContext(configFolder: string, text: string): DockerContext | null {
  let meta: unknown
  try {
    meta = JSON.parse(text)
  } catch {
    return null
  }
  const {
    Name: name,
    Metadata: metadata,
    Endpoints: endpoints,
  } = meta as {
    readonly Name?: unknown
    readonly Metadata?: { readonly Description?: unknown } | null
    readonly Endpoints?: {
      readonly docker?: { readonly Host?: unknown; readonly SkipTLSVerify?: unknown }
    } | null
  }
  const host = endpoints?.docker?.Host
  if (typeof name !== 'string' || name === '' || typeof host !== 'string' || host === '')
    return null
  const description = metadata?.Description
  return {
    name,
    host,
    skipTlsVerify: endpoints?.docker?.SkipTLSVerify === true,
    tlsFolder: path.join(configFolder, 'contexts', 'tls', idOf(name), 'docker'),
    description: typeof description === 'string' ? description : '',
  }
}

/** One context by name; null when there is none. `default` is never on disk (rule D3) and must not be asked for. */
export async function readContext(
  configFolder: string,
  name: string,
): Promise<DockerContext | null> {
  const file = path.join(configFolder, 'contexts', 'meta', idOf(name), 'meta.json')
  const text = await readFile(file, 'utf8').catch(() => null)
  return text === null ? null : parseContext(configFolder, text)
}

/** All contexts, by name. What cannot be read is left out. */
export async function readContexts(configFolder: string): Promise<readonly DockerContext[]> {
  const folder = path.join(configFolder, 'contexts', 'meta')
  const names = await readdir(folder).catch((): string[] => [])
  const contexts = await Promise.all(
    names.map(async each => {
      const text = await readFile(path.join(folder, each, 'meta.json'), 'utf8').catch(() => null)
      return text === null ? null : parseContext(configFolder, text)
    }),
  )
  return contexts
    .filter(context => context !== null)
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

/** The context that the docker client would use, by its config file; null when it names none. */
export async function readCurrentContext(configFolder: string): Promise<string | null> {
  try {
    const config = JSON.parse(await readFile(path.join(configFolder, 'config.json'), 'utf8')) as {
      readonly currentContext?: unknown
    } | null
    const name = config?.currentContext
    return typeof name === 'string' && name !== '' ? name : null
  } catch {
    return null
  }
}

/** What decides about the default host, in one look. */
export interface DefaultChoice {
  readonly source: 'DOCKER_HOST' | 'DOCKER_CONTEXT' | 'config.json' | 'default'
  /** Address for DOCKER_HOST, name for a context, null for the platform's default. */
  readonly value: string | null
  readonly reason: string
}

/**
 * Pure. Who wins when no host is named (rules D1, D3): `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the
 * config file's current context, then the platform. A context called `default` means the platform's.
 */
export function chooseDefault(env: Environment, currentContext: string | null): DefaultChoice {
  const host = env['DOCKER_HOST'] ?? ''
  if (host !== '') {
    return { source: 'DOCKER_HOST', value: host, reason: 'The variable DOCKER_HOST names it.' }
  }
  const named = env['DOCKER_CONTEXT'] ?? ''
  if (named !== '') {
    return {
      source: 'DOCKER_CONTEXT',
      value: named === 'default' ? null : named,
      reason: `The variable DOCKER_CONTEXT names the context ${JSON.stringify(named)}.`,
    }
  }
  if (currentContext !== null && currentContext !== 'default') {
    return {
      source: 'config.json',
      value: currentContext,
      reason: `It is the current Docker context, ${JSON.stringify(currentContext)}.`,
    }
  }
  return { source: 'default', value: null, reason: 'It is where Docker listens by default.' }
}
