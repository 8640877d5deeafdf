import { isWithin } from './mounts.ts'

interface SystemRule {
  readonly folders: readonly string[]
  /** `exact`: the path itself only; `below`: also everything in it. */
  readonly reach: 'exact' | 'below'
  /** Left out only when no container can write to it: the same path may hold data otherwise. */
  readonly readOnly: boolean
  readonly reason: string
}

const rules: readonly SystemRule[] = [
  {
    folders: ['/proc', '/sys', '/dev', '/run', '/var/run'],
    reach: 'below',
    readOnly: false,
    reason: 'run-time state of the host, made anew at every start',
  },
  {
    folders: ['/lib/modules', '/usr/src', '/boot', '/usr/share/zoneinfo', '/usr/lib/modules'],
    reach: 'below',
    readOnly: false,
    reason: "part of the host's operating system",
  },
  {
    folders: [
      ...['/etc/localtime', '/etc/timezone', '/etc/passwd', '/etc/group', '/etc/shadow'],
      ...['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/etc/os-release', '/etc/machine-id'],
      ...['/etc/ssl/certs', '/etc/ca-certificates', '/etc/pki', '/etc/subuid', '/etc/subgid'],
      ...['/usr/lib/os-release', '/var/lib/dbus/machine-id', '/etc/nsswitch.conf'],
    ],
    reach: 'below',
    readOnly: false,
    reason: "a setting of the host's operating system",
  },
  {
    folders: ['/etc', '/usr', '/lib', '/lib64', '/bin', '/sbin', '/var'],
    reach: 'exact',
    readOnly: true,
    reason: "part of the host's operating system, only read by this stack",
  },
  {
    folders: ['/usr', '/lib', '/lib64', '/bin', '/sbin', '/var/lib/apt', '/var/lib/dpkg'],
    reach: 'below',
    readOnly: true,
    reason: "part of the host's operating system, only read by this stack",
  },
  {
    folders: [
      ...['/var/lib/docker', '/var/lib/containerd', '/var/lib/containers', '/var/lib/kubelet'],
      ...['/etc/docker', '/root/.docker'],
    ],
    reach: 'below',
    readOnly: false,
    reason:
      "the container engine's own storage; what stacks keep in it is backed up stack by stack",
  },
  {
    folders: ['/var/log'],
    reach: 'exact',
    readOnly: false,
    reason: "the host's own logs",
  },
  {
    folders: ['/var/log'],
    reach: 'below',
    readOnly: true,
    reason: "the host's logs, only read by this stack",
  },
  {
    folders: ['/tmp', '/var/tmp', '/tmp/.X11-unix', '/tmp/.docker.xauth'],
    reach: 'exact',
    readOnly: false,
    reason: 'temporary files of the host',
  },
]

/** A bind that is a door to another program and no data, judged by its name. */
export function isSocketPath(path: string): boolean {
  return /\.sock(?:et)?$/.test(path) || /^\\\\\.\\pipe\\/.test(path) || path.startsWith('//./pipe/')
}

/**
 * Why a bind is no data of the stack but part of the host, in words; null when it may be data.
 * Folders of a virtual machine's host (`/host_mnt/…`) are judged by what follows.
 */
export function systemBindReason(source: string, readOnly: boolean): string | null {
  if (isSocketPath(source)) return 'a socket: a door to another program, not data'
  const path = source.replace(/^\/(?:host_mnt|run\/desktop\/mnt\/host)(?=\/)/, '')
  // Below /run lie the folders that Docker Desktop and desktop systems mount drives to.
  if (/^\/run\/(?:media|desktop|user\/\d+\/gvfs)\//.test(path)) return null
  const rule = rules.find(
    each =>
      (!each.readOnly || readOnly) &&
      each.folders.some(folder =>
        each.reach === 'exact' ? path === folder : isWithin(path, folder),
      ),
  )
  return rule?.reason ?? null
}

/** Folders that hold more than one stack's data: taken, but the user should know. */
export function isWideBind(source: string): boolean {
  const wide = ['/home', '/root', '/opt', '/srv', '/mnt', '/media', '/var', '/etc', '/usr']
  return wide.includes(source.replace(/\/+$/, '')) || /^\/Users$|^[A-Z]:\\$/.test(source)
}
