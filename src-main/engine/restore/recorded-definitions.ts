import type { Readable } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { composeLabels, swarmLabels } from '../detect/compose-labels.ts'
import {
  containerDefinition,
  networkDefinition,
  volumeDefinition,
} from '../hosts/docker/definitions.ts'
import { openArtifact } from '../store/artifact-reader.ts'
import type { Manifest } from '../store/manifest.ts'
import type { RecordedDefinitions } from './facts.ts'

/** Definitions larger than this are none. */
const LIMIT = 256 * 1024 * 1024

/** Reads the definitions of containers, networks and volumes that a snapshot keeps. */
export async function readDefinitions(
  folder: string,
  snapshot: Manifest,
  signal: AbortSignal,
): Promise<RecordedDefinitions> {
  const read = async (name: string): Promise<readonly unknown[]> => {
    const record = snapshot.artifacts.find(each => each.name === `inspect/${name}.json`)
    if (record === undefined) return []
    const text = await textOf(openArtifact(folder, record, { signal }))
    const parsed: unknown = JSON.parse(text)
    if (!Array.isArray(parsed)) throw damaged(name)
    // The engine's own answer is what counts; what was made of it may be by another version of this program.
    return (parsed as readonly { readonly raw?: unknown }[]).map(each => each.raw ?? each)
  }
  const containers = (await read('containers')).map(containerDefinition)
  return {
    containers: containers.map(each => ({ ...each, service: serviceOf(each, snapshot) })),
    networks: (await read('networks')).map(networkDefinition),
    volumes: (await read('volumes')).map(volumeDefinition),
  }
}

function serviceOf(container: ReturnType<typeof containerDefinition>, { stack }: Manifest): string {
  const recorded = stack.services.find(each => each.containerName === container.name)
  return (
    recorded?.name ??
    container.labels[composeLabels.service] ??
    container.labels[swarmLabels.serviceName] ??
    container.name
  )
}

/** The plain bytes of a small artifact as text. */
export async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length
    if (bytes > LIMIT) {
      stream.destroy()
      throw damaged('definitions')
    }
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function damaged(name: string): AppError {
  return new AppError('stream-corrupt', {
    message: `The ${name} that the snapshot keeps cannot be read.`,
    state: NOTHING_CHANGED,
    hint: 'Restore another snapshot.',
  })
}
