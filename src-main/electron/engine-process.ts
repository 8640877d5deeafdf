// The engine in a process of its own, so that hashing and encryption never hold the window up. It is started as
// Electron's utility process, or by plain Node where Electron's own Node is too old for the engine.
import { answerTo, eventNames } from '../contract/answer.ts'
import { createEngine } from '../engine/engine.ts'
import { createDeps } from '../platform/create-deps.ts'
import { VERSION } from '../platform/version.ts'
import type { FromEngine, ToEngine } from './engine-message.ts'

/** The port of a utility process; it exists there alone. */
interface ParentPort {
  on(name: 'message', listener: (event: { readonly data: unknown }) => void): void
  postMessage(message: unknown): void
}

const { parentPort } = process as { readonly parentPort?: ParentPort }

function say(message: FromEngine): void {
  if (parentPort) parentPort.postMessage(message)
  else process.send?.(message)
}

const engine = createEngine(
  createDeps({
    version: VERSION,
    logLevel: 'warn',
    log: line => {
      process.stderr.write(line)
    },
    onSettingsWarning: line => {
      process.stderr.write(`${line}\n`)
    },
  }),
)

for (const name of eventNames) engine.on(name, payload => say({ type: 'event', name, payload }))

/** Running jobs put everything right first. */
async function close(): Promise<void> {
  await engine.close()
  process.exit(0)
}

async function hear(message: ToEngine): Promise<void> {
  if (message.type === 'close') return close()
  say({
    type: 'answer',
    id: message.id,
    answer: await answerTo(engine, message.name, message.args),
  })
}

if (parentPort) parentPort.on('message', event => void hear(event.data as ToEngine))
else {
  process.on('message', message => void hear(message as ToEngine))
  // The window has vanished without a word.
  process.on('disconnect', () => void close())
}
