import { fork } from 'node:child_process'

import { utilityProcess } from 'electron'

import type { Answer } from '../contract/answer.ts'
import type { FromEngine, ToEngine } from './engine-message.ts'

/** The engine as the window's process sees it. */
export interface EngineLink {
  request(name: string, args: unknown): Promise<Answer>
  /** Resolves when the engine has put everything right and has ended. */
  close(): Promise<void>
}

/** The two ways to start a process, seen alike. */
interface Process {
  send(message: ToEngine): void
  onMessage(listener: (message: FromEngine) => void): void
  onExit(listener: () => void): void
}

const gone: Answer = {
  ok: false,
  error: {
    code: 'internal-error',
    message: 'The engine of Lifeboat has ended unexpectedly.',
    state: 'Running jobs have stopped; the next start puts right what they left behind.',
    hint: 'Close the window and start Lifeboat again.',
  },
}

/** Starts the engine beside the window. */
export function startEngineProcess(
  file: string,
  onEvent: (name: string, payload: unknown) => void,
): EngineLink {
  const child = isNewEnough(process.versions.node) ? startUtility(file) : startNode(file)
  const waiting = new Map<number, (answer: Answer) => void>()
  let lastId = 0
  let ended = false

  child.onMessage(message => {
    if (message.type === 'event') onEvent(message.name, message.payload)
    else {
      waiting.get(message.id)?.(message.answer)
      waiting.delete(message.id)
    }
  })
  const exited = new Promise<void>(resolve => {
    child.onExit(() => {
      ended = true
      for (const answer of waiting.values()) answer(gone)
      waiting.clear()
      resolve()
    })
  })

  return {
    request: (name, args) => {
      if (ended) return Promise.resolve(gone)
      lastId += 1
      const id = lastId
      return new Promise(resolve => {
        waiting.set(id, resolve)
        child.send({ type: 'request', id, name, args })
      })
    },
    close: () => {
      if (!ended) child.send({ type: 'close' })
      return exited
    },
  }
}

/** Whether Electron's own Node can run the engine, which needs the zstd of 22.15. */
function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 15)
}

function startUtility(file: string): Process {
  const child = utilityProcess.fork(file, [], { serviceName: 'Lifeboat engine' })
  return {
    send: message => child.postMessage(message),
    onMessage: listener => child.on('message', message => listener(message as FromEngine)),
    onExit: listener => child.on('exit', () => listener()),
  }
}

function startNode(file: string): Process {
  const child = fork(file, [], {
    execPath: process.env['LIFEBOAT_NODE'] ?? 'node',
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.on('error', error => {
    process.stderr.write(`lifeboat: the engine does not start: ${error.message}\n`)
  })
  return {
    send: message => {
      if (child.connected) child.send(message)
    },
    onMessage: listener => child.on('message', message => listener(message as FromEngine)),
    onExit: listener => {
      child.on('exit', listener)
      child.on('error', listener)
    },
  }
}
