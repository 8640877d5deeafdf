import type { ApiClient } from './api-client.ts'
import { forceRemove } from './containers.ts'
import { helperBody } from './helper-containers.ts'
import { listImages } from './objects.ts'

/** Images that are tried for a shell before giving up. */
const ATTEMPTS = 6

/**
 * Ends the processes of a container that has no shell of its own: runs the same script in a helper that
 * shares the container's processes, from whatever image on the host has a shell.
 */
export async function killFromOutside(
  api: ApiClient,
  containerId: string,
  argv: readonly string[],
): Promise<void> {
  const images = await listImages(api)
  for (const image of images.slice(0, ATTEMPTS)) {
    const body = helperBody(
      { purpose: 'read', image: image.id, argv, mounts: [] },
      image.volumes,
      false,
    )
    const answer = await api.json<{ readonly Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: {
        ...body,
        HostConfig: {
          ...(body['HostConfig'] as object),
          PidMode: `container:${containerId}`,
          // To read the mark of another user's processes, and to end them.
          CapAdd: ['KILL', 'SYS_PTRACE', 'DAC_READ_SEARCH'],
          AutoRemove: false,
        },
      },
    })
    try {
      if (await runToEnd(api, answer.Id)) return
    } finally {
      await forceRemove(api, answer.Id)
    }
  }
}

/** False when the image has no such program. */
async function runToEnd(api: ApiClient, id: string): Promise<boolean> {
  const started = await api.request({
    method: 'POST',
    path: `/containers/${id}/start`,
    accept: [400, 404, 500],
  })
  if (started.status >= 400) return false
  await api.request({ method: 'POST', path: `/containers/${id}/wait`, timeoutMs: 30_000 })
  return true
}
