import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { dockerSample } from '../demo/docker-sample.ts'
import { folderSample } from '../demo/folder-sample.ts'
import { interruptible } from '../demo/interrupt.ts'
import { type DemoPage, demoPage } from '../demo/page.ts'
import { type DemoReport, runDemo } from '../demo/run-demo.ts'
import type { Sample } from '../demo/sample.ts'
import { formatDuration } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { shellWord } from '../output/shell-word.ts'
import type { Session } from '../session.ts'
import type { RegisterCommand } from './command.ts'

interface DemoFlags {
  readonly docker: boolean
  readonly keep?: boolean
}

export const registerDemo: RegisterCommand = (program, run) => {
  program
    .command('demo')
    .option('--no-docker', 'the sample in a plain folder, even where Docker is reachable')
    .option('--keep', 'leave the sample and its snapshots, to look at and play with')
    .summary('the whole job before your eyes, on a built-in sample')
    .addHelpText('before', 'Examples:\n  lifeboat demo\n  lifeboat demo --no-docker --keep\n')
    .action((flags: DemoFlags) => run(session => demo(session, flags)))
}

async function demo(outer: Session, flags: DemoFlags): Promise<number> {
  const { terminal, signals } = outer
  const home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-demo-'))
  const leaves = `${home} and what the demo made in Docker would stay then.`
  return interruptible({ signals, say: terminal.warn, leaves }, signal =>
    demoIn(outer.inHome(path.join(home, 'lifeboat')), home, flags, signal),
  )
}

async function demoIn(
  session: Session,
  home: string,
  flags: DemoFlags,
  signal: AbortSignal,
): Promise<number> {
  const { terminal } = session
  const start = performance.now()
  const isForPeople = !terminal.options.json && !terminal.options.jsonStream
  const page = demoPage(isForPeople ? terminal.out : () => undefined, {
    style: terminal.outStyle,
    home,
  })
  let sample: Sample | null = null
  try {
    sample = await makeSample({ session, home, page, signal, wantsDocker: flags.docker })
    introduce(page, sample, home, flags)
    const found = await runDemo({ session, sample, page, signal })
    const isGood = found.facts.total > 0 && found.facts.differences.length === 0
    const report: DemoReport = {
      outcome: isGood ? 'ok' : 'failed',
      sample: sample.kind,
      host: sample.host,
      stack: sample.stack,
      ...found,
      kept: flags.keep === true ? home : null,
      durationMs: Math.round(performance.now() - start),
    }
    terminal.result(report, () => endText(session, report))
    return isGood ? 0 : 15
  } finally {
    await session.close().catch(() => undefined)
    if (flags.keep !== true) {
      await sample?.remove()
      await rm(home, { recursive: true, force: true })
    }
  }
}

async function makeSample(given: {
  readonly session: Session
  readonly home: string
  readonly page: DemoPage
  readonly signal: AbortSignal
  readonly wantsDocker: boolean
}): Promise<Sample> {
  const { session, home, page, signal, wantsDocker } = given
  if (!wantsDocker) return folderSample(home)
  session.terminal.say('Looking for Docker …')
  const client = await session.client()
  const made = await dockerSample({ client, home, signal, say: session.terminal.say })
  if (typeof made !== 'string') return made
  page.text(`Without Docker, since ${made}.`)
  return folderSample(home)
}

function introduce(page: DemoPage, sample: Sample, home: string, { keep }: DemoFlags): void {
  page.text(sample.about)
  page.text(
    keep === true
      ? 'It lies in this folder, and stays there:'
      : 'It lies in this folder, which is removed at the end:',
  )
  page.text(`  DEMO=${home}`)
  page.text('Your own settings and snapshots are not touched.')
}

function endText({ terminal }: Session, report: DemoReport): string {
  const { style } = terminal.look
  const took = formatDuration(report.durationMs)
  const result =
    report.outcome === 'ok'
      ? style.good(`✓ Lost and brought back, in ${took}.`)
      : style.bad(`✗ Not everything came back. The demo failed after ${took}.`)
  const next =
    report.kept === null
      ? ['Now your own: lifeboat stacks']
      : [
          'Look around:',
          `  export LIFEBOAT_HOME=${shellWord(path.join(report.kept, 'lifeboat'))}`,
          '  lifeboat snapshots',
          `  lifeboat stacks ${shellWord(report.stack)} --host ${shellWord(report.host)}`,
          `  lifeboat undo --confirm ${shellWord(report.stack)}`,
          'Away with it:',
          ...(report.sample === 'docker' ? [`  docker compose -p ${report.stack} down -v`] : []),
          `  rm -r ${shellWord(report.kept)}`,
        ]
  return ['', result, ...next.map(line => safeText(line))].join('\n')
}
