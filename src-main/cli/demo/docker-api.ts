import { request } from 'node:http'

/** A Docker engine on this computer, spoken to directly: the demo makes its sample without any other tool. */
export interface DockerApi {
  /** One request with JSON in and out. Rejects when the engine answers with an error. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>
  /** Runs a command in a container and returns what it printed. Rejects unless it ends with exit code 0. */
  exec(
    container: string,
    argv: readonly string[],
    options?: { readonly user?: string },
  ): Promise<string>
}

/** Speaks to the engine behind a socket (a path, or a named pipe on Windows). */
export function dockerApi(socketPath: string): DockerApi {
  async function send(method: string, path: string, body?: object): Promise<Buffer> {
    const content = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const headers = { host: 'docker', ...(content && { 'content-type': 'application/json' }) }
      const asked = request({ socketPath, method, path, headers }, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const whole = Buffer.concat(chunks)
          const status = response.statusCode ?? 0
          // 304: it is already in the state that was asked for.
          if (status < 400) resolve(whole)
          else reject(new Error(`${method} ${path}: ${String(status)} ${whole.toString()}`))
        })
      })
      asked.on('error', reject)
      asked.end(content)
    })
  }
  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const text = (await send(method, path, body)).toString()
    return text === '' ? null : (JSON.parse(text) as unknown)
  }
  return {
    call,
    async exec(container, argv, { user = '' } = {}) {
      const options = { AttachStdout: true, AttachStderr: true, Cmd: argv, User: user }
      const { Id } = (await call('POST', `/containers/${container}/exec`, options)) as {
        Id: string
      }
      const output = split(await send('POST', `/exec/${Id}/start`, { Detach: false, Tty: false }))
      const { ExitCode } = (await call('GET', `/exec/${Id}/json`)) as { ExitCode: number | null }
      if (ExitCode === 0) return output.stdout
      throw new Error(`${argv[0] ?? ''} ended with ${String(ExitCode)}: ${output.stderr}`)
    },
  }
}

/** Takes the frames of an attached stream apart: one byte for the stream, three empty, four for the length. */
function split(frames: Buffer): { readonly stdout: string; readonly stderr: string } {
  const parts: { 1: Buffer[]; 2: Buffer[] } = { 1: [], 2: [] }
  for (let at = 0; at + 8 <= frames.length;) {
    const length = frames.readUInt32BE(at + 4)
    const content = frames.subarray(at + 8, at + 8 + length)
    parts[frames[at] === 2 ? 2 : 1].push(content)
    at += 8 + length
  }
  return { stdout: Buffer.concat(parts[1]).toString(), stderr: Buffer.concat(parts[2]).toString() }
}
