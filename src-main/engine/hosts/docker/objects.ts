import type { DaemonInfo } from '../../../contract/model.ts'
import type { DockerHost, ImageDefinition, NetworkDefinition, VolumeDefinition } from '../host.ts'
import type { ApiClient } from './api-client.ts'
import { mapSome } from './containers.ts'
import { imageDefinition, networkDefinition, volumeDefinition } from './definitions.ts'

/** Who the engine is, asked anew. */
export async function daemonInfo(api: ApiClient): Promise<DaemonInfo> {
  const info = await api.json<{
    readonly ID?: string
    readonly Name?: string
    readonly ServerVersion?: string
    readonly OperatingSystem?: string
    readonly Architecture?: string
    readonly NCPU?: number
    readonly SystemTime?: string
  }>({ method: 'GET', path: '/info', timeoutMs: 30_000 })
  const time = new Date(info.SystemTime ?? Number.NaN)
  return {
    id: info.ID ?? '',
    name: info.Name ?? '',
    version: info.ServerVersion ?? '',
    apiVersion: await api.version(),
    operatingSystem: info.OperatingSystem ?? '',
    architecture: info.Architecture ?? '',
    cpus: info.NCPU ?? 0,
    time: Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString(),
  }
}

export async function listVolumes(api: ApiClient): Promise<readonly VolumeDefinition[]> {
  const answer = await api.json<{ readonly Volumes?: readonly unknown[] | null }>({
    method: 'GET',
    path: '/volumes',
  })
  return (answer.Volumes ?? []).map(volumeDefinition)
}

/** Null when there is none. */
export async function findVolume(api: ApiClient, name: string): Promise<VolumeDefinition | null> {
  const answer = await api.request({
    method: 'GET',
    path: `/volumes/${encodeURIComponent(name)}`,
    accept: [404],
  })
  return answer.status === 404 ? null : volumeDefinition(answer.body)
}

export async function createVolume(
  api: ApiClient,
  spec: Parameters<DockerHost['createVolume']>[0],
): Promise<void> {
  await api.request({
    method: 'POST',
    path: '/volumes/create',
    body: {
      Name: spec.name,
      Driver: spec.driver ?? 'local',
      DriverOpts: spec.options ?? {},
      Labels: spec.labels,
    },
  })
}

/** Quiet when it is gone; refused by the engine while a container uses it. */
export async function removeVolume(api: ApiClient, name: string): Promise<void> {
  await api.request({
    method: 'DELETE',
    path: `/volumes/${encodeURIComponent(name)}`,
    accept: [404],
  })
}

export async function listNetworks(api: ApiClient): Promise<readonly NetworkDefinition[]> {
  const list = await api.json<readonly unknown[]>({ method: 'GET', path: '/networks' })
  return list.map(networkDefinition)
}

/** Quiet when it is gone; refused by the engine while a container is joined to it. */
export async function removeNetwork(api: ApiClient, id: string): Promise<void> {
  await api.request({
    method: 'DELETE',
    path: `/networks/${encodeURIComponent(id)}`,
    accept: [404],
  })
}

export async function listImages(api: ApiClient): Promise<readonly ImageDefinition[]> {
  const list = await api.json<readonly { readonly Id: string }[]>({
    method: 'GET',
    path: '/images/json',
  })
  const images = await mapSome(list, ({ Id }) => findImage(api, Id))
  return images.filter(image => image !== null)
}

/** By id or tag; null when the host does not have it. Never pulls. */
export async function findImage(api: ApiClient, id: string): Promise<ImageDefinition | null> {
  const answer = await api.request({
    method: 'GET',
    path: `/images/${id.split('/').map(encodeURIComponent).join('/')}/json`,
    accept: [404],
  })
  return answer.status === 404 ? null : imageDefinition(answer.body)
}
