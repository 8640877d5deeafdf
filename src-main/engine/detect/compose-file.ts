import { posix } from 'node:path'

import { parse } from 'yaml'

import { interpolate } from './dotenv.ts'

/** What Lifeboat reads from compose files. Names of volumes and networks always come from the engine (rule D7). */
export interface ComposeDefinition {
  readonly services: readonly ComposeService[]
  /** Absolute paths of `env_file:` entries. */
  readonly environmentFiles: readonly string[]
  /** Absolute paths of the files behind `secrets:`. */
  readonly secretFiles: readonly string[]
  /** Absolute paths of the files behind `configs:`, of included and of extended compose files. */
  readonly composeFiles: readonly string[]
  /** Secrets that are kept elsewhere (`external: true`). */
  readonly externalSecrets: readonly string[]
  /** Names of top-level volumes: of use on a folder host only, where no engine can be asked. */
  readonly volumes: readonly string[]
  /** What could not be understood, in words. */
  readonly problems: readonly string[]
}

export interface ComposeService {
  readonly name: string
  readonly image: string | null
  readonly dependsOn: readonly string[]
  /** True when the image is built from a folder beside the compose file. */
  readonly builds: boolean
}

export interface ComposeSource {
  /** Absolute path. */
  readonly path: string
  readonly text: string
  /** The folder that relative paths start from: the working directory, or an included file's own folder. */
  readonly baseDirectory: string
}

type Tree = Readonly<Record<string, unknown>>

function tree(value: unknown): Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {}
}

/** A value that may be one text, a list of texts, or a list of objects that hold the text under a key. */
function texts(value: unknown, key: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.flatMap(each => {
    if (typeof each === 'string') return [each]
    const inner = tree(each)[key]
    return typeof inner === 'string' ? [inner] : Array.isArray(inner) ? texts(inner, key) : []
  })
}

function dependsOn(value: unknown): readonly string[] {
  return Array.isArray(value) ? texts(value, '') : Object.keys(tree(value))
}

/** Reads one compose file. Never throws: what cannot be read is told in `problems`. */
export function readComposeFile(
  source: ComposeSource,
  values: Readonly<Record<string, string>>,
): ComposeDefinition {
  let root: Tree
  try {
    root = tree(parse(source.text, { merge: true, logLevel: 'error' }))
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
    return { ...nothing, problems: [`${source.path} cannot be read as YAML: ${why}`] }
  }
  const absolute = (paths: readonly string[]): readonly string[] =>
    paths
      .map(each => interpolate(each, values))
      .filter(each => each !== '' && !/^[a-z]+:\/\//.test(each))
      .map(each => posix.resolve(source.baseDirectory, each.replace(/^~\//, '/root/')))
  const services = Object.entries(tree(root['services'])).map(([name, value]) => ({
    name,
    definition: tree(value),
  }))
  const filesOf = (section: string): readonly string[] =>
    absolute(Object.values(tree(root[section])).flatMap(each => texts(tree(each)['file'], '')))
  return {
    services: services.map(({ name, definition }) => ({
      name,
      image:
        typeof definition['image'] === 'string' ? interpolate(definition['image'], values) : null,
      dependsOn: dependsOn(definition['depends_on']),
      builds: definition['build'] !== undefined,
    })),
    environmentFiles: absolute(
      services.flatMap(({ definition }) => texts(definition['env_file'], 'path')),
    ),
    secretFiles: filesOf('secrets'),
    composeFiles: [
      ...filesOf('configs'),
      ...absolute(texts(root['include'], 'path')),
      ...absolute(
        services.flatMap(({ definition }) => texts(tree(definition['extends'])['file'], '')),
      ),
    ],
    externalSecrets: Object.entries(tree(root['secrets']))
      .filter(
        ([, value]) => tree(value)['external'] !== undefined && tree(value)['external'] !== false,
      )
      .map(([name]) => name),
    volumes: Object.keys(tree(root['volumes'])),
    problems: [],
  }
}

const nothing: ComposeDefinition = {
  services: [],
  environmentFiles: [],
  secretFiles: [],
  composeFiles: [],
  externalSecrets: [],
  volumes: [],
  problems: [],
}

/** Joins what several files say; a service that appears again adds to what is known of it. */
export function mergeDefinitions(parts: readonly ComposeDefinition[]): ComposeDefinition {
  const services = new Map<string, ComposeService>()
  for (const service of parts.flatMap(part => part.services)) {
    const known = services.get(service.name)
    services.set(service.name, {
      name: service.name,
      image: service.image ?? known?.image ?? null,
      dependsOn: [...new Set([...(known?.dependsOn ?? []), ...service.dependsOn])],
      builds: service.builds || known?.builds === true,
    })
  }
  const join = (pick: (part: ComposeDefinition) => readonly string[]): readonly string[] => [
    ...new Set(parts.flatMap(pick)),
  ]
  return {
    services: [...services.values()],
    environmentFiles: join(part => part.environmentFiles),
    secretFiles: join(part => part.secretFiles),
    composeFiles: join(part => part.composeFiles),
    externalSecrets: join(part => part.externalSecrets),
    volumes: join(part => part.volumes),
    problems: join(part => part.problems),
  }
}
