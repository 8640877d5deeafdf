import type { Item } from '../../../contract/model.ts'
import type { MountUser, StackMount } from '../mounts.ts'
import { isSettingsTarget, type StackView } from '../view.ts'

/** What a row says unless it says otherwise. */
export const blank = {
  engine: null,
  service: null,
  writers: [],
  target: null,
  sizeBytes: null,
  method: 'none',
  consistency: 'none',
  criticality: 'important',
} as const satisfies Partial<Item>

/**
 * Services that can write to a mount, those of other stacks as `STACK/SERVICE`. Containers of the latter
 * count only while they run: they are never stopped or paused for this stack's backup.
 */
export function writersOf(view: StackView, mount: StackMount): readonly string[] {
  const ours = mount.users
    .filter(user => !user.readOnly && !isSettingsOfServer(view, user))
    .map(user => user.container.service)
  const others = view.facts.outsiders
    .filter(each => each.mount === mount.id && !each.readOnly && each.running)
    .map(each => `${each.stack}/${each.service}`)
  return [...new Set([...ours, ...others])]
}

/** Database servers read their settings and start-up scripts, though hardly anybody mounts those read-only. */
function isSettingsOfServer(view: StackView, { container, target }: MountUser): boolean {
  if (view.roleOf(container).database === null) return false
  return isSettingsTarget(target) || /\.(?:conf|cnf|ini|sh|sql|ya?ml|json|toml|acl)$/i.test(target)
}

/** The user of a mount that stands for it in the ledger: the first that can write, else the first. */
export function ownerOf(mount: StackMount): StackMount['users'][number] | null {
  return mount.users.find(user => !user.readOnly) ?? mount.users[0] ?? null
}

/** `web`, `web and worker`, `web, worker and cron`. */
export function listed(names: readonly string[]): string {
  const all = [...new Set(names)]
  const last = all.at(-1) ?? ''
  return all.length < 2 ? last : `${all.slice(0, -1).join(', ')} and ${last}`
}
