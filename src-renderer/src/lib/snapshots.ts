import type { ArgsOf, Client } from '../../../src-main/contract/contract.ts'
import { toWire } from '../../../src-main/contract/errors.ts'
import type { SnapshotSummary } from '../../../src-main/contract/model.ts'

/** The snapshots there are; before the first backup there is no repository, and so none. */
export async function snapshotsSoFar(
  client: Client,
  of: ArgsOf<'snapshot.list'> = {},
): Promise<readonly SnapshotSummary[]> {
  try {
    return await client.call('snapshot.list', of)
  } catch (error) {
    if (toWire(error).code === 'repository-missing') return []
    throw error
  }
}
