import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { KeptDump, LabServer } from './lab-server.ts'

/** Where a dump's file lies in the folder that a guide runs in. */
export function guidePath(fileName: string): string {
  return `databases/some service/${fileName}`
}

/** Runs the shell blocks of a restore guide as they stand, in a folder like a snapshot's. */
export async function runGuide(
  server: LabServer,
  guide: string,
  kept: KeptDump,
  password: string,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-guide-'))
  try {
    for (const { fileName, bytes } of kept.artifacts) {
      const file = path.join(folder, guidePath(fileName))
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, bytes)
    }
    const commands = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map(match => match[1] ?? '')
    if (commands.length === 0) throw new Error('the guide has no commands')
    for (const block of commands) {
      await bash(block, folder, { ...server.client.environment, PASSWORD: password })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function bash(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-8000)
    })
  }
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  if (code !== 0) throw new Error(`the commands ended with ${String(code)}:\n${script}\n${output}`)
}
