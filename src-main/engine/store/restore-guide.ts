import { markdownText, shellWord } from '../lib/shell-word.ts'
import {
  bindStep,
  configStep,
  type GuideStep,
  hostPathWord,
  sqliteStep,
  volumeStep,
} from './guide-steps.ts'
import type { Manifest } from './manifest.ts'

export interface GuideInput {
  readonly manifest: Manifest
  /** By service: the page of its driver (`DatabaseEngine.restoreGuide`), with commands in `sh` blocks that run in the snapshot's folder. */
  readonly databases: readonly { readonly service: string; readonly text: string }[]
  /** Image with sh, find and GNU tar, for filling volumes; the user may name another. Null on a folder host. */
  readonly helperImage: string | null
}

function block(commands: readonly string[]): string[] {
  return commands.length === 0 ? [] : ['```sh', ...commands, '```', '']
}

function page(step: GuideStep, number: number): string[] {
  return [
    `## ${number}. ${markdownText(step.title)}`,
    '',
    ...step.words.flatMap(each => [each, '']),
    ...block(step.commands),
  ]
}

function isOnDocker({ host }: Manifest): boolean {
  return host.kind === 'docker'
}

/** Variables and the function that the later blocks use. */
function settings({ manifest, helperImage }: GuideInput): string[] {
  const { workingDirectory, configFiles, environmentFiles, name, kind } = manifest.stack
  const lines = ['set -e -o pipefail']
  if (workingDirectory !== null) {
    lines.push('# Folder of the stack on this host.', `WORKDIR=${shellWord(workingDirectory)}`)
  }
  if (isOnDocker(manifest)) {
    lines.push(
      '# An image on this host with sh, find and GNU tar.',
      `HELPER=${shellWord(helperImage ?? 'debian:12')}`,
    )
  }
  if (kind === 'compose' && isOnDocker(manifest)) {
    const files = configFiles.map(each => ` -f ${hostPathWord(manifest, each)}`)
    const environment = environmentFiles.map(each => ` --env-file ${hostPathWord(manifest, each)}`)
    lines.push(
      `PROJECT=${shellWord(name)}`,
      `compose() { docker compose --project-name "$PROJECT" --project-directory "$WORKDIR"${[...files, ...environment].join('')} "$@"; }`,
    )
  }
  return lines
}

function wordsOf(services: readonly { readonly name: string }[]): string {
  return services.map(each => shellWord(each.name)).join(' ')
}

/** Makes networks, volumes and containers, none of which runs when the data comes. */
function createStep({ stack }: Manifest): GuideStep {
  switch (stack.kind) {
    case 'compose':
      return {
        title: 'Make the containers, stopped',
        words: ['Compose makes networks, volumes and containers that are missing.'],
        commands: ['compose stop', 'compose up --no-start', 'compose stop'],
      }
    case 'standalone':
    case 'swarm':
    case 'folder':
      return {
        title: 'Stop the containers',
        words: [
          'A container that is missing has to be made first, as `inspect/containers.json` describes it (image, mounts, environment, ports).',
        ],
        commands: stack.services.map(
          ({ containerName }) => `docker stop ${shellWord(containerName)}`,
        ),
      }
  }
}

function startCommands(manifest: Manifest, services: Manifest['stack']['services']): string[] {
  if (services.length === 0) return []
  return manifest.stack.kind === 'compose'
    ? [`compose up -d --no-recreate ${wordsOf(services)}`]
    : services.map(({ containerName }) => `docker start ${shellWord(containerName)}`)
}

function databaseSteps({ manifest, databases }: GuideInput): { title: string; text: string[] }[] {
  return databases.map(({ service, text }) => {
    const server = manifest.stack.services.filter(({ name }) => name === service)
    const start =
      manifest.stack.kind === 'compose' && server.length > 0
        ? [`compose up -d --no-deps --no-recreate --wait ${wordsOf(server)}`]
        : startCommands(manifest, server)
    return { title: `Load the databases of ${service}`, text: [...block(start), text.trim(), ''] }
  })
}

function startStep(manifest: Manifest): GuideStep {
  const running = manifest.stack.services.filter(({ state }) => state === 'running')
  return {
    title: 'Start the stack',
    words: ['Only what ran when the snapshot was taken.'],
    commands: startCommands(manifest, running),
  }
}

function dataSteps(manifest: Manifest): GuideStep[] {
  const steps = manifest.items.flatMap(item => [
    volumeStep(manifest, item),
    bindStep(manifest, item),
  ])
  // A database file lies inside a volume or folder, which must be filled before.
  const files = manifest.items.map(item => sqliteStep(manifest, item))
  return [...steps, ...files].filter(each => each !== null)
}

function introduction({ manifest }: GuideInput): string[] {
  const { stack, host, time, outcome, lifeboat, excluded } = manifest
  return [
    `# How to restore ${markdownText(stack.name)} without Lifeboat`,
    '',
    `This folder is a snapshot of the stack **${markdownText(stack.name)}** on ${markdownText(host.label)}, taken at ${time} by Lifeboat ${markdownText(lifeboat.version)}.`,
    `The commands below bring it back with stock tools alone: bash, sha256sum, zstd, GNU tar${isOnDocker(manifest) ? ', docker' : ''}.`,
    'Copy this folder to the host, become root there, go into the folder, and run the blocks from top to bottom in one shell.',
    '',
    ...(outcome === 'complete'
      ? []
      : ['**This snapshot is partial: something that belongs to the stack is not in it.**', '']),
    ...(excluded.length === 0
      ? []
      : [
          'Not in this snapshot:',
          '',
          ...excluded.map(({ item, reason }) => `- ${markdownText(item)}: ${markdownText(reason)}`),
          '',
        ]),
  ]
}

/**
 * The text of RESTORE.md: the commands that restore a snapshot without Lifeboat. All `sh` blocks, one
 * after the other, are one script for `bash -e` with the snapshot's folder as working directory.
 */
export function restoreGuide(input: GuideInput): string {
  const { manifest } = input
  const onDocker = isOnDocker(manifest)
  const config = configStep(manifest)
  const before: GuideStep[] = [
    {
      title: 'Settings',
      words: ['Adapt them where the stack shall lie elsewhere.'],
      commands: settings(input),
    },
    {
      title: 'Check that the snapshot is whole',
      words: ['Do not go on when this fails.'],
      commands: ['sha256sum --quiet -c SHA256SUMS'],
    },
    ...(config === null ? [] : [config]),
    ...(onDocker && manifest.stack.services.length > 0 ? [createStep(manifest)] : []),
    ...dataSteps(manifest),
  ]
  const pages = before.flatMap((step, index) => page(step, index + 1))
  const databases = databaseSteps(input).flatMap(({ title, text }, index) => [
    `## ${before.length + index + 1}. ${markdownText(title)}`,
    '',
    ...text,
  ])
  const last = before.length + input.databases.length + 1
  const start = onDocker ? page(startStep(manifest), last) : []
  const text = [...introduction(input), ...pages, ...databases, ...start].join('\n')
  return `${text.trimEnd()}\n`
}
