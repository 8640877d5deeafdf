import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { deadManCommand } from '../../../src-main/engine/capture/dead-man-programs.ts'

const ENGINE = 'AAAA:BBBB'
const acts = [
  { verb: 'start', containerId: 'c0ffee' },
  { verb: 'unpause', containerId: 'decade' },
] as const
const allDone = ['POST /containers/c0ffee/start', 'POST /containers/decade/unpause']

let folder = ''
let socket = ''
let server: Server
let calls: string[] = []
let answers: (number | string)[] = []

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-switch-'))
  socket = path.join(folder, 'engine.sock')
  calls = []
  answers = []
  server = createServer((request, response) => {
    if (request.url === '/info') {
      response.end(JSON.stringify({ ID: ENGINE, Containers: 3 }))
      return
    }
    calls.push(`${request.method} ${request.url}`)
    const answer = answers.shift() ?? 204
    response.writeHead(typeof answer === 'string' ? 500 : answer)
    response.end(typeof answer === 'string' ? JSON.stringify({ message: answer }) : '')
  })
  await new Promise<void>(resolve => server.listen(socket, resolve))
})
afterEach(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

type Client = 'perl' | 'python3' | 'curl'
const here = (['perl', 'python3', 'curl'] as const).filter(
  each => spawnSync(each, ['--version']).status === 0,
)

function start(client: Client, options: { silence?: number; engine?: string; greet?: false } = {}) {
  const [program, ...rest] = deadManCommand(client, {
    socket,
    silenceSeconds: options.silence ?? 60,
    engineId: options.engine ?? ENGINE,
    acts,
  })
  const child = spawn(program!, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  const armed = new Promise<void>(resolve => {
    child.stdout.on('data', chunk => {
      output += String(chunk)
      if (output.includes('armed\n')) resolve()
    })
  })
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  child.stdin.on('error', () => undefined)
  if (options.greet !== false) child.stdin.write('.')
  return { stdin: child.stdin, armed, ended }
}

it('has every client of the socket at hand', () => {
  expect(here).toEqual(['perl', 'python3', 'curl'])
})

describe.each(here)('the dead-man switch in %s', client => {
  it('ends without touching anything when it is told that all is done', async () => {
    const { stdin, armed, ended } = start(client)
    await armed
    stdin.write('.\n')
    stdin.write('.\n')
    stdin.end('done\n')
    expect(await ended).toBe(0)
    expect(calls).toEqual([])
  })

  it('hears the word in two pieces', async () => {
    const { stdin, armed, ended } = start(client)
    await armed
    stdin.write('.\ndo')
    await new Promise(resolve => setTimeout(resolve, 200))
    stdin.write('ne\n')
    expect(await ended).toBe(0)
    expect(calls).toEqual([])
  })

  it('does what is listed, in order, when its input ends', async () => {
    const { stdin, armed, ended } = start(client)
    await armed
    stdin.end('.\n')
    expect(await ended).toBe(0)
    expect(calls).toEqual(allDone)
  })

  it('does it when nothing is heard any more', async () => {
    const { stdin, armed, ended } = start(client, { silence: 1 })
    await armed
    stdin.write('.\n')
    expect(await ended).toBe(0)
    expect(calls).toEqual(allDone)
  })

  it('tries again when the engine fails, and takes "already running" and "not paused" as settled', async () => {
    answers = [500, 503, 304, 'Container decade is not paused']
    const { stdin, armed, ended } = start(client)
    await armed
    stdin.end()
    expect(await ended).toBe(0)
    expect(calls).toEqual([allDone[0], allDone[0], allDone[0], allDone[1]])
  })

  it('does nothing when it was never spoken to', async () => {
    const { stdin, ended } = start(client, { greet: false })
    stdin.end()
    expect(await ended).toBe(0)
    expect(calls).toEqual([])
  })

  it('keeps off when the socket belongs to another engine', async () => {
    const { ended } = start(client, { engine: 'CCCC' })
    expect(await ended).toBe(3)
    expect(calls).toEqual([])
  })
})
