import type { ErrorCode } from '../../contract/errors.ts'
import { AppError, toWire } from '../../contract/errors.ts'
import type { Consistency, Item } from '../../contract/model.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { StoredArtifact } from './sink.ts'

/** How a file was on the host, for artifacts that are kept as they are. */
export interface FileFacts {
  readonly hostPath: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly modified: string
  readonly kind: 'file' | 'symlink'
  readonly linkTarget: string | null
}

/** A stored file, with how it was on the host where that matters. */
export interface CapturedArtifact<R extends StoredArtifact> {
  readonly record: R
  readonly file: FileFacts | null
}

/** What became of one item. */
export interface CapturedItem<R extends StoredArtifact> {
  readonly item: Item
  readonly outcome: 'complete' | 'failed'
  readonly error: AppError | null
  /** Own artifacts and those shared with other items (roles of a database server). */
  readonly artifacts: readonly CapturedArtifact<R>[]
  readonly counts: Readonly<Record<string, number>>
  readonly countsExact: boolean
  readonly facts: Readonly<Record<string, unknown>>
  readonly warnings: readonly string[]
  readonly consistency: Consistency
  readonly durationMs: number
}

/** What the work on an item may tell. */
export interface ItemRun<R extends StoredArtifact> {
  readonly item: Item
  /** Source bytes that arrived, for the progress. */
  advance(bytes: number): void
  add(record: R, file?: FileFacts): void
  counts(values: Readonly<Record<string, number>>, exact: boolean): void
  facts(facts: Readonly<Record<string, unknown>>): void
  warn(message: string): void
  /** The item is less consistent than planned. */
  downgrade(consistency: Consistency): void
  /** It was planned as hot, and nothing has changed in it while it was read: one moment's state after all. */
  wasStill(): void
}

const fatal: ReadonlySet<ErrorCode> = new Set([
  'disk-full',
  'destination-unwritable',
  'locked',
  'interrupted',
  'host-unreachable',
  'wrong-host',
])

/** True when nothing that is still to be done could succeed after this. */
export function isFatal(error: unknown): boolean {
  return error instanceof AppError && fatal.has(error.code)
}

interface State<R extends StoredArtifact> {
  readonly item: Item
  readonly artifacts: CapturedArtifact<R>[]
  readonly warnings: string[]
  counts: Readonly<Record<string, number>>
  countsExact: boolean
  facts: Readonly<Record<string, unknown>>
  consistency: Consistency
  error: AppError | null
  worked: boolean
  durationMs: number
  readonly estimatedBytes: number
  bytes: number
}

/** The record of what happens to each item of a backup. */
export class ItemRuns<R extends StoredArtifact> {
  readonly #job: JobContext
  readonly #states = new Map<string, State<R>>()
  #sharedBytes = 0

  /** `estimates`: bytes by item id, as planned. */
  constructor(items: readonly Item[], job: JobContext, estimates: ReadonlyMap<string, number>) {
    this.#job = job
    for (const item of items) {
      this.#states.set(item.id, {
        item,
        artifacts: [],
        warnings: [],
        counts: {},
        countsExact: true,
        facts: {},
        consistency: item.consistency,
        error: null,
        worked: false,
        durationMs: 0,
        estimatedBytes: estimates.get(item.id) ?? 0,
        bytes: 0,
      })
    }
    this.#expect()
  }

  /** Source bytes of what several items share. */
  advanceShared(bytes: number): void {
    this.#sharedBytes += bytes
    this.#job.advance(bytes)
  }

  /** What is still to come is estimated; what has come is known. */
  #expect(): void {
    let bytes = this.#sharedBytes
    for (const state of this.#states.values()) {
      const isOver = state.worked || state.error !== null
      bytes += isOver ? state.bytes : Math.max(state.bytes, state.estimatedBytes)
    }
    this.#job.expect({ bytes, items: this.#states.size })
  }

  /** True while nothing has gone wrong with it. */
  isSound(id: string): boolean {
    return this.#states.get(id)?.error === null
  }

  /**
   * Does one piece of work for an item. A failure marks the item and is over with; one after which nothing
   * else could succeed is thrown on. An item that has failed already is passed over. `last` counts it as done.
   */
  async work(
    id: string,
    signal: AbortSignal,
    work: (run: ItemRun<R>) => Promise<void>,
    last = true,
  ): Promise<void> {
    const state = this.#states.get(id)
    if (state === undefined) throw new Error(`no item ${id} in the plan`)
    signal.throwIfAborted()
    const started = performance.now()
    try {
      if (state.error === null) await work(runOf(state, this.#job))
      state.worked ||= last
    } catch (error) {
      if (signal.aborted) throw signal.reason
      this.fail(id, error)
      if (isFatal(error)) throw error
    } finally {
      state.durationMs += performance.now() - started
      if (last) this.#job.itemDone()
      this.#expect()
    }
  }

  /** Marks an item as failed; the first failure is the one that is told. */
  fail(id: string, error: unknown): void {
    const state = this.#states.get(id)
    if (state === undefined || state.error !== null) return
    state.error = asAppError(error)
    this.#job.note('error', `${id} failed: ${state.error.message}`)
  }

  /** The item is less consistent than planned. */
  downgrade(id: string, consistency: Consistency): void {
    const state = this.#states.get(id)
    // A dump is one point in time whatever its server's files are.
    if (state !== undefined && !['dump', 'sqlite-backup'].includes(state.item.method)) {
      runOf(state, this.#job).downgrade(consistency)
    }
  }

  /** The results, in the plan's order. What was never worked on has failed. */
  finish(): readonly CapturedItem<R>[] {
    return [...this.#states.values()].map(state => {
      if (!state.worked && state.error === null) {
        this.fail(state.item.id, new Error('The plan has no step for it.'))
      }
      return {
        item: state.item,
        outcome: state.error === null ? 'complete' : 'failed',
        error: state.error,
        artifacts: state.artifacts,
        counts: state.counts,
        countsExact: state.countsExact,
        facts: state.facts,
        warnings: state.warnings,
        consistency: state.consistency,
        durationMs: Math.round(state.durationMs),
      }
    })
  }
}

const worseFirst: readonly Consistency[] = ['none', 'hot', 'crash-consistent', 'app-consistent']

function runOf<R extends StoredArtifact>(state: State<R>, job: JobContext): ItemRun<R> {
  return {
    item: state.item,
    advance(bytes) {
      state.bytes += bytes
      job.advance(bytes)
    },
    add(record, file) {
      state.artifacts.push({ record, file: file ?? null })
    },
    counts(values, exact) {
      state.counts = values
      state.countsExact = exact
    },
    facts(facts) {
      state.facts = { ...state.facts, ...facts }
    },
    warn(message) {
      state.warnings.push(message)
    },
    downgrade(consistency) {
      if (worseFirst.indexOf(consistency) < worseFirst.indexOf(state.consistency)) {
        state.consistency = consistency
      }
    },
    wasStill() {
      if (state.consistency === 'hot') state.consistency = 'crash-consistent'
    },
  }
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const wire = toWire(error)
  const why = error instanceof Error ? error.message : String(error)
  return new AppError(wire.code, { ...wire, message: `${wire.message} ${why}` }, error)
}
