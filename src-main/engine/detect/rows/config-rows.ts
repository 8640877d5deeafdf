import type { Item } from '../../../contract/model.ts'
import type { StackFile } from '../inventory.ts'
import type { StackView } from '../view.ts'
import { blank, listed } from './row.ts'

const kinds = ['compose', 'env', 'secrets'] as const
const words = { compose: 'Compose file', env: 'env file', secrets: 'secret' } as const

/** Rows for the files that define the stack: compose files, env files, secrets. */
export function configRows(view: StackView): readonly Item[] {
  return kinds.flatMap(kind => {
    const files = view.facts.files.filter(each => each.kind === kind)
    const there = files.filter(each => each.exists)
    if (there.length > 0) return [row(kind, there, 'include', reasonFor(kind, files, there))]
    const missing = whyMissing(view, kind, files)
    return missing === null ? [] : [row(kind, files, 'cannot', missing)]
  })
}

function row(
  kind: StackFile['kind'],
  files: readonly StackFile[],
  decision: 'include' | 'cannot',
  reason: string,
): Item {
  const sizes = files.map(each => each.sizeBytes)
  return {
    ...blank,
    id: `config:${kind}`,
    kind: 'config',
    source: files.map(each => each.path).join(', '),
    sizeBytes: sizes.some(each => each === null)
      ? null
      : sizes.reduce<number>((sum, each) => sum + (each ?? 0), 0),
    method: decision === 'include' ? 'copy' : 'none',
    consistency: decision === 'include' ? 'app-consistent' : 'none',
    criticality: 'critical',
    decision,
    reason,
  }
}

function reasonFor(
  kind: StackFile['kind'],
  files: readonly StackFile[],
  there: readonly StackFile[],
): string {
  const word = there.length === 1 ? words[kind] : `${words[kind]}s`
  const taken = `${there.length} ${word}, byte for byte, with mode and owner.`
  const gone = files.filter(each => !each.exists).map(each => each.path)
  return gone.length === 0 ? taken : `${taken} Not found: ${listed(gone)}.`
}

function whyMissing(
  view: StackView,
  kind: StackFile['kind'],
  files: readonly StackFile[],
): string | null {
  const { group, helperProblem } = view.facts
  if (files.length > 0) {
    const paths = listed(files.map(each => each.path))
    return helperProblem === null
      ? `Cannot be read: ${paths} ${files.length === 1 ? 'is' : 'are'} not on the host.`
      : `Cannot be read: ${helperProblem}`
  }
  if (kind === 'compose' && group.kind === 'compose') {
    return group.containers.length === 0
      ? 'Cannot be found: no container is left that tells where the Compose file is.'
      : 'Cannot be found: no label of a container tells where the Compose file is.'
  }
  if (kind === 'compose' && group.kind === 'swarm') {
    return 'Cannot be read: Swarm does not keep the file that the stack was made from. The definitions of containers, networks and volumes are kept.'
  }
  if (kind === 'secrets' && hasEngineSecrets(view)) {
    return 'Cannot be read: these secrets are kept by the engine, which never gives them out. Keep your own copy.'
  }
  return null
}

/** Secrets that Swarm keeps: named in the compose file as external, or read by a container from where Swarm puts them. */
function hasEngineSecrets(view: StackView): boolean {
  const { group, definition } = view.facts
  if ((definition?.externalSecrets.length ?? 0) > 0) return true
  return (
    group.kind === 'swarm' &&
    group.containers.some(container => {
      const mounted = container.mounts.some(mount => mount.target.startsWith('/run/secrets'))
      return (
        !mounted && Object.values(container.env).some(value => value.startsWith('/run/secrets/'))
      )
    })
  )
}
