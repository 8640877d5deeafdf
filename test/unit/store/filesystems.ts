import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { afterAll } from 'vitest'

import { temporaryFolder } from './support.ts'

/** Real small file systems need root and loop devices. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0

const mounted: string[] = []

function run(command: string, ...argv: readonly string[]): void {
  execFileSync(command, argv, { stdio: ['ignore', 'ignore', 'inherit'] })
}

export function unmount(folder: string): void {
  const at = mounted.indexOf(folder)
  if (at === -1) return
  mounted.splice(at, 1)
  run('umount', folder)
}

// The support file removes folders after its tests; what is mounted in them goes before.
afterAll(() => {
  for (const folder of [...mounted].reverse()) unmount(folder)
})

function mount(argv: readonly string[], name: string): string {
  const folder = path.join(temporaryFolder(), name)
  mkdirSync(folder)
  run('mount', ...argv, folder)
  mounted.push(folder)
  return folder
}

/** A file system in memory that is full after so many bytes. */
export function tmpfs(bytes: number): string {
  return mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs'], 'disk')
}

/** Makes an ext4 image of this size, which takes only what is written to it. */
export function ext4Image(folder: string, bytes: number): string {
  const image = path.join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, bytes)
  run('mkfs.ext4', '-q', '-E', 'lazy_itable_init=1,nodiscard', image)
  return image
}

export function mountImage(image: string): string {
  return mount(['-o', 'loop', image], 'disk')
}

export function remount(folder: string, option: 'ro' | 'rw'): void {
  run('mount', '-o', `remount,${option}`, folder)
}

/** Makes every further operation on the file system fail, as when a disk is pulled. */
export function pull(folder: string): void {
  const script =
    'my $how = pack("L", 2); open(F, "<", $ARGV[0]) or die $!; ioctl(F, 0x8004587d, $how) or die $!'
  run('perl', '-e', script, folder)
}
