import { randomBytes } from 'node:crypto'

/**
 * A restore loads into collections of these names, in the database itself: within one database MongoDB
 * renames in a moment, from one to another it copies. `lifeboat-ID.new.N` is the Nth collection that was
 * loaded, `lifeboat-ID.old.N` the Nth of what was there, `lifeboat-ID.plan` says which is which.
 */
const ours = /^lifeboat-[0-9a-f]{8}\./

/** True for what a restore put into a database and has not removed yet. */
export function isOurs(collection: string): boolean {
  return ours.test(collection)
}

export function newId(): string {
  return randomBytes(4).toString('hex')
}

export const planName = (id: string): string => `lifeboat-${id}.plan`
export const newName = (id: string, index: number): string => `lifeboat-${id}.new.${index}`
export const oldName = (id: string, index: number): string => `lifeboat-${id}.old.${index}`
export const usersName = (id: string): string => `lifeboat-${id}.users`
export const rolesName = (id: string): string => `lifeboat-${id}.roles`

/** The databases that every server has for itself. */
export function isSystemDatabase(name: string): boolean {
  return name === 'admin' || name === 'config' || name === 'local'
}
