import { randomBytes } from 'node:crypto'
import type { Duplex, Readable, Writable } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import { helperOwner } from '../helper-owner.ts'
import type { HelperSpec } from '../host.ts'
import type { ApiClient } from './api-client.ts'
import { forceRemove } from './containers.ts'
import { inputOf } from './input.ts'
import { findImage } from './objects.ts'
import { outputOf } from './output.ts'

/** Label on every container that Lifeboat starts; its value is the purpose. */
export const HELPER_LABEL = 'io.lifeboat.helper'
/** Label with the process that started it, see helper-owner.ts. */
export const OWNER_LABEL = 'io.lifeboat.owner'

const PROJECT_LABEL = 'com.docker.compose.project'
const MEMORY_BYTES = 2 * 1024 ** 3
/** `zstd -T0` makes a thread per core, and a thread counts as a process here. */
const MAX_PROCESSES = 1024

/** The body of the create call for a helper: as little power as its work needs. */
export function helperBody(
  spec: HelperSpec,
  imageVolumes: readonly string[],
  hasComposeLabel: boolean,
): Record<string, unknown> {
  const targets = new Set(spec.mounts.map(mount => mount.target))
  return {
    Image: spec.image,
    // The image's own entrypoint would start a database or change owners.
    Entrypoint: spec.argv.slice(0, 1),
    Cmd: spec.argv.slice(1),
    Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
    User: spec.user ?? '0:0',
    WorkingDir: '/',
    Tty: false,
    OpenStdin: spec.openStdin ?? false,
    StdinOnce: spec.openStdin ?? false,
    AttachStdin: spec.openStdin ?? false,
    AttachStdout: false,
    AttachStderr: false,
    NetworkDisabled: true,
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      // An image built by Compose carries its project: the helper must not join that stack.
      ...(hasComposeLabel ? { [PROJECT_LABEL]: '' } : {}),
      ...spec.labels,
      [HELPER_LABEL]: spec.purpose,
      [OWNER_LABEL]: helperOwner(),
    },
    HostConfig: {
      // With the default log driver every byte of output would be written to the host's disk.
      LogConfig: { Type: 'none', Config: {} },
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: spec.capabilities ?? [],
      // SELinux would hide volumes that carry another container's label.
      SecurityOpt: ['no-new-privileges', 'label=disable'],
      ReadonlyRootfs: true,
      AutoRemove: true,
      PidsLimit: MAX_PROCESSES,
      Memory: MEMORY_BYTES,
      // When the host runs out of memory, the helper goes before any service of the user.
      OomScoreAdj: 500,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,mode=1777,size=64m' },
      Mounts: [
        ...spec.mounts.map(mount => ({
          Type: mount.type,
          Source: mount.source,
          Target: mount.target,
          ReadOnly: mount.readOnly,
          ...(mount.type === 'volume' ? { VolumeOptions: { NoCopy: true } } : {}),
        })),
        // Else the engine would make an anonymous volume for each path that the image declares.
        ...imageVolumes
          .filter(target => !targets.has(target))
          .map(target => ({
            Type: 'tmpfs',
            Target: target,
            TmpfsOptions: { SizeBytes: 1024 * 1024 },
          })),
      ],
    },
  }
}

/** Creates and starts a helper; returns its id. Nothing stays behind when the start fails. */
export async function startHelper(api: ApiClient, spec: HelperSpec): Promise<string> {
  const image = await findImage(api, spec.image)
  if (image === null) throw imageMissing(spec.image)
  const labels = (image.raw as { Config?: { Labels?: Record<string, string> | null } | null })
    .Config?.Labels
  const { Id: id } = await api.json<{ readonly Id: string }>({
    method: 'POST',
    path: '/containers/create',
    // So that a person who sees it knows whose it is.
    query: { name: `lifeboat-${spec.purpose}-${randomBytes(4).toString('hex')}` },
    body: helperBody(spec, image.volumes, labels?.[PROJECT_LABEL] !== undefined),
  })
  try {
    await api.request({ method: 'POST', path: `/containers/${id}/start`, timeoutMs: 120_000 })
  } catch (error) {
    await forceRemove(api, id).catch(() => undefined)
    throw error
  }
  return id
}

/**
 * The input and output of a helper that was started with `openStdin`. When our end goes, the helper's
 * input ends. What it printed before this call is lost.
 */
export async function attach(
  api: ApiClient,
  id: string,
): Promise<{ readonly stdin: Writable; readonly stdout: Readable }> {
  const raw = await api.hijack({
    path: `/containers/${encodeURIComponent(id)}/attach`,
    query: { stream: true, stdin: true, stdout: true },
  })
  const stdin = inputOf(raw.connection)
  const { stdout } = outputOf(raw, api.endpoint, () => undefined)
  stdout.once('close', () => stdin.destroy())
  // Once we have said our last word, waiting for the helper's end must not keep this process alive.
  stdin.once('finish', () => unref(raw.connection))
  return { stdin, stdout }
}

/** The input alone; output is thrown away. */
export async function attachStdin(api: ApiClient, id: string): Promise<Writable> {
  const raw = await api.hijack({
    path: `/containers/${encodeURIComponent(id)}/attach`,
    query: { stream: true, stdin: true },
  })
  const stdin = inputOf(raw.connection)
  outputOf(raw, api.endpoint, () => undefined)
    .stdout.on('close', () => stdin.destroy())
    .resume()
  unref(raw.connection)
  return stdin
}

function unref(connection: Duplex & { readonly unref?: () => unknown }): void {
  connection.unref?.()
}

function imageMissing(image: string): AppError {
  return new AppError('no-helper-image', {
    message: `The image ${image} is not on the host.`,
    state: NOTHING_CHANGED,
    hint: `Put it there first: docker pull ${image}, or docker save on another host and docker load here.`,
  })
}
