/** Debian packages that the machine itself needs, by the group of tests that needs them. */
export const hostPackages = {
  docker: ['iproute2', 'iptables', 'mmdebstrap'],
  images: ['mmdebstrap'],
  tools: [
    'acl',
    'age',
    'attr',
    'gnupg',
    'openssl',
    'procps',
    'python3',
    'rclone',
    'restic',
    'sqlite3',
    'xz-utils',
    'zstd',
  ],
  browser: ['chromium', 'fonts-dejavu-core'],
  electron: [
    'fonts-dejavu-core',
    'libasound2',
    'libatk-bridge2.0-0',
    'libatk1.0-0',
    'libcups2',
    'libdrm2',
    'libgbm1',
    'libgtk-3-0',
    'libnss3',
    'libxss1',
    'xauth',
    'xvfb',
  ],
  ssh: ['iproute2', 'openssh-client'],
} as const satisfies Record<string, readonly string[]>

export type HostGroup = keyof typeof hostPackages

// Renamed in the move to 64-bit time; the old name is a virtual package on newer releases.
const renamed = ['libasound2', 'libatk-bridge2.0-0', 'libatk1.0-0', 'libcups2', 'libgtk-3-0']

/** The group's packages under the names that this release gives them. */
export function packagesFor(group: HostGroup, codename: string): readonly string[] {
  const before64BitTime = ['bullseye', 'bookworm', 'focal', 'jammy'].includes(codename)
  return hostPackages[group].map(name =>
    renamed.includes(name) && !before64BitTime ? `${name}t64` : name,
  )
}

/** Programs that tests look for, listed in the summary with the path they were found at. */
export const hostPrograms = [
  'age',
  'chromium',
  'getfattr',
  'gpg',
  'ip',
  'openssl',
  'pg_dump',
  'pg_restore',
  'psql',
  'python3',
  'rclone',
  'restic',
  'setfacl',
  'sqlite3',
  'ssh',
  'ssh-agent',
  'tar',
  'xvfb-run',
  'zstd',
] as const
