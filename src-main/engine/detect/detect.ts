import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { defaultPolicy, type StackPolicy } from '../../contract/model.ts'
import type { Helper } from '../hosts/helper.ts'
import type { DockerHost, Host } from '../hosts/host.ts'
import type { EngineDeps } from '../ports.ts'
import { closestName } from './closest-name.ts'
import { coverageOf } from './coverage.ts'
import type { StackFacts, StackGroup } from './facts.ts'
import { detectFolderStacks } from './folder/folder-stacks.ts'
import { finishLooking, lookInside, outsideFacts, searchLimits } from './gather.ts'
import { groupStacks, outsidersOf } from './grouping.ts'
import type { Inventory } from './inventory.ts'
import { buildLedger } from './ledger.ts'
import { mapLimited } from './map-limited.ts'
import { roleOf } from './roles.ts'
import { examineServers } from './servers.ts'

/** A stack that was looked into, with the helper through which it was done, still open. */
export interface DetectedStack {
  readonly inventory: Inventory
  /** Read-only, with all mounts of the stack. The caller closes it. Null on a folder host and where no image can serve. */
  readonly helper: Helper | null
}

/**
 * All stacks of a host, by name. With `deep` volumes and files are looked into as well, through one helper
 * that is closed again; without it the engine's own lists and the database servers are asked alone.
 * Changes nothing on the host.
 */
export async function detectStacks(
  host: Host,
  deps: EngineDeps,
  signal: AbortSignal,
  options: { readonly deep?: boolean } = {},
): Promise<readonly Inventory[]> {
  if (host.kind === 'folder') return detectFolderStacks(host, deps, signal)
  const survey = await surveyHost(host, deps)
  const bases = survey.groups.map(group => baseFacts(survey, group))
  if (options.deep !== true) {
    const stacks = await mapLimited(bases, 2, each => withServers(survey, each, signal))
    return stacks.map(inventoryOf)
  }
  const { stacks, helper } = await lookDeep(survey, bases, signal, searchLimits.host)
  await helper?.close()
  return stacks.map(inventoryOf)
}

/**
 * One stack, looked into as a backup needs it. Rejects with `unknown-stack`. Changes nothing on the host
 * but for the helper, which the caller closes.
 */
export async function detectStack(
  host: Host,
  name: string,
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<DetectedStack> {
  if (host.kind === 'folder') {
    const stacks = await detectFolderStacks(host, deps, signal)
    const inventory = stacks.find(each => each.stack.name === name)
    if (inventory === undefined)
      throw unknownStack(
        name,
        stacks.map(each => each.stack.name),
        host,
      )
    return { inventory, helper: null }
  }
  const survey = await surveyHost(host, deps)
  const group = survey.groups.find(each => each.name === name)
  if (group === undefined)
    throw unknownStack(
      name,
      survey.groups.map(each => each.name),
      host,
    )
  const { stacks, helper } = await lookDeep(
    survey,
    [baseFacts(survey, group)],
    signal,
    searchLimits.stack,
  )
  const [facts] = stacks
  if (facts === undefined) throw unknownStack(name, [], host)
  return { inventory: inventoryOf(facts), helper }
}

/** Looks into files and mounts while the database servers are asked. */
async function lookDeep(
  survey: Survey,
  bases: readonly StackFacts[],
  signal: AbortSignal,
  limitMs: number,
): Promise<{ readonly stacks: readonly StackFacts[]; readonly helper: Helper | null }> {
  const { host, deps } = survey
  const looking = lookInside(host, bases, deps, signal, limitMs)
  // It may fail while the servers are still being asked; it is told when its turn comes.
  looking.catch(() => undefined)
  let asked: readonly StackFacts[]
  try {
    asked = await mapLimited(bases, 2, each => withServers(survey, each, signal))
  } catch (error) {
    await looking.then(inside => inside.helper?.close()).catch(() => undefined)
    throw error
  }
  const inside = await looking
  return {
    stacks: await finishLooking(host, asked, inside, signal, limitMs),
    helper: inside.helper,
  }
}

interface Survey {
  readonly host: DockerHost
  readonly deps: EngineDeps
  readonly daemon: StackFacts['daemon']
  readonly groups: readonly StackGroup[]
  readonly policies: Readonly<Record<string, Partial<StackPolicy>>>
}

async function surveyHost(host: DockerHost, deps: EngineDeps): Promise<Survey> {
  const [daemon, containers, volumes, networks, images, settings] = await Promise.all([
    host.daemon(),
    host.containers(),
    host.volumes(),
    host.networks(),
    host.images(),
    deps.settings.read(),
  ])
  const groups = groupStacks({ containers, volumes, networks, images })
  return { host, deps, daemon, groups, policies: settings.policies }
}

function baseFacts(survey: Survey, group: StackGroup): StackFacts {
  const { host, deps, daemon, groups, policies } = survey
  return {
    host: host.summary,
    daemon,
    takenAt: deps.clock.now().toISOString(),
    group,
    outsiders: outsidersOf(group, groups),
    roles: new Map(group.containers.map(each => [each.id, roleOf(each)])),
    servers: [],
    policy: policyOf(policies, host.summary.id, group.name),
    ...outsideFacts(group),
  }
}

async function withServers(
  { host, deps }: Survey,
  facts: StackFacts,
  signal: AbortSignal,
): Promise<StackFacts> {
  const { group, roles, policy } = facts
  const servers = await examineServers(host, group.containers, roles, policy, deps.logger, signal)
  return { ...facts, servers }
}

/** What the user decided for a stack, with the defaults for the rest. */
export function policyOf(
  policies: Readonly<Record<string, Partial<StackPolicy>>>,
  hostId: string,
  stack: string,
): StackPolicy {
  return { ...defaultPolicy, ...policies[`${hostId}/${stack}`] }
}

/** Computes the inventory of a Docker stack from its facts. Pure. */
export function inventoryOf(facts: StackFacts): Inventory {
  const { group, host, daemon, takenAt } = facts
  const { items, findings, services, servers, sqlite } = buildLedger(facts)
  return {
    host,
    daemon,
    takenAt,
    stack: {
      host: host.id,
      name: group.name,
      kind: group.kind,
      coverage: coverageOf(items, findings),
      services,
      items,
      findings,
    },
    workingDirectory: group.workingDirectory,
    configFiles: group.configFiles,
    environmentFiles: group.environmentFiles,
    files: facts.files,
    containers: group.containers,
    volumes: group.volumes,
    networks: group.networks,
    images: group.images,
    servers,
    sqlite,
  }
}

function unknownStack(name: string, known: readonly string[], host: Host): AppError {
  const meant = closestName(name, known)
  const list =
    known.length === 0 ? 'There is none.' : `There are: ${known.slice(0, 20).join(', ')}.`
  return new AppError('unknown-stack', {
    message: `There is no stack ${JSON.stringify(name)} on ${host.summary.label}.`,
    state: NOTHING_CHANGED,
    hint: meant === null ? `${list} \`lifeboat stacks\` lists them.` : `Did you mean ${meant}?`,
    details: list,
  })
}
