// All tests, or some stages of them:
//   node scripts/test.ts [--stages set-up,lint,build,unit,engine,e2e] [arguments for the test runner]
// Goes on after a failure, tells every failure in full at the end, and closes with one line of totals.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { labEngine } from '../lab/engines/registry.ts'
import { readSummary } from '../lab/lib/summary.ts'
import { readPlaywrightReport, readVitestReport, type TestResult } from './lib/reports.ts'
import { problemsOfRun, requiredSuites } from './lib/required-suites.ts'
import { runStep } from './lib/run-step.ts'
import { type StageName, stageNames, type Step, steps, usualStages } from './lib/stages.ts'
import { type StepOutcome, summaryText, totalsOf } from './lib/summary.ts'
import { strayTestFiles, testFiles } from './lib/test-files.ts'

const root = join(import.meta.dirname, '..')

function readArguments(argv: readonly string[]): {
  readonly stages: readonly StageName[]
  readonly rest: readonly string[]
} {
  if (argv[0] !== '--stages') return { stages: usualStages, rest: argv }
  const stages = (argv[1] ?? '').split(',').map(name => {
    const stage = stageNames.find(known => known === name)
    if (stage === undefined) throw new Error(`There is no stage ${name}: ${stageNames.join(', ')}`)
    return stage
  })
  return { stages, rest: argv.slice(2) }
}

/** Why a step cannot run on this machine, in words; null when it can. */
async function whatIsMissing(step: Step): Promise<string | null> {
  if (step.engine === undefined) return null
  const lab = await readSummary()
  if (lab?.engines.find(engine => engine.id === step.engine)?.running) return null
  const label = step.engine === '20' || step.engine === '26' ? labEngine(step.engine).label : ''
  const help = (lab?.missing ?? []).map(
    part => `${part.what}: ${part.install ?? 'no command helps'}`,
  )
  return [`${label} is not running, so its suites did not run.`, ...help].join('\n')
}

async function readResults(step: Step): Promise<readonly TestResult[] | null> {
  if (step.report === null) return []
  const text = await readFile(join(root, step.report.file), 'utf8').catch(() => null)
  if (text === null) return null
  const json: unknown = JSON.parse(text)
  return step.report.format === 'vitest' ? readVitestReport(json) : readPlaywrightReport(json, root)
}

/** A window needs a display; without one, a virtual one. */
function withDisplay(step: Step): readonly string[] {
  const needsOne = step.stage === 'e2e' && process.platform === 'linux'
  if (!needsOne || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']) return step.command
  return ['xvfb-run', '--auto-servernum', ...step.command]
}

async function run(step: Step, rest: readonly string[]): Promise<StepOutcome> {
  process.stdout.write(`\n═══ ${step.name}\n`)
  const missing = await whatIsMissing(step)
  if (missing !== null) {
    process.stdout.write(`${missing}\n`)
    return { name: step.name, ok: false, seconds: 0, complaint: missing, results: [] }
  }
  if (step.report !== null) await rm(join(root, step.report.file), { force: true })
  const command = step.report === null ? step.command : [...withDisplay(step), ...rest]
  const finished = await runStep(command, {
    cwd: root,
    limitMinutes: step.limitMinutes,
    env: { ...process.env, ...step.env },
  })
  const results = await readResults(step)
  const common = { name: step.name, seconds: finished.seconds, results: results ?? [] }
  if (finished.code === 0 && results !== null) return { ...common, ok: true, complaint: '' }
  if (results?.some(test => test.status === 'failed') && !finished.timedOut) {
    return { ...common, ok: false, complaint: '' }
  }
  const ended = finished.timedOut
    ? `It was ended after ${step.limitMinutes} minutes.`
    : `It ended with code ${finished.code ?? 'none (a signal)'}${results === null ? ' and wrote no report' : ''}.`
  return { ...common, ok: false, complaint: `${ended} The end of its output:\n${finished.tail}` }
}

/** The projects of the test runners that take part in these stages. */
function projectsOf(stages: readonly StageName[]): readonly string[] {
  return [
    ...(stages.includes('unit') ? ['unit'] : []),
    ...(stages.includes('engine') ? ['engine-20', 'engine-26'] : []),
    ...(stages.includes('e2e') ? ['electron', 'chromium'] : []),
    ...(stages.includes('long') ? ['long-20', 'long-26'] : []),
  ]
}

async function problems(
  stages: readonly StageName[],
  outcomes: readonly StepOutcome[],
): Promise<readonly string[]> {
  const list = await readFile(join(root, 'test', 'required-suites.json'), 'utf8')
  const ran = projectsOf(stages)
  const files = (await testFiles(root)).filter(({ project }) => ran.includes(project))
  const results = outcomes.flatMap(outcome => outcome.results)
  const stray = stages.includes('lint') ? await strayTestFiles(root) : []
  return [
    ...problemsOfRun(requiredSuites.parse(JSON.parse(list)), ran, files, results),
    ...stray.map(file => `${file} belongs to no project of the test runners, so it never runs.`),
  ]
}

const { stages, rest } = readArguments(process.argv.slice(2))
await mkdir(join(root, '.cache', 'reports'), { recursive: true })
const outcomes: StepOutcome[] = []
const interrupt = new AbortController()
process.on('SIGINT', () => interrupt.abort())
process.on('SIGTERM', () => interrupt.abort())
for (const step of steps) {
  if (stages.includes(step.stage) && !interrupt.signal.aborted) outcomes.push(await run(step, rest))
}
const interrupted = interrupt.signal.aborted
// With a filter for the test runner, most suites are meant to be absent.
const wrong = rest.length > 0 || interrupted ? [] : await problems(stages, outcomes)
process.stdout.write(summaryText(outcomes, wrong))
process.exitCode = interrupted ? 130 : totalsOf(outcomes, wrong).failed > 0 ? 1 : 0
