import type { ContainerDefinition } from '../../hosts/host.ts'
import type { DetectedEngine } from '../database.ts'
import { imageBaseName } from '../tools/image-name.ts'

/** Last part of an image's name → a MongoDB server. */
const images =
  /^(mongo|mongodb|mongodb-community-server|mongodb-enterprise-server|percona-server-mongodb|mongodb-atlas-local)$/

/** A server's image also serves as a client: one that sets up a replica set, or dumps at night. */
function startsServer({ entrypoint, command }: ContainerDefinition): boolean {
  const words = [...entrypoint, ...command].join(' ')
  if (/\bmongod\b/.test(words)) return true
  if (/\b(mongodump|mongorestore|mongosh|mongo|mongos|crond?|sleep)\b/.test(words)) return false
  const [first] = command
  return (
    first === undefined ||
    first.startsWith('-') ||
    /(run|start|entrypoint|init)[\w.-]*$/.test(first)
  )
}

function dataDirectory({ command }: ContainerDefinition, bitnami: boolean): string {
  const at = command.indexOf('--dbpath')
  const given =
    (at === -1 ? undefined : command[at + 1]) ??
    command.map(word => /^--dbpath=(.+)$/.exec(word)?.[1]).find(each => each !== undefined)
  return given ?? (bitnami ? '/bitnami/mongodb/data/db' : '/data/db')
}

/** Pure: is this container a MongoDB server, and what does its definition say about it? */
export function detectMongodb(container: ContainerDefinition): DetectedEngine | null {
  const { image, env } = container
  const base = imageBaseName(image)
  const official = env['MONGO_MAJOR'] !== undefined && env['MONGO_VERSION'] !== undefined
  if (!images.test(base) && !official) return null
  if (/backup|dump|exporter|express|compass/.test(base)) return null
  if (!startsServer(container)) return null
  const bitnami = /(^|\/)bitnami(legacy|secure)?\/mongodb/.test(image)
  const user =
    env['MONGO_INITDB_ROOT_USERNAME'] ??
    env['MONGODB_INITDB_ROOT_USERNAME'] ??
    env['MONGODB_ROOT_USER'] ??
    (bitnami && env['MONGODB_ROOT_PASSWORD'] !== undefined ? 'root' : undefined)
  const database = env['MONGO_INITDB_DATABASE'] ?? env['MONGODB_DATABASE']
  return {
    engine: 'mongodb',
    dataDirectory: dataDirectory(container, bitnami),
    ...(user === undefined ? {} : { user }),
    ...(database === undefined || database === '' ? {} : { databases: [database] }),
  }
}
