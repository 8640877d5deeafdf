import { cp, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { expect } from 'vitest'

import { createGptchatFolder } from '../../lab/fixtures/gptchat-folder.ts'
import { findCanaries } from '../../lab/fixtures/hostile.ts'
import { createStack, type StackKind } from '../../lab/fixtures/stack.ts'
import { differences, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { run } from '../../lab/lib/run.ts'
import {
  type CommandLine,
  commandLine,
  engineId,
  guideScript,
  snapshotFolder,
} from './acceptance-support.ts'

/** The newest snapshot, carried to another place, with Lifeboat and everything of it gone. */
async function carriedAway(line: CommandLine, stack: string): Promise<string> {
  const { snapshots } = await line.good('snapshots', 'list')
  const id = (snapshots as { id: string; stack: string }[]).find(each => each.stack === stack)?.id
  const away = path.join(line.cwd, 'an "old" stick', 'snapshot')
  await cp(snapshotFolder(line, id ?? ''), away, { recursive: true, preserveTimestamps: true })
  await rm(line.home, { recursive: true })
  return away
}

/**
 * A state without what no restore of a lost machine can or should bring back: when something last came or went
 * in a folder of which single files are kept, whether a container that does not run ever did, and how often a
 * service has started.
 */
function comparable(kind: StackKind, state: StackState): StackState {
  const loose = kind === 'gptchat' ? ['folder .', 'folder secrets'] : ['folder .']
  const facts = Object.entries(withoutFacts(state, /^noshell_data starts$/))
  return Object.fromEntries(
    facts.map(([name, value]) => [
      name,
      loose.includes(name)
        ? value.replace(/ mtime=\d+/, '')
        : name.startsWith('container ')
          ? value.replace(/^created/, 'exited')
          : value,
    ]),
  )
}

/** What a person does: root's shell in the snapshot's folder, and every block from top to bottom. */
async function typeGuide(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  await run(['bash'], { cwd: folder, env, input: await guideScript(folder) })
}

/**
 * RESTORE.md brings a stack back after the damage of the issue, and to a machine that has nothing of it but its
 * images.
 */
export async function acceptGuide(kind: StackKind): Promise<void> {
  await using line = await commandLine()
  await using stack = await createStack(kind, { engine: engineId, size: 'small' })
  const before = await stack.describe()
  await line.good('backup', stack.name)
  const folder = await carriedAway(line, stack.name)
  const losses = {
    damage: async () => {
      await stack.lose()
    },
    everything: async () => {
      await stack.compose(['down', '--volumes'])
      await rm(stack.folder, { recursive: true })
    },
  }
  for (const [loss, lose] of Object.entries(losses)) {
    await lose()
    await typeGuide(folder, stack.docker.environment)
    await stack.waitHealthy(stack.services.filter(each => each !== 'stopped'))
    const after = await stack.describe()
    expect(differences(comparable(kind, before), comparable(kind, after)), loss).toEqual([])
  }
  expect(await findCanaries(line.cwd, path.dirname(stack.folder))).toEqual([])
}

/** The same for a plain folder that is gone. */
export async function acceptFolderGuide(): Promise<void> {
  await using line = await commandLine()
  const parent = path.join(line.cwd, 'stacks')
  await mkdir(parent)
  await using stack = await createGptchatFolder({ parent, name: 'gptchat' })
  const before = await stack.describe()
  await line.good('backup', 'gptchat', '--host', `folder:${parent}`)
  const folder = await carriedAway(line, 'gptchat')
  await stack.remove()
  await typeGuide(folder, process.env)
  expect(differences(before, await stack.describe())).toEqual([])
}
