import { createHash } from 'node:crypto'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { VolumeArchive } from './volume-archive.ts'

const LOSSES =
  'Read through the engine, because no image on the host has a tar: sparse files were stored full and times cut to whole seconds, extended attributes and ACLs were not kept, and a file that the engine could not read would be missing without notice.'

/**
 * Packs a mount through the engine's own archive call, for hosts on which no image has a tar. The engine
 * proves nothing, so the data is read twice, and the first reading's hash is the proof of the second.
 */
export async function archiveByEngine(input: {
  readonly host: DockerHost
  /** A container that has the mount, and where. */
  readonly containerId: string
  readonly target: string
  readonly isFile: boolean
  readonly leaveOut: readonly string[]
  readonly signal: AbortSignal
}): Promise<VolumeArchive> {
  const { host, containerId, signal } = input
  if (input.leaveOut.length > 0) {
    throw new AppError('not-supported', {
      message: `Without a tar in any image on the host nothing can be left out of the copy of ${input.target}.`,
      state: NOTHING_CHANGED,
      hint: 'Put an image with GNU tar on the host, for instance: docker pull debian:stable-slim',
    })
  }
  const path = input.isFile ? input.target : `${input.target.replace(/\/+$/, '')}/.`
  const hash = createHash('sha256')
  let bytes = 0
  const first = await host.readArchive(containerId, path, signal)
  for await (const chunk of first as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  const stream = await host.readArchive(containerId, path, signal)
  return {
    stream,
    encoding: 'none',
    proof: Promise.resolve({
      exitCode: 0,
      streamBytes: bytes,
      streamSha256: hash.digest('hex'),
      stderr: '',
      warnings: [LOSSES],
      unsteadyFiles: 0,
    }),
    abort() {
      stream.destroy()
      return Promise.resolve()
    },
  }
}
