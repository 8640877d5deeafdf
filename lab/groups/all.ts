import { access } from 'node:fs/promises'

import { isRunning } from '../engines/daemon.ts'
import { engineIds, labEngine } from '../engines/registry.ts'
import { startEngines } from '../engines/start.ts'
import { ensureUnpacked } from '../engines/unpack.ts'
import { ensureBaseArchive } from '../images/base.ts'
import { outdatedImages } from '../images/build.ts'
import { labImages } from '../images/catalog.ts'
import type { Report } from '../lib/report.ts'
import { ensurePackages, isRoot, LabNeeds, missingPackages, systemRelease } from '../lib/system.ts'
import { electronRuntime, ensureElectron } from './electron.ts'
import { ensureImages } from './images.ts'
import { type HostGroup, packagesFor } from './packages.ts'

/** A part of the lab that can be set up by itself. */
export interface Group {
  /** Groups that come first, when they are set up in the same go. */
  readonly after: readonly GroupName[]
  /** Brings everything that is not there. Throws LabNeeds for what it may not or cannot bring. */
  readonly ensure: (report: Report) => Promise<void>
  /** Looks only. */
  readonly isReady: () => Promise<boolean>
}

export const groupNames = [
  'docker',
  'images',
  'tools',
  'ssh',
  'browser',
  'electron',
  'minio',
] as const
export type GroupName = (typeof groupNames)[number]

/** Groups that take minutes, and are left to the background unless they are asked for by name. */
export const slowGroups: readonly GroupName[] = ['minio']

export const groups: Readonly<Record<GroupName, Group>> = {
  docker: { after: [], ensure: ensureDocker, isReady: dockerIsReady },
  images: imageGroup(['docker'], quick => !quick.slow),
  tools: packageGroup('tools'),
  ssh: packageGroup('ssh'),
  browser: packageGroup('browser'),
  electron: {
    after: [],
    ensure: async report => {
      await Promise.all([ensureGroupPackages('electron', report), ensureElectron(report)])
    },
    isReady: async () =>
      (await hasPackages('electron')) &&
      (await access(electronRuntime().program).then(
        () => true,
        () => false,
      )),
  },
  minio: imageGroup(['images'], image => image.needs === 'minio'),
}

async function ensureDocker(report: Report): Promise<void> {
  if (await dockerIsReady()) return
  if (!isRoot()) {
    throw new LabNeeds('Docker for the lab, which only root may start,', 'sudo npm test')
  }
  // iptables before the engines start: they answer names of containers by its rules.
  await ensureGroupPackages('docker', report)
  // The root file system of the images takes longest; it is begun while the engines are unpacked.
  const base = ensureBaseArchive(report)
  base.catch(() => undefined)
  for (const id of engineIds) await ensureUnpacked(labEngine(id), report)
  await startEngines(report)
  await base
}

async function dockerIsReady(): Promise<boolean> {
  const running = await Promise.all(engineIds.map(id => isRunning(labEngine(id))))
  return running.every(Boolean) && (await hasPackages('docker'))
}

function imageGroup(
  after: readonly GroupName[],
  belongs: (image: (typeof labImages)[number]) => boolean,
): Group {
  const images = labImages.filter(belongs)
  return {
    after,
    ensure: async report => await ensureImages(images, report),
    isReady: async () => {
      if (!(await dockerIsReady())) return false
      const outdated = await Promise.all(engineIds.map(id => outdatedImages(labEngine(id), images)))
      return outdated.every(list => list.length === 0)
    },
  }
}

function packageGroup(group: HostGroup): Group {
  return {
    after: [],
    ensure: async report => await ensureGroupPackages(group, report),
    isReady: async () => await hasPackages(group),
  }
}

async function ensureGroupPackages(group: HostGroup, report: Report): Promise<void> {
  const { codename } = await systemRelease()
  await ensurePackages(packagesFor(group, codename), report)
}

async function hasPackages(group: HostGroup): Promise<boolean> {
  const { codename } = await systemRelease()
  return (await missingPackages(packagesFor(group, codename))).length === 0
}
