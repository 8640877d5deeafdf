import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { ApiClient } from '../../../src-main/engine/hosts/docker/api-client.ts'
import { awaitExitCode } from '../../../src-main/engine/hosts/docker/exec-session.ts'
import { socketTransport } from '../../../src-main/engine/hosts/docker/transport.ts'

/** Asks for the exit code of a command whose engine gives these answers, the last one again and again. */
async function ask(
  answers: readonly (object | null)[],
  limitMs?: number,
): Promise<{ readonly code: number | null | 'gone'; readonly asked: number }> {
  let asked = 0
  const engine = createServer((request, answer) => {
    answer.setHeader('Api-Version', '1.41')
    answer.setHeader('Content-Type', 'application/json')
    if (request.url?.endsWith('/_ping') === true) return void answer.end('"OK"')
    const body = answers[Math.min(asked++, answers.length - 1)]
    answer.statusCode = body === null ? 404 : 200
    answer.end(JSON.stringify(body ?? { message: 'No such exec instance' }))
  })
  const folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-exit-'))
  const socket = path.join(folder, 'engine.sock')
  await new Promise<void>(resolve => engine.listen(socket, resolve))
  const api = new ApiClient(socketTransport(socket, `unix://${socket}`))
  try {
    return { code: await awaitExitCode(api, 'c0ffee', limitMs), asked }
  } finally {
    await api.close()
    engine.close()
    rmSync(folder, { recursive: true })
  }
}

describe('hosts/exit code after the end of a stream', () => {
  const running = { Running: true, ExitCode: null, Pid: 7 }

  it('is asked for again while the engine lags behind its own stream', async () => {
    const unsettled = { Running: false, ExitCode: null, Pid: 7 }
    const failed = { Running: false, ExitCode: 137, Pid: 7 }
    const { code, asked } = await ask([running, running, unsettled, failed])
    expect(code).toBe(137)
    expect(asked).toBe(4)
  })

  it('is not taken from a command that still runs', async () => {
    const tooEarly = { Running: true, ExitCode: 0, Pid: 7 }
    expect((await ask([tooEarly], 300)).code).toBeNull()
  })

  it('is null, never 0, when the engine does not tell in time', async () => {
    const { code, asked } = await ask([running], 300)
    expect(code).toBeNull()
    expect(asked).toBeGreaterThan(2)
  })

  it('is gone with the command', async () => {
    expect((await ask([running, null])).code).toBe('gone')
  })
})
