import type { RestoreStep } from '../../contract/model.ts'
import { isAwake } from './container-works.ts'
import type { RestoreDesign } from './design.ts'
import { sizeText } from './differences.ts'

type Draft = Omit<RestoreStep, 'order'>
type Works = Omit<RestoreDesign, 'plan'>

/** What a restore will do, in order, in words. Pure. */
export function restoreSteps(works: Works, healthUrl: string | null): readonly RestoreStep[] {
  return [
    ...guard(works),
    ...creation(works),
    ...staging(works),
    ...switching(works),
    ...ending(works, healthUrl),
  ].map((each, index) => ({ order: index + 1, ...each }))
}

function step(
  action: Draft['action'],
  detail: string,
  rest: Partial<Pick<Draft, 'item' | 'service' | 'changes'>> = {},
): Draft {
  return { action, item: null, service: null, changes: false, ...rest, detail }
}

function guard({ replaced }: Works): readonly Draft[] {
  return [
    step(
      'safety-snapshot',
      replaced.length === 0
        ? 'Nothing of what is restored exists any more, so there is nothing to keep.'
        : `Back up what is there now and read it back: ${replaced.join(', ')}. Without it nothing else happens.`,
    ),
  ]
}

function creation({ networks, volumes, folders, containers }: Works): readonly Draft[] {
  return [
    ...networks.map(each =>
      step('create-network', `Make the network ${each.name} with its labels.`),
    ),
    ...volumes.map(each =>
      step('create-volume', `Make the volume ${each.name} with its labels.`, {
        item: `volume:${each.name}`,
      }),
    ),
    ...folders.map(each =>
      step('create-volume', `Make the folder ${each}.`, { item: `bind:${each}` }),
    ),
    ...containers
      .filter(each => each.now === null)
      .map(each =>
        step('create-container', `Make the container ${each.name} as it was.`, {
          service: each.service,
        }),
      ),
  ]
}

function staging({ containers, databases, trees }: Works): readonly Draft[] {
  const asleep = containers.filter(
    each => each.servesDatabase && !(each.now !== null && isAwake(each.now.state)),
  )
  return [
    ...asleep.map(each =>
      step('start-database', `Start ${each.service} alone.`, {
        service: each.service,
        changes: each.now !== null,
      }),
    ),
    ...databases.map(each =>
      step(
        'stage',
        `Load the database ${each.database} beside the live one, in one transaction, and count its rows.`,
        { item: each.item, service: each.service },
      ),
    ),
    ...trees.map(tree => {
      const bytes =
        (tree.archive?.plain.bytes ?? 0) +
        tree.files.reduce((sum, each) => sum + each.record.plain.bytes, 0)
      const kept =
        tree.scope.kind === 'all' && tree.scope.keep.length > 0
          ? ` What the snapshot left out stays as it is: ${tree.scope.keep.join(', ')}.`
          : ''
      return tree.archive === null
        ? step(
            'restore-config',
            `Put ${tree.files.map(each => each.path).join(', ')} beside the live files of ${tree.mount.source} and compare hashes.`,
            { item: tree.items[0] ?? tree.item },
          )
        : step(
            'stage',
            `Unpack ${tree.item} (${sizeText(bytes)}) beside the live data and compare hash, entries and bytes.${kept}`,
            { item: tree.item },
          )
    }),
  ]
}

function switching({ containers, databases, trees }: Works): readonly Draft[] {
  return [
    ...containers
      .filter(each => each.stops && each.now !== null && isAwake(each.now.state))
      .toReversed()
      .map(each =>
        step(
          'stop',
          `Stop ${each.service} (it has ${Math.round((each.now?.stopGraceMs ?? 0) / 1000)} s to end).`,
          { service: each.service, changes: true },
        ),
      ),
    ...trees.map(each =>
      step('switch', `Switch ${each.items.join(', ')} by renaming; the former state stays aside.`, {
        item: each.items[0] ?? each.item,
        changes: each.replaces,
      }),
    ),
    ...databases.map(each =>
      step(
        'switch',
        `Switch the database ${each.database} by renaming; the former one stays aside.`,
        {
          item: each.item,
          service: each.service,
          changes: each.replaces,
        },
      ),
    ),
  ]
}

function ending({ containers, replaced }: Works, healthUrl: string | null): readonly Draft[] {
  const running = containers.filter(each => each.runsAfter)
  const started = running.filter(each => !each.servesDatabase)
  const asked = healthUrl === null ? '' : ' and the health URL answers'
  const isWatched = running.length > 0 || healthUrl !== null
  return [
    ...started
      .filter(each => each.stops || each.now === null || !isAwake(each.now.state))
      .map(each =>
        step('start', `Start ${each.service}.`, { service: each.service, changes: true }),
      ),
    ...(isWatched
      ? [
          step(
            'health',
            `Wait until all services are healthy${asked}. ${
              replaced.length === 0
                ? 'There is nothing to go back to: what was restored stays.'
                : 'If they are not, everything goes back to how it is now.'
            }`,
          ),
        ]
      : []),
    step(
      'finish',
      replaced.length === 0
        ? 'Tidy up.'
        : 'Remove the former state. For 7 days "lifeboat undo" brings it back from the safety snapshot.',
      { changes: replaced.length > 0 },
    ),
  ]
}
