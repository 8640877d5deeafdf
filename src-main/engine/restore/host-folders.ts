import path from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { Helper, HelperMount } from '../hosts/helper.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { HelperOptions } from '../hosts/open-helper.ts'
import { openHelper } from '../hosts/open-helper.ts'
import { runText } from '../lib/run.ts'

/**
 * Makes folders below $1, one after the other, as the folder above them is owned; those that are there are
 * left as they are.
 */
const makeScript = String.raw`
set -u
umask 022
owner=$(stat -c %u:%g -- "$1") || exit 1
shift
for folder do
  if [ -d "$folder" ]; then continue; fi
  mkdir -- "$folder" && chown "$owner" -- "$folder" || exit 1
done
`

/** Removes folders, innermost first, as far as they are empty. */
const removeScript = String.raw`
for folder do rmdir -- "$folder" 2>/dev/null || true; done
`

function bindOf(source: string): HelperMount {
  return { mount: `bind:${source}`, type: 'bind', source, readOnly: false }
}

/** `/a/b/c` → `/a/b`, `/a`, `/`: nearest first. */
function ancestorsOf(folder: string): readonly string[] {
  const found: string[] = []
  for (let at = path.posix.dirname(folder); ; at = path.posix.dirname(at)) {
    found.push(at)
    if (at === '/' || at === '.') return found
  }
}

/** Opens a helper on the nearest folder above that is there. */
async function openAncestor(
  host: DockerHost,
  folder: string,
  options: HelperOptions,
): Promise<{ readonly helper: Helper; readonly ancestor: string; readonly inside: string }> {
  for (const ancestor of ancestorsOf(folder)) {
    const helper = await openHelper(host, [bindOf(ancestor)], 'write', options)
    const inside = helper.pathOf(`bind:${ancestor}`)
    if (inside !== null) return { helper, ancestor, inside }
    await helper.close()
  }
  throw new AppError('path-missing', {
    message: `No folder above ${folder} can be opened on the host.`,
    state: 'The live data was not touched.',
    hint: `Create the folder on the host (mkdir -p), then restore again.`,
  })
}

/**
 * Makes a folder of the host that is gone, through the nearest folder above that is there. `remember` is
 * awaited with the host paths that will be made, outermost first, before anything is made.
 */
export async function makeHostFolder(
  host: DockerHost,
  folder: string,
  options: HelperOptions,
  remember: (made: readonly string[]) => Promise<void>,
): Promise<void> {
  const { helper, ancestor, inside } = await openAncestor(host, folder, options)
  try {
    const names = path.posix.relative(ancestor, folder).split('/')
    const made = names.map((_, index) => path.posix.join(ancestor, ...names.slice(0, index + 1)))
    await remember(made)
    const paths = made.map(each => path.posix.join(inside, path.posix.relative(ancestor, each)))
    await runText(helper.place, ['sh', '-c', makeScript, 'lifeboat-make', inside, ...paths])
  } finally {
    await helper.close()
  }
}

/** Removes folders that were made, as far as nothing lies in them. Host paths, outermost first. */
export async function removeHostFolders(
  host: DockerHost,
  folders: readonly string[],
  options: HelperOptions,
): Promise<void> {
  const [outermost] = folders
  if (outermost === undefined) return
  for (const group of groupsOf(folders)) {
    const { helper, ancestor, inside } = await openAncestor(host, group[0] ?? outermost, options)
    try {
      const paths = group
        .toReversed()
        .map(each => path.posix.join(inside, path.posix.relative(ancestor, each)))
      await runText(helper.place, ['sh', '-c', removeScript, 'lifeboat-remove', ...paths])
    } finally {
      await helper.close()
    }
  }
}

/** Paths below one another belong together. */
function groupsOf(folders: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = []
  for (const folder of folders) {
    const group = groups.find(each => folder.startsWith(`${each[0] ?? ''}/`))
    if (group === undefined) groups.push([folder])
    else group.push(folder)
  }
  return groups
}

/** The same on this computer, for folder hosts: a script is not needed. */
export function missingFolders(
  folder: string,
  exists: (path: string) => boolean,
): readonly string[] {
  const missing: string[] = []
  for (let at = folder; !exists(at); at = path.dirname(at)) {
    missing.unshift(at)
    if (path.dirname(at) === at) break
  }
  return missing
}
