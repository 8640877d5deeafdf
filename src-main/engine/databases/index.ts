import type { ContainerDefinition } from '../hosts/host.ts'
import * as all from './all.ts'
import type { DatabaseEngine } from './database.ts'

/** Every database engine that can be dumped and restored, in the order of their names. */
export const databases: readonly DatabaseEngine[] = Object.values(all)

/** The engine of the server that this container runs, or null. */
export function databaseFor(container: ContainerDefinition): DatabaseEngine | null {
  return databases.find(engine => engine.detect(container) !== null) ?? null
}

/** The engine with this id, or null: a manifest may name one that this version does not know. */
export function databaseById(id: string): DatabaseEngine | null {
  return databases.find(engine => engine.id === id) ?? null
}
