import { posix } from 'node:path'

import type { ComposeDefinition } from './compose-file.ts'
import type { StackGroup } from './facts.ts'
import type { StackFile } from './inventory.ts'
import type { StackMount } from './mounts.ts'

/** A file of a stack's definition that is looked for. */
export interface WantedFile {
  readonly kind: StackFile['kind']
  /** Absolute path on the host. */
  readonly path: string
  /** True for what a stack may have but need not, such as `.env` beside the compose file. */
  readonly optional: boolean
}

function fileName(path: string): string {
  return (
    path
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? ''
  )
}

const envName = /^\.env(?:$|[._-])|\.env$/i
const secretName =
  /\.(?:key|p12|pfx|jks|kdbx)$|^id_(?:rsa|ed25519|ecdsa)$|(?:^|[._-])(?:secret|secrets|password|passwd|credentials?|private[._-]?key|token)(?:$|[._-](?:txt|json|ya?ml|pem|key|env|conf)$)/i

/** True for a bound folder that by its name holds secrets; its files are listed one by one. */
export function isSecretsFolder(mount: StackMount): boolean {
  return mount.type === 'bind' && /^\.?secrets?$/i.test(fileName(mount.source))
}

/**
 * With which configuration item the bind of a single file is kept: env files, secrets, and the files
 * behind `configs:`. Null for what is ordinary data. Judged by names, so that the answer is the same
 * whether or not the host was looked into.
 */
export function keptWithConfig(
  group: StackGroup,
  definition: ComposeDefinition | null,
  mount: StackMount,
): StackFile['kind'] | null {
  if (mount.type !== 'bind' || isSecretsFolder(mount)) return null
  const { source, users } = mount
  const asSecret = users.length > 0 && users.every(user => /^\/run\/secrets\/./.test(user.target))
  if (asSecret || definition?.secretFiles.includes(source) === true) return 'secrets'
  if (
    group.environmentFiles.includes(source) ||
    definition?.environmentFiles.includes(source) === true
  ) {
    return 'env'
  }
  if (group.configFiles.includes(source) || definition?.composeFiles.includes(source) === true) {
    return 'compose'
  }
  if (envName.test(fileName(source))) return 'env'
  return secretName.test(fileName(source)) ? 'secrets' : null
}

/** The files that belong to a stack's definition, each once, in a steady order. */
export function wantedFiles(
  group: StackGroup,
  definition: ComposeDefinition | null,
  mounts: readonly StackMount[],
): readonly WantedFile[] {
  const wanted = new Map<string, WantedFile>()
  const add = (kind: StackFile['kind'], paths: readonly string[], optional = false): void => {
    for (const path of paths) {
      const known = wanted.get(path)
      wanted.set(path, {
        kind: known?.kind ?? kind,
        path,
        optional: optional && (known?.optional ?? true),
      })
    }
  }
  add('compose', group.configFiles)
  add('compose', definition?.composeFiles ?? [])
  add('env', group.environmentFiles)
  add('env', definition?.environmentFiles ?? [])
  const { workingDirectory } = group
  if (workingDirectory?.startsWith('/') === true) {
    add('env', [posix.join(workingDirectory, '.env')], true)
  }
  add('secrets', definition?.secretFiles ?? [])
  for (const mount of mounts) {
    const kind = keptWithConfig(group, definition, mount)
    if (kind !== null) add(kind, [mount.source])
  }
  const order = { compose: 0, env: 1, secrets: 2 } as const
  return [...wanted.values()].toSorted(
    (a, b) => order[a.kind] - order[b.kind] || a.path.localeCompare(b.path),
  )
}
