import { existsSync } from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'

import { AppError } from '../../contract/errors.ts'
import { localTools } from '../capture/local-tools.ts'
import type { Helper, HelperMount } from '../hosts/helper.ts'
import type { DockerHost, Host } from '../hosts/host.ts'
import type { HelperOptions } from '../hosts/open-helper.ts'
import { openHelper } from '../hosts/open-helper.ts'
import { thisComputer } from '../lib/run-local.ts'
import { makeHostFolder, missingFolders, removeHostFolders } from './host-folders.ts'
import type { TreePlace } from './tree/tree-place.ts'

const UNTOUCHED = 'The live data was not touched.'

/** The places where trees are replaced: one helper for each mount, which mounts just that. */
export interface TreePlaces {
  /** Opens the place of a mount; the same one again for the same mount. Rejects with `path-missing`, `volume-missing`. */
  open(mount: HelperMount): Promise<TreePlace>
  /** Makes a folder that is gone; `remember` is awaited before, with all that will be made, outermost first. */
  make(folder: string, remember: (made: readonly string[]) => Promise<void>): Promise<void>
  /** Removes folders that were made, as far as they are empty; outermost first. */
  remove(folders: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** Takes no signal: a way back must not be stopped by what made it necessary. Opening is a matter of a second. */
export function treePlaces(host: Host, options: Omit<HelperOptions, 'signal'>): TreePlaces {
  return host.kind === 'folder' ? localPlaces() : helperPlaces(host, options)
}

function localPlaces(): TreePlaces {
  return {
    async open(mount) {
      if (!existsSync(mount.source)) throw missing(mount, 'it is not there')
      const tools = await localTools()
      if (!tools.shell || tools.tar === null) {
        throw new AppError('tool-missing', {
          message: 'A restore needs sh and tar on this computer.',
          state: UNTOUCHED,
          hint: 'Install them, or unpack the archives by hand as RESTORE.md says.',
        })
      }
      return {
        place: thisComputer,
        tools,
        mount: mount.source,
        keepsOwners: process.getuid?.() === 0,
      }
    },
    async make(folder, remember) {
      const made = missingFolders(folder, existsSync)
      await remember(made)
      await mkdir(folder, { recursive: true })
    },
    async remove(folders) {
      for (const folder of folders.toReversed()) await rmdir(folder).catch(() => undefined)
    },
    close: () => Promise.resolve(),
  }
}

function helperPlaces(host: DockerHost, options: HelperOptions): TreePlaces {
  const helpers = new Map<string, Promise<Helper>>()
  return {
    async open(mount) {
      const known = helpers.get(mount.mount)
      const opening = known ?? openHelper(host, [{ ...mount, readOnly: false }], 'write', options)
      if (known === undefined) {
        helpers.set(mount.mount, opening)
        opening.catch(() => helpers.delete(mount.mount))
      }
      const helper = await opening
      const path = helper.pathOf(mount.mount)
      if (path === null) {
        helpers.delete(mount.mount)
        await helper.close()
        throw missing(mount, helper.missing[0]?.reason ?? 'it is not there')
      }
      return { place: helper.place, tools: helper.tools, mount: path, keepsOwners: true }
    },
    make: (folder, remember) => makeHostFolder(host, folder, options, remember),
    remove: folders => removeHostFolders(host, folders, options),
    async close() {
      const opened = await Promise.allSettled(helpers.values())
      helpers.clear()
      for (const each of opened) {
        if (each.status === 'fulfilled') await each.value.close()
      }
    },
  }
}

function missing(mount: HelperMount, reason: string): AppError {
  return new AppError(mount.type === 'volume' ? 'volume-missing' : 'path-missing', {
    message: `${mount.source} cannot be opened on the host: ${reason}`,
    state: UNTOUCHED,
    hint: 'Check that it is there, then restore again.',
  })
}
