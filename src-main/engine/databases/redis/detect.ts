import type { ContainerDefinition } from '../../hosts/host.ts'
import type { DetectedEngine } from '../database.ts'
import { imageBaseName } from '../tools/image-name.ts'

const images = /^(redis|redis-stack|redis-stack-server|valkey|valkey-bundle|redis-alpine)$/

/** A server's image also runs as a sentinel, which keeps no data, as a client, or as something that waits. */
function startsServer({ entrypoint, command }: ContainerDefinition): boolean {
  const words = [...entrypoint, ...command].join(' ')
  if (/\bsentinel\b/.test(words)) return false
  if (/\b(redis|valkey)-server\b/.test(words)) return true
  return !/\b(redis-cli|valkey-cli|crond?|sleep)\b/.test(words)
}

/** Pure: is this container a Redis or Valkey server? Both speak one protocol and write one format. */
export function detectRedis(container: ContainerDefinition): DetectedEngine | null {
  const { image, env, command } = container
  const base = imageBaseName(image)
  const official = env['REDIS_VERSION'] !== undefined || env['VALKEY_VERSION'] !== undefined
  if (!images.test(base) && !official) return null
  if (/exporter|insight|commander|sentinel|backup/.test(base)) return null
  if (!startsServer(container)) return null
  const flag = /(?:^|\n)--dir\n([^\n]+)/.exec(command.join('\n'))?.[1]
  return {
    engine: 'redis',
    dataDirectory: flag ?? (/bitnami/.test(image) ? `/bitnami/${base}/data` : '/data'),
  }
}
