/**
 * The variables that a program on this computer needs in order to find its own files, the user's agent
 * and desktop, and to speak the user's language. All else stays out: above all `DOCKER_HOST` and its
 * kin, which would redirect a child, and whatever secrets the shell holds.
 */
const ALLOWED = new Set([
  'APPDATA',
  'COMSPEC',
  'DBUS_SESSION_BUS_ADDRESS',
  'DISPLAY',
  'HOME',
  'HOMEDRIVE',
  'HOMEPATH',
  'LANG',
  'LANGUAGE',
  'LOCALAPPDATA',
  'LOGNAME',
  'PATH',
  'PATHEXT',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'SHELL',
  'SSH_AGENT_PID',
  'SSH_AUTH_SOCK',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'TMPDIR',
  'TZ',
  'USER',
  'USERNAME',
  'USERPROFILE',
  'WAYLAND_DISPLAY',
  'WINDIR',
  'XDG_RUNTIME_DIR',
])

/** The environment of a child on this computer, made from the given one. */
export function localEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    const upper = name.toUpperCase()
    if (value !== undefined && (ALLOWED.has(upper) || upper.startsWith('LC_'))) kept[name] = value
  }
  return kept
}
