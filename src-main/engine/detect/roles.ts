import type { DetectedEngine } from '../databases/database.ts'
import { databaseFor } from '../databases/index.ts'
import { type BackupTool, backupToolOf } from './backup-tools.ts'
import type { ServiceContainer } from './facts.ts'
import { type Store, storeOf } from './stores.ts'

/** What a container is, judged by its definition alone; at most one of the three. */
export interface ContainerRole {
  /** A database server with a dump driver. */
  readonly database: DetectedEngine | null
  /** A program whose data is copied while it is stopped. */
  readonly store: Store | null
  /** Another program that makes backups. */
  readonly tool: BackupTool | null
}

/** Judges a container. Backup programs come first: many are built on a database's image and mount its data. */
export function roleOf(container: ServiceContainer): ContainerRole {
  const tool = backupToolOf(container)
  if (tool !== null) return { database: null, store: null, tool }
  const database = databaseFor(container)?.detect(container) ?? null
  return { database, store: database === null ? storeOf(container) : null, tool: null }
}
