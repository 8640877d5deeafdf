import type { AppError } from '../../../contract/errors.ts'
import { NOTHING_CHANGED } from '../../../contract/errors.ts'
import { HostError } from '../host-error.ts'

/** What runs on the far side for as long as the connection stands; it ends with its input. */
export const REMOTE_COMMAND = ['sh', '-s'] as const
const END = 'lifeboat end'

/**
 * Looks for the engine's socket on the far side and for what can carry it over a session. Reads only.
 * `sh -s` is the one line that every login shell understands; the script comes by its input.
 */
export function probeScript(socketPath: string | null): string {
  const sockets =
    socketPath === null
      ? `/var/run/docker.sock "$run/docker.sock" "$HOME/.docker/run/docker.sock" "$HOME/.docker/desktop/docker.sock" "$HOME/.colima/default/docker.sock" "$HOME/.orbstack/run/docker.sock" "$run/podman/podman.sock" /run/podman/podman.sock`
      : socketPath
  return `
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/snap/bin
run=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
echo "lifeboat user $(id -un)"
for socket in ${sockets}; do
  if [ -S "$socket" ]; then
    if [ -r "$socket" ] && [ -w "$socket" ]; then echo "lifeboat usable $socket"
    else echo "lifeboat denied $socket"
    fi
  fi
done
for tool in docker python3 socat; do
  found=$(command -v "$tool" 2>/dev/null) && echo "lifeboat tool $found"
done
echo "${END}"
exec cat >/dev/null
`
}

export interface RemoteState {
  readonly user: string
  readonly usable: readonly string[]
  readonly denied: readonly string[]
  /** Absolute paths of programs. */
  readonly tools: readonly string[]
}

/** Pure. Null until the script has said everything. */
export function parseRemote(text: string): RemoteState | null {
  const lines = text.split('\n')
  if (!lines.includes(END)) return null
  const all = (word: string): string[] =>
    lines.flatMap(line => {
      const prefix = `lifeboat ${word} `
      return line.startsWith(prefix) ? [line.slice(prefix.length)] : []
    })
  return {
    user: all('user')[0] ?? '',
    usable: [...new Set(all('usable'))],
    denied: all('denied'),
    tools: all('tool').filter(tool => /^\/[A-Za-z0-9._/+-]+$/.test(tool)),
  }
}

/** Pure. Why no engine can be used over there. */
export function noEngine(alias: string, state: RemoteState): AppError {
  const [denied] = state.denied
  if (denied !== undefined) {
    return new HostError('docker-permission', 'docker-permission', {
      message: `${state.user} may not use Docker on ${alias} (${denied}).`,
      state: NOTHING_CHANGED,
      hint: `On ${alias}: sudo usermod -aG docker ${state.user}; or set User in ~/.ssh/config to one who may.`,
    })
  }
  const hasClient = state.tools.some(tool => tool.endsWith('/docker'))
  return hasClient
    ? new HostError('docker-missing', 'socket-missing', {
        message: `Docker is installed on ${alias}, but its engine does not run.`,
        state: NOTHING_CHANGED,
        hint: `On ${alias}: sudo systemctl start docker`,
      })
    : new HostError('docker-missing', 'docker-missing', {
        message: `There is no Docker engine on ${alias}.`,
        state: NOTHING_CHANGED,
        hint: `Install Docker on ${alias}, or name its socket: ssh://${alias}/path/to/docker.sock`,
      })
}

/** Carries bytes between its own input and output and a socket; ends each direction on its own. */
const PYTHON_BRIDGE =
  'exec("import socket,sys,os,threading' +
  '\\ns=socket.socket(socket.AF_UNIX)\\ns.connect(sys.argv[1])' +
  '\\ndef up():\\n while 1:\\n  b=os.read(0,65536)\\n  if not b: break\\n  s.sendall(b)\\n s.shutdown(1)' +
  '\\nthreading.Thread(target=up,daemon=True).start()' +
  '\\nwhile 1:\\n b=s.recv(65536)\\n if not b: break\\n while b: b=b[os.write(1,b):]' +
  '\\nos._exit(0)")'

/** Pure. Commands that carry the socket over a session, best first; ssh joins the words with spaces. */
export function bridgeCommands(state: RemoteState, socket: string): readonly (readonly string[])[] {
  if (!/^\/[A-Za-z0-9._/@+-]+$/.test(socket)) return []
  const tool = (name: string): string | undefined =>
    state.tools.find(each => each.endsWith(`/${name}`))
  const [docker, python, socat] = [tool('docker'), tool('python3'), tool('socat')]
  return [
    ...(docker === undefined ? [] : [[docker, '-H', `unix://${socket}`, 'system', 'dial-stdio']]),
    ...(python === undefined ? [] : [[python, '-c', `'${PYTHON_BRIDGE}'`, socket]]),
    ...(socat === undefined ? [] : [[socat, '-t', '86400', '-', `UNIX-CONNECT:${socket}`]]),
  ]
}
