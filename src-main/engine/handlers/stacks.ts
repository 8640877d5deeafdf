import type { Handlers } from '../../contract/contract.ts'
import { detectStack, detectStacks } from '../detect/detect.ts'
import type { Services } from './services.ts'

/** What is on a host. Looks only: nothing on the host changes. */
export function stackHandlers({
  deps,
  host: openHost,
}: Services): Pick<Handlers, 'stack.list' | 'stack.get'> {
  return {
    async 'stack.list'({ host }) {
      const { signal } = new AbortController()
      const inventories = await detectStacks(await openHost(host), deps, signal, { deep: true })
      return inventories.map(each => each.stack)
    },
    async 'stack.get'({ host, stack }) {
      const { signal } = new AbortController()
      const { inventory, helper } = await detectStack(await openHost(host), stack, deps, signal)
      await helper?.close()
      return inventory.stack
    },
  }
}
