import type { HostSummary } from '../../contract/model.ts'
import { ApiClient } from './docker/api-client.ts'
import * as containers from './docker/containers.ts'
import { containerPlace } from './docker/exec.ts'
import * as helpers from './docker/helper-containers.ts'
import { killFromOutside } from './docker/kill-from-outside.ts'
import * as objects from './docker/objects.ts'
import * as recreate from './docker/recreate.ts'
import type { Transport } from './docker/transport.ts'
import type { DockerHost } from './host.ts'

/**
 * A Docker host over any transport. Nothing is asked yet: the first call that fails tells the layer.
 * Close it when done; the transport goes with it.
 */
export function dockerHost(transport: Transport, summary: HostSummary): DockerHost {
  return dockerHostOf(new ApiClient(transport), summary)
}

/** The same over a client that was used already. */
export function dockerHostOf(api: ApiClient, summary: HostSummary): DockerHost {
  return {
    kind: 'docker',
    summary,
    daemon: () => objects.daemonInfo(api),
    containers: () => containers.listContainers(api),
    container: id => containers.inspectContainer(api, id),
    volumes: () => objects.listVolumes(api),
    volume: name => objects.findVolume(api, name),
    networks: () => objects.listNetworks(api),
    images: () => objects.listImages(api),
    image: id => objects.findImage(api, id),
    readArchive: (id, path, signal) =>
      api.stream({
        path: `/containers/${encodeURIComponent(id)}/archive`,
        query: { path },
        signal,
      }),
    changes: id => containers.containerChanges(api, id),
    inContainer: id =>
      containerPlace(api, id, `container ${id.slice(0, 12)}`, (containerId, argv) =>
        killFromOutside(api, containerId, argv),
      ),
    start: id => containers.startContainer(api, id),
    stop: (id, graceMs) => containers.stopContainer(api, id, graceMs),
    pause: id => containers.pauseContainer(api, id),
    unpause: id => containers.unpauseContainer(api, id),
    startHelper: spec => helpers.startHelper(api, spec),
    attachStdin: id => helpers.attachStdin(api, id),
    attach: id => helpers.attach(api, id),
    removeHelper: id => containers.forceRemove(api, id),
    helpers: () => containers.listContainers(api, helpers.HELPER_LABEL),
    createVolume: spec => objects.createVolume(api, spec),
    removeVolume: name => objects.removeVolume(api, name),
    createNetwork: raw => recreate.createNetwork(api, raw),
    removeNetwork: id => objects.removeNetwork(api, id),
    createContainer: (raw, name) => recreate.createContainer(api, raw, name),
    removeContainer: id => containers.forceRemove(api, id),
    close: () => api.close(),
  }
}
