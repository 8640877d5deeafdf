import type { Inventory } from '../detect/inventory.ts'
import type { ArtifactSink, StoredArtifact } from './sink.ts'

/** What the artifacts that describe containers, networks, volumes and images are filed under: no row of the ledger. */
export const DEFINITIONS = 'inspect'

/**
 * Stores what the engine says of the stack's containers, networks, volumes and images: enough to make
 * them again. These files hold the values of environment variables, so they are as secret as `.env`.
 */
export async function storeDefinitions<R extends StoredArtifact>(
  inventory: Inventory,
  sink: ArtifactSink<R>,
): Promise<void> {
  const files = [
    ['containers', inventory.containers],
    ['networks', inventory.networks],
    ['volumes', inventory.volumes],
    ['images', inventory.images],
  ] as const
  for (const [name, definitions] of files) {
    if (definitions.length === 0) continue
    const text = `${JSON.stringify(definitions, null, 2)}\n`
    await sink.addFile(`inspect/${name}.json`, DEFINITIONS, Buffer.from(text))
  }
}
