import { writeFile } from 'node:fs/promises'
import path from 'node:path'

import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, type StackState } from '../../lab/fixtures/state.ts'
import { engineId } from './capture-support.ts'
import { type Bench, makeBench } from './restore-support.ts'

/** A chatalot stack with one snapshot of it, and how it was then. */
export interface Scene extends AsyncDisposable {
  readonly stack: LabStack
  readonly bench: Bench
  readonly before: StackState
  /**
   * A disaster of one's own for each test, so that each begins from a state that can be told apart. The app
   * stays healthy on it, as a roll-back brings back just that.
   */
  spoil(mark: string): Promise<StackState>
  /** Waits until all services are healthy, and tells what differs since. */
  differencesSince(state: StackState): Promise<readonly string[]>
}

/** Sets up a small stack on the engine of this run, and backs it up. */
export async function makeScene(): Promise<Scene> {
  const stack = await createStack('chatalot', { engine: engineId })
  const before = await stack.describe()
  const bench = await makeBench(stack)
  return {
    stack,
    bench,
    before,
    spoil: mark => spoil(stack, mark),
    async differencesSince(state) {
      await stack.waitHealthy(['postgres', 'app'])
      return differences(state, await stack.describe())
    },
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]()
      await stack[Symbol.asyncDispose]()
    },
  }
}

async function spoil(stack: LabStack, mark: string): Promise<StackState> {
  // A dump does not keep what a materialised view holds: it is filled anew when that is loaded.
  const sql = `delete from messages where id > 1000; refresh materialized view busiest;
    create table spoiled_${mark} (n int); insert into spoiled_${mark} values (1);`
  const psql = ['psql', '-v', 'ON_ERROR_STOP=1', '-U', 'chatalot', '-d', 'chatalot', '-c', sql]
  await stack.docker.run(['exec', await stack.container('postgres'), ...psql])
  const script = `rm -rf /data/files/0*; echo ${mark} > '/data/-spoiled ${mark}'; chmod 750 /data/files`
  await stack.docker.run(['exec', await stack.container('app'), 'sh', '-ec', script])
  await writeFile(path.join(stack.folder, 'secrets', 'public.pem'), mark)
  return await stack.describe()
}
