import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { docker, engineEnvironment, type LabEngine, labEngine } from '../../lab/docker.ts'
import { startDaemon, stopDaemon } from '../../lab/engines/daemon.ts'
import { labPaths } from '../../lab/lib/paths.ts'
import { silentReport } from '../../lab/lib/report.ts'
import { run } from '../../lab/lib/run.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { repairRuns } from '../../src-main/engine/runs/repair.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import { engineId, type Home, makeHome, openWith, recordedJob } from './capture-support.ts'

const project = 'restarted'
/** Small, so that the engine has it in a moment; without a client for the dead-man switch. */
const image = 'busybox:1'
const folder = path.join(labPaths().engines, `restart-${process.pid}`)
const engine = ownEngine()
let home: Home
let host: DockerHost
let app = ''

/** An engine that nobody else uses: it may be stopped. Its programs are copies, so that it is known by them. */
function ownEngine(): LabEngine {
  const like = labEngine(engineId)
  const at = (name: string): string => path.join(labPaths().run, `${name}-r${process.pid}`)
  return {
    ...like,
    label: `${like.label} for a restart`,
    socket: at('docker'),
    dockerHost: `unix://${at('docker')}`,
    bin: path.join(folder, 'bin'),
    dataRoot: path.join(folder, 'data'),
    execRoot: at('exec'),
    pidFile: at('pid'),
    log: path.join(folder, 'dockerd.log'),
    bridge: 'lifeboatlabr',
    bridgeAddress: '10.213.60.1/24',
    addressPool: 'base=10.213.61.0/24,size=26',
  }
}

async function own(argv: readonly string[], input?: Buffer): Promise<string> {
  const options = input === undefined ? {} : { input }
  return run(['docker', ...argv], { env: engineEnvironment(engine), ...options })
}

beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  await cp(labEngine(engineId).bin, engine.bin, { recursive: true })
  await startDaemon(engine, silentReport)
  await own(['load'], await docker(engineId).runBytes(['save', image]))
  await own(['volume', 'create', 'data'])
  const script = 'head -c 300000000 /dev/urandom > /data/large'
  await own(['run', '--rm', '--network=none', '-v', 'data:/data', image, 'sh', '-c', script])
  const labels = [
    `com.docker.compose.project=${project}`,
    'com.docker.compose.service=app',
    'com.docker.compose.oneoff=False',
    'com.docker.compose.container-number=1',
    'docker-volume-backup.stop-during-backup=true',
  ].flatMap(each => ['--label', each])
  const options = ['run', '-d', '--init', '--network=none', '-v', 'data:/data', ...labels]
  app = (await own([...options, image, 'sleep', '100000'])).trim()
  home = await makeHome()
  host = (await openWith(home.deps, engine.dockerHost)) as DockerHost
})
afterAll(async () => {
  await host.close()
  await stopDaemon(engine)
  await run(['ip', 'link', 'delete', engine.bridge])
  await rm(folder, { recursive: true, force: true })
  await home[Symbol.asyncDispose]()
})

it('fails when the engine is restarted in the middle, and its services come back', async () => {
  const repository = await openRepository(home.repository, { create: true, version: 'test' })
  const job = recordedJob()
  const restarts: Promise<unknown>[] = []
  job.onStep = () => {
    if (restarts.length > 0 || job.bytes() < 10_000_000) return
    restarts.push(stopDaemon(engine).then(() => startDaemon(engine, silentReport)))
  }
  const backup = backupStack({ deps: home.deps, host, stack: project, repository, job })
  await expect(backup).rejects.toSatisfy(error => error instanceof Error)
  expect(restarts).toHaveLength(1)
  await Promise.all(restarts)
  // What the run itself could not bring back while the engine was away, the next start does.
  await host.close()
  host = (await openWith(home.deps, engine.dockerHost)) as DockerHost
  await repairRuns(home.deps, () => Promise.resolve(host))
  const state = await own(['inspect', '-f', '{{.State.Status}}', app])
  expect(state.trim()).toBe('running')
  expect(await repository.list()).toEqual([])
  expect(await repository.partials()).toEqual([])
  const journals = path.join(home.deps.paths.state, 'journal')
  expect(existsSync(journals) ? readdirSync(journals) : []).toEqual([])

  // And the same stack backs up as if nothing had been.
  const again = { deps: home.deps, host, stack: project, repository, job: recordedJob() }
  expect(await backupStack(again)).toMatchObject({ outcome: 'complete' })
})
