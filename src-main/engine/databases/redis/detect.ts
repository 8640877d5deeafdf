import type { ContainerDefinition } from '../../hosts/host.ts'
import type { DetectedEngine } from '../database.ts'
import { imageBaseName } from '../tools/image-name.ts'

const images = /^(redis|redis-stack|redis-stack-server|valkey|valkey-bundle|keydb|redis-alpine)$/

/** Pure: is this container a Redis or Valkey server? Both speak one protocol and write one format. */
export function detectRedis(container: ContainerDefinition): DetectedEngine | null {
  const { image, env, command, entrypoint } = container
  const base = imageBaseName(image)
  const official = env['REDIS_VERSION'] !== undefined || env['VALKEY_VERSION'] !== undefined
  if (!images.test(base) && !official) return null
  if (/exporter|insight|commander|sentinel|backup/.test(base)) return null
  const words = [...entrypoint, ...command].join(' ')
  if (
    /\b(redis-sentinel|valkey-sentinel|--sentinel|redis-cli|valkey-cli|crond?|sleep)\b/.test(words)
  ) {
    if (!/\b(redis|valkey)-server\b/.test(words) || /sentinel/.test(words)) return null
  }
  const flag = /(?:^|\n)--dir\n([^\n]+)/.exec(command.join('\n'))?.[1]
  return {
    engine: 'redis',
    dataDirectory: flag ?? (/bitnami/.test(image) ? `/bitnami/${base}/data` : '/data'),
  }
}
