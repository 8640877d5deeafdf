import { stat } from 'node:fs/promises'
import path from 'node:path'

/** A place where an engine's socket may be. */
export interface SocketCandidate {
  readonly address: string
  readonly path: string
  /** Whose it is, for people. */
  readonly label: string
}

/** Pure. Where Docker listens by default on a platform. */
export function platformDefault(platform: NodeJS.Platform): string {
  return platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock'
}

/** Pure. The usual places of engines' sockets, most likely first (rule D5). */
export function socketCandidates(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  homeDirectory: string,
): readonly SocketCandidate[] {
  if (platform === 'win32') {
    return [
      ['docker_engine', 'Docker'],
      ['dockerDesktopLinuxEngine', 'Docker Desktop'],
      ['podman-machine-default', 'Podman'],
    ].map(([name = '', label = '']) => ({
      address: `npipe:////./pipe/${name}`,
      path: `\\\\.\\pipe\\${name}`,
      label,
    }))
  }
  const runtime = env['XDG_RUNTIME_DIR']
  const home = (...parts: string[]): string => path.posix.join(homeDirectory, ...parts)
  const places: [string, string][] = [
    ['/var/run/docker.sock', 'Docker'],
    ...(runtime === undefined || runtime === ''
      ? []
      : ([[path.posix.join(runtime, 'docker.sock'), 'Docker, rootless']] as [string, string][])),
    [home('.docker', 'desktop', 'docker.sock'), 'Docker Desktop'],
    [home('.docker', 'run', 'docker.sock'), 'Docker Desktop'],
    [home('.colima', 'default', 'docker.sock'), 'Colima'],
    [home('.colima', 'docker.sock'), 'Colima'],
    [home('.orbstack', 'run', 'docker.sock'), 'OrbStack'],
    [home('.rd', 'docker.sock'), 'Rancher Desktop'],
    ...(runtime === undefined || runtime === ''
      ? []
      : ([[path.posix.join(runtime, 'podman', 'podman.sock'), 'Podman']] as [string, string][])),
    [home('.local', 'share', 'containers', 'podman', 'machine', 'podman.sock'), 'Podman'],
    ['/run/podman/podman.sock', 'Podman'],
  ]
  return places.map(([socket, label]) => ({ address: `unix://${socket}`, path: socket, label }))
}

/** Those candidates that are there. A link and what it leads to count once. */
export async function existingSockets(
  candidates: readonly SocketCandidate[],
): Promise<readonly SocketCandidate[]> {
  const seen = new Set<string>()
  const found: SocketCandidate[] = []
  for (const candidate of candidates) {
    const info = await stat(candidate.path).catch(() => null)
    if (info === null || info.isDirectory()) continue
    const identity = info.ino === 0 ? candidate.path : `${info.dev}:${info.ino}`
    if (seen.has(identity)) continue
    seen.add(identity)
    found.push(candidate)
  }
  return found
}
