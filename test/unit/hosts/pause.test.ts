import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { ApiClient } from '../../../src-main/engine/hosts/docker/api-client.ts'
import { pauseContainer } from '../../../src-main/engine/hosts/docker/containers.ts'
import { socketTransport } from '../../../src-main/engine/hosts/docker/transport.ts'

/** Pauses against an engine that refuses with these messages, one after the other, and then obeys. */
async function pauseAgainst(refusals: readonly string[]): Promise<number> {
  let asked = 0
  const engine = createServer((request, answer) => {
    answer.setHeader('Api-Version', '1.41')
    answer.setHeader('Content-Type', 'application/json')
    if (request.url?.endsWith('/_ping') === true) return void answer.end('"OK"')
    const message = refusals[asked++]
    answer.statusCode = message === undefined ? 204 : 500
    answer.end(message === undefined ? undefined : JSON.stringify({ message }))
  })
  const folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-pause-'))
  const socket = path.join(folder, 'engine.sock')
  await new Promise<void>(resolve => engine.listen(socket, resolve))
  const api = new ApiClient(socketTransport(socket, `unix://${socket}`))
  try {
    await pauseContainer(api, 'c0ffee')
    return asked
  } finally {
    await api.close()
    engine.close()
    rmSync(folder, { recursive: true })
  }
}

describe('hosts/pause', () => {
  const busy = 'cannot pause container c0ffee: OCI runtime pause failed: unable to freeze: unknown'

  it('tries again when the kernel could not freeze every process', async () => {
    expect(await pauseAgainst([busy, busy])).toBe(3)
  })

  it('gives up in the end, with the words of the engine', async () => {
    await expect(pauseAgainst(Array(9).fill(busy))).rejects.toThrow(/unable to freeze/)
  })

  it('does not try again where that cannot help', async () => {
    const refusals = ['cannot pause container c0ffee: runtime has no cgroups', busy, busy]
    await expect(pauseAgainst(refusals)).rejects.toThrow(/no cgroups/)
  })

  it('takes a container that is paused already for paused', async () => {
    expect(await pauseAgainst(['Container c0ffee is already paused'])).toBe(1)
  })
})
