import { isDestinationByName } from '../backup-tools.ts'
import type { StackMount } from '../mounts.ts'
import { isSocketPath, systemBindReason } from '../system-binds.ts'
import type { StackView } from '../view.ts'
import { listed } from './row.ts'

/** Why a mount is not taken: left out by a rule, or out of reach. */
export interface LeftOut {
  readonly decision: 'exclude' | 'cannot'
  readonly reason: string
  /** Stable word for the rule, for findings. */
  readonly rule: 'memory' | 'system' | 'host' | 'destination' | 'source' | 'foreign' | 'missing'
}

/** The rules by which a mount is left out, first that fits; null for what is taken. */
export function leftOut(view: StackView, mount: StackMount): LeftOut | null {
  return (
    byType(mount) ??
    byTarget(mount) ??
    bySource(mount) ??
    byBackups(view, mount) ??
    byAbsence(view, mount)
  )
}

function byType(mount: StackMount): LeftOut | null {
  const left = (reason: string, decision: LeftOut['decision'] = 'exclude'): LeftOut => ({
    decision,
    reason,
    rule: decision === 'cannot' ? 'foreign' : 'memory',
  })
  switch (mount.type) {
    case 'tmpfs':
      return left('Left out: it lies in memory and is empty at every start.')
    case 'npipe':
      return left('Left out: a pipe to another program, not data.')
    case 'image':
      return left('Left out: read-only files out of an image, which come with the image.')
    case 'cluster':
      return left(
        'Cannot be read: a cluster volume of Swarm belongs to its storage plug-in.',
        'cannot',
      )
    case 'volume':
    case 'bind':
      return null
  }
}

/** A volume for the sockets and process ids that containers of a stack share. */
function byTarget(mount: StackMount): LeftOut | null {
  const isRuntime = (target: string): boolean =>
    /^(?:\/var)?\/run\/./.test(target) && !/^(?:\/var)?\/run\/secrets(?:\/|$)/.test(target)
  return mount.users.length > 0 && mount.users.every(user => isRuntime(user.target))
    ? {
        decision: 'exclude',
        rule: 'system',
        reason: 'Left out: run-time files (sockets, process ids), made anew at every start.',
      }
    : null
}

function bySource(mount: StackMount): LeftOut | null {
  if (mount.type !== 'bind') return null
  const readOnly = mount.users.every(user => user.readOnly)
  if (mount.source === '/') {
    return readOnly
      ? {
          decision: 'exclude',
          rule: 'host',
          reason: 'Left out: the whole host, which this stack only reads; it is not its data.',
        }
      : {
          decision: 'cannot',
          rule: 'host',
          reason:
            'Cannot be taken: it is the whole host. Mount the folders that hold data instead.',
        }
  }
  const reason = systemBindReason(mount.source, readOnly)
  if (reason !== null)
    return { decision: 'exclude', rule: 'system', reason: `Left out: ${reason}.` }
  const [first] = mount.users
  const asSocket = first !== undefined && mount.users.every(user => isSocketPath(user.target))
  return asSocket
    ? { decision: 'exclude', rule: 'system', reason: 'Left out: a socket, not data.' }
    : null
}

function byBackups(view: StackView, mount: StackMount): LeftOut | null {
  const uses = mount.users.map(user => ({ user, tool: view.roleOf(user.container).tool }))
  const writes = uses.find(({ user, tool }) => tool?.destinations.test(user.target))
  if (writes?.tool !== undefined && writes.tool !== null) {
    return {
      decision: 'exclude',
      rule: 'destination',
      reason: `Left out: ${writes.tool.label} (${writes.user.container.service}) writes its backups here; backups of backups would nest for ever.`,
    }
  }
  if (
    uses.length > 0 &&
    uses.every(
      ({ user, tool }) => tool !== null && (user.readOnly || tool.sources.test(user.target)),
    )
  ) {
    const [owner] = view.facts.outsiders.filter(each => each.mount === mount.id)
    const whose =
      owner === undefined
        ? 'it is not the data of this stack'
        : `it belongs to the stack ${owner.stack}`
    return {
      decision: 'exclude',
      rule: 'source',
      reason: `Left out: ${listed(uses.map(({ user }) => user.container.service))} only reads it to back it up; ${whose}.`,
    }
  }
  const named = mount.users.find(user => isDestinationByName(mount.source, user.target))
  if (
    named === undefined ||
    mount.users.some(user => !isDestinationByName(mount.source, user.target))
  ) {
    return null
  }
  return {
    decision: 'exclude',
    rule: 'destination',
    reason: `Left out: ${named.container.service} keeps its own backups here (${named.target}); backups of backups would nest for ever. Include it if it holds anything else.`,
  }
}

function byAbsence(view: StackView, mount: StackMount): LeftOut | null {
  const facts = view.factsOf(mount)
  if (facts === null) return null
  if (facts.type === 'socket') {
    return { decision: 'exclude', rule: 'system', reason: 'Left out: a socket, not data.' }
  }
  if (facts.type === 'other') {
    return { decision: 'exclude', rule: 'system', reason: 'Left out: a device or pipe, not data.' }
  }
  if (facts.type !== 'missing') return null
  return {
    decision: 'cannot',
    rule: 'missing',
    reason: `Cannot be read: ${facts.problem ?? 'it does not exist on the host'}.`,
  }
}
