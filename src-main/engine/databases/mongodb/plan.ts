import type { CollectionInfo } from './collections.ts'
import { type Connection, ServerError } from './connection.ts'
import { planName } from './names.ts'
import {
  assemble,
  documentField,
  fieldFrom,
  listField,
  listOf,
  numberField,
  rawDocument,
  textField,
} from './raw-bson.ts'
import { insert } from './write.ts'

/**
 * How far a switch is. Forth: `staged`, `moving` (what was there goes aside), `placing` (what was loaded
 * takes its names), `active`, `finalizing`. Back from `placing` and `active`: what was loaded goes first,
 * then it is as in `moving`. Each step can be done again.
 */
export type Phase = 'staged' | 'moving' | 'placing' | 'active' | 'finalizing'

/** A collection that was loaded (`new`) or was there before (`old`). */
export interface Entry extends CollectionInfo {
  readonly side: 'new' | 'old'
  /** Its number in the name under which it is kept. */
  readonly index: number
  readonly indexes: readonly Buffer[]
}

export interface Plan {
  readonly phase: Phase
  readonly entries: readonly Entry[]
}

const durable = { w: 'majority', j: true } as const

/** Reads the plan that lies in the database; null when there is none. */
export async function readPlan(
  connection: Connection,
  database: string,
  id: string,
): Promise<Plan | null> {
  const documents = await connection.list(database, { find: planName(id) })
  const state = documents.find(each => textField(each, '_id') === 'phase')
  if (state === undefined) return null
  return {
    phase: (textField(state, 'phase') ?? 'staged') as Phase,
    entries: documents.filter(each => each !== state).map(entryOf),
  }
}

function entryOf(document: Buffer): Entry {
  return {
    side: textField(document, 'side') === 'new' ? 'new' : 'old',
    index: numberField(document, 'index') ?? 0,
    name: textField(document, 'name') ?? '',
    type: (textField(document, 'type') ?? 'collection') as Entry['type'],
    options: rawDocument(document, 'options') ?? assemble([]),
    uuid: null,
    indexes: listOf(document, 'indexes'),
  }
}

/** Writes entries of one side, in place of those that were there. */
export async function writeEntries(
  connection: Connection,
  database: string,
  id: string,
  side: Entry['side'],
  entries: readonly Omit<Entry, 'side'>[],
): Promise<void> {
  await connection.run(database, { delete: planName(id), deletes: [{ q: { side }, limit: 0 }] })
  for (const { index, name, type, options, indexes } of entries) {
    const document = assemble([
      fieldFrom('_id', `${side} ${index}`),
      fieldFrom('side', side),
      fieldFrom('index', index),
      fieldFrom('name', name),
      fieldFrom('type', type),
      documentField('options', options),
      listField('indexes', indexes),
    ])
    await insert(connection, database, planName(id), [document])
  }
}

/** Written through to the disk before the step that it announces. */
export async function setPhase(
  connection: Connection,
  database: string,
  id: string,
  phase: Phase,
): Promise<void> {
  const answer = await connection.run(database, {
    update: planName(id),
    updates: [{ q: { _id: 'phase' }, u: { _id: 'phase', phase }, upsert: true }],
    writeConcern: durable,
  })
  if (numberField(answer, 'n') !== 1) throw new ServerError(0, 'the plan could not be written')
}
