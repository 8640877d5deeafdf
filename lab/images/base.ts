import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { labPaths } from '../lib/paths.ts'
import { hashOf } from '../lib/recipe.ts'
import type { Report } from '../lib/report.ts'
import { run } from '../lib/run.ts'
import { ensurePackages } from '../lib/system.ts'

const suite = 'trixie'

// One rich root file system for all images: bootstrapping ten small ones would take ten times as long.
const packages = [
  'acl',
  'age',
  'attr',
  'busybox-static',
  'ca-certificates',
  'curl',
  'docker-cli',
  'iproute2',
  'iptables',
  'libcurl4t64',
  'locales',
  'mariadb-server',
  'netcat-openbsd',
  'openssh-client',
  'openssh-server',
  'perl',
  'postgresql-17',
  'procps',
  'python3',
  'redis-server',
  'sqlite3',
  'tar',
  'valkey-server',
  'valkey-tools',
  'zstd',
]

// Not needed by any test, and a third of the size: the compiler behind Postgres' JIT, Aria and MyISAM tools.
const unwanted = [
  'usr/lib/*/libLLVM*',
  'usr/lib/*/libz3.so*',
  'usr/lib/postgresql/17/lib/bitcode',
  'usr/lib/postgresql/17/lib/llvmjit*',
  'usr/bin/aria_*',
  'usr/bin/myisam*',
  'usr/bin/mariadb-slap',
  'usr/bin/mariadb-binlog',
  'var/lib/mysql/*',
  'var/lib/apt/lists/*',
  'var/cache/apt/*.bin',
  'var/cache/apt/archives/*.deb',
  'etc/ssh/ssh_host_*',
]

// The official database images use 999; whatever Debian gave that number to makes room.
const freeId = [
  'group=$(getent group 999 | cut -d: -f1); [ -z "$group" ] || groupmod --gid 899 "$group"',
  'user=$(getent passwd 999 | cut -d: -f1); [ -z "$user" ] || usermod --uid 899 "$user"',
].join('; ')

const hooks = [
  // Before Postgres is set up: its package would otherwise make a cluster of its own.
  '--essential-hook=mkdir -p "$1/etc/postgresql-common"',
  '--essential-hook=echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"',
  '--customize-hook=chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8',
  `--customize-hook=chroot "$1" sh -c '${freeId}'`,
  ...unwanted.map(path => `--customize-hook=rm -rf "$1"/${path}`),
]

const options = [
  '--variant=minbase',
  '--components=main',
  '--aptopt=Acquire::Languages "none"',
  '--aptopt=APT::Install-Recommends "false"',
  '--dpkgopt=path-exclude=/usr/share/man/*',
  '--dpkgopt=path-exclude=/usr/share/doc/*',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
  '--dpkgopt=force-unsafe-io',
  `--include=${packages.join(',')}`,
  ...hooks,
]

/** Identifies the base; every image built on it has this in its own hash. */
export const baseHash = hashOf('2', suite, ...options)

/** Where to get Debian's packages: `LIFEBOAT_LAB_MIRROR`, or mmdebstrap's own default. */
export function mirrorArguments(): readonly string[] {
  const mirror = process.env['LIFEBOAT_LAB_MIRROR']
  return mirror ? [mirror] : []
}

/** The base's root file system as a tar in the cache, bootstrapped when it is not there yet. */
export async function ensureBaseArchive(report: Report): Promise<string> {
  const folder = labPaths().images
  const archive = join(folder, `base-${baseHash}.tar`)
  const there = await stat(archive).then(
    () => true,
    () => false,
  )
  if (there) return archive
  await ensurePackages(['mmdebstrap'], report)
  report.say(`bootstrapping the base image from Debian ${suite} (about a minute)`)
  await mkdir(folder, { recursive: true })
  const partial = `${archive}.partial.tar`
  await run(['mmdebstrap', '--quiet', ...options, suite, partial, ...mirrorArguments()])
  await rename(partial, archive)
  for (const name of await readdir(folder)) {
    if (name.startsWith('base-') && name !== `base-${baseHash}.tar`) await rm(join(folder, name))
  }
  return archive
}
