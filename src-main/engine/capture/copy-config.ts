import { pathInHelper } from '../detect/helper-paths.ts'
import type { StackFile } from '../detect/inventory.ts'
import type { ConfigFile, FileReader } from './config-files.ts'
import { configPath, helperFileReader, leadsTo, readConfigFiles } from './config-files.ts'
import type { CaptureContext } from './context.ts'
import type { ItemRun } from './item-runs.ts'
import { localFileReader } from './local-files.ts'
import type { StoredArtifact } from './sink.ts'

/** Stores compose files, env files and secrets as they are; all are read in one go. */
export async function copyConfig<R extends StoredArtifact>(
  context: CaptureContext<R>,
  itemIds: readonly string[],
): Promise<void> {
  const { inventory, items, signal } = context
  const wanted = inventory.files.filter(
    each => each.exists && itemIds.includes(`config:${each.kind}`),
  )
  const reading = readConfigFiles(wanted, readerOf(context), signal)
  // Each item hears of a failure when its turn comes.
  reading.catch(() => undefined)
  for (const id of itemIds) {
    await items.work(id, signal, async run => {
      const kind = id.slice('config:'.length) as StackFile['kind']
      const { files, missing } = await reading
      const byPath = new Map(files.map(each => [each.hostPath, each]))
      for (const file of wanted.filter(each => each.kind === kind)) {
        if (missing.includes(file.path)) throw new Error(`${file.path} cannot be read any more.`)
        await storeWithTargets(context, run, byPath, file.path)
      }
    })
  }
}

/** Stores a file and, where it is a link, what it leads to. */
async function storeWithTargets<R extends StoredArtifact>(
  { sink, inventory }: CaptureContext<R>,
  run: ItemRun<R>,
  files: ReadonlyMap<string, ConfigFile>,
  hostPath: string,
): Promise<void> {
  for (const file of chain(files, hostPath)) {
    if (file === null) {
      run.warn(
        `${hostPath} is a link to a file outside of what can be read; only the link is kept.`,
      )
      continue
    }
    const name = configPath(file.hostPath, inventory.workingDirectory)
    const { content, ...facts } = file
    run.add(await sink.addFile(name, run.item.id, content), facts)
  }
}

/** A file and what its links lead to, one after the other; null for a link that ends nowhere. */
function* chain(
  files: ReadonlyMap<string, ConfigFile>,
  hostPath: string,
): Generator<ConfigFile | null> {
  const seen = new Set<string>()
  for (let at: string | null = hostPath; at !== null && !seen.has(at);) {
    seen.add(at)
    const file: ConfigFile | undefined = files.get(at)
    yield file ?? null
    at = file === undefined ? null : leadsTo(file)
  }
}

function readerOf<R extends StoredArtifact>({ host, helper }: CaptureContext<R>): FileReader {
  if (host.kind === 'folder') return localFileReader()
  if (helper === null) {
    return { read: () => Promise.resolve(new Map<string, ConfigFile>()) }
  }
  return helperFileReader(helper.place, helper.tools, hostPath => pathInHelper(helper, hostPath))
}
