import { access, constants, mkdir, statfs } from 'node:fs/promises'
import path from 'node:path'
import zlib from 'node:zlib'

import type { Handlers } from '../../contract/contract.ts'
import { toWire } from '../../contract/errors.ts'
import type { DoctorCheck } from '../../contract/reports.ts'
import { listHosts } from '../hosts/index.ts'
import type { EngineDeps } from '../ports.ts'
import type { Services } from './services.ts'

/** Below this much free space at the repository a backup is likely to fail. */
const LITTLE_SPACE = 2 * 1024 ** 3

/** What works here and what does not, each with its fix. Looks only. */
export function doctorHandlers({ deps, repository }: Services): Pick<Handlers, 'doctor.run'> {
  return {
    async 'doctor.run'() {
      const checks = [
        checkNode(),
        ...(await checkHosts(deps)),
        ...(await checkRepository(deps, repository)),
        await checkWritable('Settings folder', deps.paths.config),
        await checkWritable('State folder', deps.paths.state),
        await checkProgram(
          deps,
          'ssh',
          'Hosts over SSH',
          'Install the OpenSSH client to reach hosts over SSH.',
        ),
      ]
      return { ok: checks.every(check => check.state !== 'failed'), checks }
    },
  }
}

function checkNode(): DoctorCheck {
  const hasZstd = typeof zlib.createZstdCompress === 'function'
  return {
    name: 'Node',
    state: hasZstd ? 'ok' : 'failed',
    message: hasZstd
      ? `${process.version}, with zstd.`
      : `${process.version} has no zstd, which snapshots are compressed with.`,
    hint: hasZstd ? null : 'Use Node 22.15 or newer; `npm ci` in the checkout brings one.',
  }
}

async function checkHosts(deps: EngineDeps): Promise<readonly DoctorCheck[]> {
  const hosts = await listHosts(
    {
      env: deps.env,
      homeDirectory: deps.homeDirectory,
      settings: deps.settings,
      stateFolder: deps.paths.state,
      cacheFolder: deps.paths.cache,
    },
    { test: true },
  )
  const chosen = hosts.find(host => host.isDefault) ?? hosts[0]
  if (chosen === undefined) {
    return [
      {
        name: 'Docker',
        state: 'warning',
        message: 'No Docker host was found.',
        hint: 'Folders work without Docker: --host folder:/path. For a server: --host ssh://alias.',
      },
    ]
  }
  if (chosen.state !== 'ready') {
    return [
      {
        name: 'Docker',
        state: 'warning',
        message: `${chosen.endpoint} (${chosen.reason}): ${chosen.problem?.message ?? 'no answer.'}`,
        hint: chosen.problem?.hint ?? 'Start Docker, or name another host with --host.',
      },
    ]
  }
  return [
    {
      name: 'Docker',
      state: 'ok',
      message: `${chosen.daemon?.version ?? 'unknown version'} at ${chosen.endpoint} (${chosen.reason})`,
      hint: null,
    },
  ]
}

async function checkRepository(
  deps: EngineDeps,
  open: Services['repository'],
): Promise<readonly DoctorCheck[]> {
  const folder = (await deps.settings.read()).repository
  try {
    const repository = await open(folder, false)
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    return [
      {
        name: 'Repository',
        state: free < LITTLE_SPACE ? 'warning' : 'ok',
        message: `${repository.path}, ${(free / 1024 ** 3).toFixed(1)} GiB free.`,
        hint: free < LITTLE_SPACE ? 'Make room, or name another folder with --repo.' : null,
      },
    ]
  } catch (error) {
    const wire = toWire(error)
    if (wire.code !== 'repository-missing') {
      return [{ name: 'Repository', state: 'failed', message: wire.message, hint: wire.hint }]
    }
    return [
      {
        name: 'Repository',
        state: 'ok',
        message: `None yet; the first backup makes one in ${folder}.`,
        hint: null,
      },
    ]
  }
}

async function checkWritable(name: string, folder: string): Promise<DoctorCheck> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
    return { name, state: 'ok', message: folder, hint: null }
  } catch (error) {
    return {
      name,
      state: 'failed',
      message: `${folder} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Correct its owner or mode, or set LIFEBOAT_HOME to another folder.',
    }
  }
}

async function checkProgram(
  deps: EngineDeps,
  program: string,
  name: string,
  hint: string,
): Promise<DoctorCheck> {
  const names = process.platform === 'win32' ? [`${program}.exe`] : [program]
  for (const folder of (deps.env['PATH'] ?? '').split(path.delimiter)) {
    for (const each of names) {
      const file = path.join(folder, each)
      const found = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (found && folder !== '') return { name, state: 'ok', message: file, hint: null }
    }
  }
  return { name, state: 'warning', message: `${program} was not found.`, hint }
}
