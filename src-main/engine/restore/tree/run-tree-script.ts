import type { ErrorCode } from '../../../contract/errors.ts'
import { AppError } from '../../../contract/errors.ts'
import { runText } from '../../lib/run.ts'
import type { TreeTarget } from './tree-place.ts'
import { rootOf, scopeArguments, workOf } from './tree-place.ts'
import { treeExit, treeScript } from './tree-script.ts'

export type TreeAction =
  | 'prepare'
  | 'measure'
  | 'measure-keep'
  | 'activate'
  | 'settle'
  | 'revert'
  | 'finalize'
  | 'discard'
  | 'abandon'

const stateOf: Readonly<Record<TreeAction, string>> = {
  prepare: 'The live data was not touched.',
  measure: 'The live data was not touched.',
  'measure-keep': 'The live data was not touched.',
  activate: 'The former data lies beside the new one and is being put back.',
  settle: 'The restored data is in place; the former one lies beside it.',
  revert: 'The former data is kept in a hidden folder beside the new one.',
  finalize:
    'The restored data is in place; a hidden folder with the former data may be left beside it.',
  abandon: 'The live data was not touched; a hidden folder of an earlier restore may be left.',
  discard:
    'The live data was not touched; a hidden folder with what was staged may be left beside it.',
}

const codes: Readonly<Record<number, { readonly code: ErrorCode; readonly hint: string }>> = {
  [treeExit.workExists]: {
    code: 'busy-target',
    hint: 'Another restore works there, or one that died: run "lifeboat doctor" to have it put right.',
  },
  [treeExit.leadsOut]: {
    code: 'not-supported',
    hint: 'Replace the symbolic link by a real folder, then restore again.',
  },
  [treeExit.folderMissing]: {
    code: 'path-missing',
    hint: 'Create the folder, then restore again.',
  },
  [treeExit.noRoom]: {
    code: 'disk-full',
    hint: 'Make room on the host and check that the folder can be written, then restore again.',
  },
  [treeExit.nestedMount]: {
    code: 'not-supported',
    hint: 'Unmount the file system that lies inside the folder, or restore that folder on its own.',
  },
  [treeExit.busy]: { code: 'busy-target', hint: 'Wait until the other restore has ended.' },
}

/** Runs one action of the tree script; returns what it printed. Every action may be run again after a failure. */
export async function runTreeScript(
  target: TreeTarget,
  action: TreeAction,
  signal?: AbortSignal,
): Promise<string> {
  const { place, tools, mount } = target.at
  const root = rootOf(target)
  const argv = [
    'sh',
    '-c',
    treeScript,
    'lifeboat-tree',
    action,
    root,
    workOf(target),
    mount,
    tools.tar === 'gnu' ? 'gnu' : 'busybox',
    ...scopeArguments(target.scope),
  ]
  const known = Object.keys(codes).map(Number)
  const { stdout, stderr, exitCode } = await runText(place, argv, {
    acceptExitCodes: [0, ...known],
    maxBytes: 2 * 1024 ** 3,
    state: stateOf[action],
    ...(signal === undefined ? {} : { signal }),
  })
  const failure = codes[exitCode]
  if (failure === undefined) return stdout
  const lines = stderr.trim().split('\n')
  throw new AppError(failure.code, {
    message: `The restored data could not be ${wordOf[action]}: ${lines.at(-1) ?? ''}.`,
    state: stateOf[action],
    hint: failure.hint,
    details: stderr.trim(),
  })
}

const wordOf: Readonly<Record<TreeAction, string>> = {
  prepare: 'staged',
  measure: 'counted',
  'measure-keep': 'counted',
  activate: 'switched in',
  settle: 'written to disk',
  revert: 'taken back',
  finalize: 'tidied up after',
  discard: 'thrown away',
  abandon: 'tidied up after',
}
