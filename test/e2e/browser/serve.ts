import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { engineEnvironment, labEngine } from '../../../lab/engines/registry.ts'

const command = join(import.meta.dirname, '..', '..', '..', 'bin', 'lifeboat.mjs')

/** `lifeboat serve` as it was built, on the lab's Docker 26.1, with folders of its own. */
export interface Served extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Ends it as Ctrl-C does; resolves with its exit code. */
  stop(): Promise<number | null>
}

export async function serve(): Promise<Served> {
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-serve-'))
  const child = spawn(process.execPath, [command, 'serve', '--json', '--quiet'], {
    env: { ...engineEnvironment(labEngine('26')), LIFEBOAT_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const { url, port } = JSON.parse(await firstLine(child)) as { url: string; port: number }
  const stop = (): Promise<number | null> => {
    child.kill('SIGINT')
    return ended
  }
  return {
    url,
    port,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk)
    if (text.includes('\n')) return text
  }
  throw new Error('lifeboat serve ended without a word')
}
