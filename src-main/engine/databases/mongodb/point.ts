import type { Document, Timestamp } from 'bson'

import { seriesOf } from '../tools/release-series.ts'
import { type CollectionInfo, isCapped } from './collections.ts'
import type { Connection } from './connection.ts'
import type { ServerState } from './facts.ts'
import { plain, plainField } from './raw-bson.ts'

/** How all collections of a dump are read as of one moment, or why they are not. */
export interface Point {
  /** Null: each collection is read as it is when its turn comes. */
  readonly time: Timestamp | null
  readonly why: string | null
}

/** Slower than this is a dump only over a poor line. */
const BYTES_PER_SECOND = 10_000_000
const USUAL_WINDOW_SECONDS = 300

/**
 * Takes the moment of a dump. A replica set can be read as of a moment of the past, for as long as it
 * keeps that moment (`minSnapshotHistoryWindowInSeconds`); a server by itself cannot.
 */
export async function takePoint(
  connection: Connection,
  server: ServerState,
  totalBytes: number,
): Promise<Point> {
  if (server.replicaSet === null) {
    return { time: null, why: 'the server is no replica set' }
  }
  if (seriesOf(server.version)[0] < 5) {
    return { time: null, why: `MongoDB ${server.version} cannot read as of one moment` }
  }
  const window = await windowSeconds(connection)
  if (totalBytes > window * BYTES_PER_SECOND) {
    return {
      time: null,
      why: `its data may take longer to read than the ${window} s for which the server keeps a moment (raise minSnapshotHistoryWindowInSeconds)`,
    }
  }
  const time = plainField(await connection.run('admin', { ping: 1 }), 'operationTime')
  return { time: time as Timestamp, why: null }
}

async function windowSeconds(connection: Connection): Promise<number> {
  try {
    const answer = await connection.run('admin', {
      getParameter: 1,
      minSnapshotHistoryWindowInSeconds: 1,
    })
    return Number(plain(answer)['minSnapshotHistoryWindowInSeconds'])
  } catch {
    return USUAL_WINDOW_SECONDS
  }
}

/** True when this collection is read as of the point. MongoDB refuses that for collections of fixed size. */
function isCovered(point: Point, collection: CollectionInfo): boolean {
  return point.time !== null && !isCapped(collection)
}

/** What a reading command needs to see the collection as of the point. */
export function asOf(point: Point, collection: CollectionInfo): Document {
  return isCovered(point, collection)
    ? { readConcern: { level: 'snapshot', atClusterTime: point.time } }
    : {}
}
