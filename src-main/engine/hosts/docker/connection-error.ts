import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import { HostError } from '../host-error.ts'

const LOST = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_EOF_STATE'])
const NO_WAY = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'])

/** What a failed connection to a Docker engine means, by layer, each with its own way out (rule S5). */
export function connectionError(endpoint: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = (error as { code?: unknown } | null)?.code
  const text = error instanceof Error ? error.message : String(error)
  const parts = (message: string, hint: string) => ({
    message,
    state: NOTHING_CHANGED,
    hint,
    details: text,
  })
  const local = endpoint.startsWith('unix:') || endpoint.startsWith('npipe:')

  if (code === 'ENOENT') {
    return new HostError(
      'docker-missing',
      'socket-missing',
      parts(
        `There is no Docker engine at ${endpoint}.`,
        'Start Docker, or choose another host with --host; `lifeboat hosts` lists those that were found.',
      ),
      error,
    )
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new HostError(
      'docker-permission',
      'docker-permission',
      parts(
        `You are not allowed to use the Docker engine at ${endpoint}.`,
        'Add yourself to the group `docker` (sudo usermod -aG docker "$USER"), log out and in again.',
      ),
      error,
    )
  }
  if (code === 'ECONNREFUSED') {
    return new HostError(
      'host-unreachable',
      local ? 'daemon' : 'port',
      parts(
        `Nothing answers at ${endpoint}.`,
        local
          ? 'Start Docker (sudo systemctl start docker, or Docker Desktop) and try again.'
          : 'Check the port number, and that the engine listens on this address.',
      ),
      error,
    )
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new HostError(
      'host-unreachable',
      'name-lookup',
      parts(`The name in ${endpoint} is not known.`, 'Check the spelling and your network.'),
      error,
    )
  }
  if (typeof code === 'string' && NO_WAY.has(code)) {
    return new HostError(
      'host-unreachable',
      'network',
      parts(
        `${endpoint} cannot be reached.`,
        'Check that the host is on and that you are in its network.',
      ),
      error,
    )
  }
  if (typeof code === 'string' && LOST.has(code)) {
    return new HostError(
      'host-unreachable',
      'daemon',
      parts(
        `The connection to the Docker engine at ${endpoint} was lost.`,
        'Check the network and the engine, then run the command again.',
      ),
      error,
    )
  }
  if (typeof code === 'string' && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return new HostError(
      'host-unreachable',
      'login',
      parts(
        `The certificates for ${endpoint} do not fit: ${text}.`,
        'Check ca.pem, cert.pem and key.pem in the folder of the Docker context or in DOCKER_CERT_PATH.',
      ),
      error,
    )
  }
  return new HostError(
    'host-unreachable',
    'daemon',
    parts(
      `The Docker engine at ${endpoint} cannot be used: ${text}.`,
      'Check that the address belongs to a Docker engine.',
    ),
    error,
  )
}

/** The engine did not answer in time. */
export function answerTimeout(endpoint: string, seconds: number): AppError {
  return new HostError('host-unreachable', 'daemon', {
    message: `The Docker engine at ${endpoint} did not answer within ${seconds} seconds.`,
    state: NOTHING_CHANGED,
    hint: 'Check the network and how busy the host is, then run the command again.',
  })
}

/** The engine was there when a command began and is not there any more. */
export function engineWentAway(endpoint: string, cause: unknown): AppError {
  return new HostError(
    'host-unreachable',
    'daemon',
    {
      message: `The Docker engine at ${endpoint} went away while a command was running.`,
      state: NOTHING_CHANGED,
      hint: 'Start Docker again, then run the command again.',
    },
    cause,
  )
}
