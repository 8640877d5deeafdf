import path from 'node:path'

import type { HelperTools } from '../../hosts/helper.ts'
import type { CommandPlace } from '../../lib/command.ts'

/**
 * Where a tree is replaced: a helper that mounts just the target read-write, or this computer for a
 * folder host.
 */
export interface TreePlace {
  readonly place: CommandPlace
  readonly tools: HelperTools
  /** Path, in the place, of the mount that nothing may leave. */
  readonly mount: string
  /** False when whoever works there may not give files away to other users. */
  readonly keepsOwners: boolean
}

/** What is replaced there. */
export type TreeScope =
  | {
      /** The whole content and the folder's own owner, mode and times. */
      readonly kind: 'all'
      /** Relative paths that the backup left out: taken over from what is there. */
      readonly keep: readonly string[]
    }
  | {
      /** These children of the folder and nothing else; those without staged content become absent. */
      readonly kind: 'only'
      readonly names: readonly string[]
    }

export interface TreeTarget {
  readonly at: TreePlace
  /** Folder below the mount, '' for the mount itself. */
  readonly folder: string
  /** Name of the hidden folder, `.lifeboat-…`. */
  readonly workName: string
  readonly scope: TreeScope
}

/** The folder whose content is replaced, in the place. */
export function rootOf(target: TreeTarget): string {
  return path.posix.join(target.at.mount, target.folder)
}

/** The hidden folder, in the place. */
export function workOf(target: TreeTarget): string {
  return path.posix.join(rootOf(target), target.workName)
}

/** The parameters that name a target to the scripts of tree-script.ts. */
export function scopeArguments(scope: TreeScope): readonly string[] {
  return scope.kind === 'all' ? ['all', ...scope.keep] : ['only', ...scope.names]
}

/** A target as it is kept in the journal: plain text, without the place. */
export function targetToJournal(target: TreeTarget): Readonly<Record<string, string>> {
  return {
    folder: target.folder,
    workName: target.workName,
    scope: JSON.stringify(target.scope),
  }
}

/** The opposite, for the place that was opened anew. */
export function targetFromJournal(
  data: Readonly<Record<string, string>>,
  at: TreePlace,
): TreeTarget {
  return {
    at,
    folder: data['folder'] ?? '',
    workName: data['workName'] ?? '',
    scope: JSON.parse(data['scope'] ?? '{}') as TreeScope,
  }
}
