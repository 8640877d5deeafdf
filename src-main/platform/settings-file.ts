import { copyFile, mkdir, open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import { policySchema } from '../contract/contract.ts'
import type { Settings } from '../contract/reports.ts'
import type { SettingsStore } from '../engine/ports.ts'

const settingsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  repository: z.string(),
  knownRepositories: z.record(z.string(), z.string()).default({}),
  hosts: z.array(
    z.strictObject({ name: z.string(), address: z.string(), daemonId: z.string().nullable() }),
  ),
  policies: z.record(z.string(), policySchema.partial()),
})

/**
 * The settings as one JSON file. Every write is whole or not at all; a file that cannot be read is
 * copied aside under a name with the time, the defaults are used, and a warning names both files.
 */
export function settingsFile(
  file: string,
  defaultRepository: string,
  onWarning: (message: string) => void = () => undefined,
): SettingsStore {
  const warnings: string[] = []
  let queue: Promise<unknown> = Promise.resolve()
  const defaults: Settings = {
    schemaVersion: 1,
    repository: defaultRepository,
    knownRepositories: {},
    hosts: [],
    policies: {},
  }

  async function read(): Promise<Settings> {
    let content: string
    try {
      content = await readFile(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return defaults
      throw error
    }
    try {
      return settingsSchema.parse(JSON.parse(content)) as Settings
    } catch {
      const aside = `${file}.unreadable-${new Date().toISOString().replaceAll(/[:.]/g, '')}`
      await copyFile(file, aside)
      const warning = `The settings in ${file} could not be read. They were copied to ${aside}; defaults are in use.`
      warnings.push(warning)
      onWarning(warning)
      await write(defaults)
      return defaults
    }
  }

  async function write(settings: Settings): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    const temporary = `${file}.${String(process.pid)}.new`
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(`${JSON.stringify(settings, null, 2)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  }

  return {
    read,
    update(change) {
      const result = queue.then(async () => {
        const changed = change(await read())
        await write(changed)
        return changed
      })
      queue = result.catch(() => undefined)
      return result
    },
    warnings: () => warnings,
  }
}
