import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import { HostError } from '../host-error.ts'
import type { ApiAnswer, ApiClient } from './api-client.ts'
import { engineMessage } from './api-client.ts'
import type { RawConnection } from './raw-connection.ts'

/** What the engine knows of a command. */
export interface ExecState {
  readonly running: boolean
  readonly exitCode: number | null
  /** True once the process was made. */
  readonly started: boolean
}

export interface ExecSpec {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly user: string | undefined
  readonly workingDirectory: string | undefined
  readonly stdin: boolean
}

/** The container is not what it was: removed, or recreated under another id. */
export function containerGone(description: string, details?: string): AppError {
  return new HostError('container-gone', 'daemon', {
    message: `The ${description} is no longer there.`,
    state: NOTHING_CHANGED,
    hint: 'It was removed or recreated meanwhile. Run the command again; it will find the new one.',
    ...(details === undefined ? {} : { details }),
  })
}

function notRunning(description: string, answer: ApiAnswer): AppError {
  const reason = engineMessage(answer.body)
  if (/paused/i.test(reason)) {
    return new AppError('command-failed', {
      message: `No command can run in the ${description} while it is paused.`,
      state: NOTHING_CHANGED,
      hint: 'Unpause it (docker unpause), then run the command again.',
      details: reason,
    })
  }
  return new HostError('container-gone', 'daemon', {
    message: `The ${description} is not running.`,
    state: NOTHING_CHANGED,
    hint: 'Start it, then run the command again.',
    details: reason,
  })
}

/** Prepares a command in a container; returns the engine's id for it. */
export async function createExec(
  api: ApiClient,
  containerId: string,
  description: string,
  spec: ExecSpec,
  signal?: AbortSignal,
): Promise<string> {
  const answer = await api.request({
    method: 'POST',
    path: `/containers/${encodeURIComponent(containerId)}/exec`,
    body: {
      AttachStdin: spec.stdin,
      AttachStdout: true,
      AttachStderr: true,
      // A terminal would turn line feeds into two bytes and merge both streams.
      Tty: false,
      Cmd: spec.argv,
      Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      ...(spec.user === undefined ? {} : { User: spec.user }),
      ...(spec.workingDirectory === undefined ? {} : { WorkingDir: spec.workingDirectory }),
    },
    accept: [404, 409],
    ...(signal === undefined ? {} : { signal }),
  })
  if (answer.status === 404) throw containerGone(description, engineMessage(answer.body))
  if (answer.status === 409) throw notRunning(description, answer)
  return (answer.body as { readonly Id: string }).Id
}

/** Starts a prepared command; the connection carries its input and its multiplexed output. */
export function startExec(api: ApiClient, execId: string): Promise<RawConnection> {
  return api.hijack({ path: `/exec/${execId}/start`, body: { Detach: false, Tty: false } })
}

/** Null when the engine does not know the command any more (the container was removed, the engine restarted). */
export async function inspectExec(api: ApiClient, execId: string): Promise<ExecState | null> {
  const answer = await api.request({
    method: 'GET',
    path: `/exec/${execId}/json`,
    accept: [404],
    timeoutMs: 20_000,
  })
  if (answer.status === 404) return null
  const body = answer.body as {
    readonly Running?: boolean
    readonly ExitCode?: number | null
    readonly Pid?: number
  }
  return {
    running: body.Running ?? false,
    exitCode: body.ExitCode ?? null,
    started: (body.Pid ?? 0) > 0,
  }
}

/**
 * The exit code once the output has ended. The engine may lag behind its own stream, so it is asked
 * for up to 10 s; null when it could not tell by then, which the caller must take for a failure.
 */
export async function awaitExitCode(
  api: ApiClient,
  execId: string,
  limitMs = 10_000,
): Promise<number | null | 'gone'> {
  const deadline = Date.now() + limitMs
  for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
    const state = await inspectExec(api, execId)
    if (state === null) return 'gone'
    if (!state.running && state.exitCode !== null) return state.exitCode
    if (Date.now() >= deadline) return null
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}
