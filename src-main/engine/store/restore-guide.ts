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

/** Nothing of the stack runs while its data comes back. */
function stopStep({ stack }: Manifest): GuideStep {
  if (stack.kind === 'compose') {
    return {
      title: 'Stop what runs',
      words: ['Where nothing of the stack is left, this does nothing.'],
      commands: ['compose stop'],
    }
  }
  return {
    title: 'Stop the containers',
    words: [
      'A container that is missing has to be made first, as `inspect/containers.json` describes it (image, mounts, environment, ports).',
    ],
    commands: stack.services.map(({ containerName }) => `docker stop ${shellWord(containerName)}`),
  }
}

/** Networks, volumes and containers; after the folders of the host, without which none can be made. */
function createStep({ stack }: Manifest): GuideStep | null {
  if (stack.kind !== 'compose') return null
  const images = [...new Set(stack.services.map(({ image }) => image))]
  return {
    title: 'Make the containers, stopped',
    words: [
      'Compose makes networks, volumes and containers that are missing.',
      `An image that is not on this host is pulled: ${markdownText(images.join(', '))}. Which build of it ran is in \`manifest.json\` (\`imageDigests\`).`,
    ],
    commands: ['compose up --no-start'],
  }
}

function startCommands(manifest: Manifest, services: Manifest['stack']['services']): string[] {
  if (services.length === 0) return []
  return manifest.stack.kind === 'compose'
    ? [`compose up -d --no-recreate --wait ${wordsOf(services)}`]
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
    words: [
      manifest.stack.kind === 'compose'
        ? 'Only what ran when the snapshot was taken. The command waits until all of it runs and is healthy.'
        : 'Only what ran when the snapshot was taken.',
    ],
    commands: startCommands(manifest, running),
  }
}

function dataSteps(manifest: Manifest): GuideStep[] {
  const { items } = manifest
  const onDocker = isOnDocker(manifest) && manifest.stack.services.length > 0
  return [
    onDocker ? stopStep(manifest) : null,
    ...items.map(item => bindStep(manifest, item)),
    onDocker ? createStep(manifest) : null,
    ...items.map(item => volumeStep(manifest, item)),
    // A database file lies inside a volume or folder, which must be filled before.
    ...items.map(item => sqliteStep(manifest, item)),
  ].filter(each => each !== null)
}

function introduction({ manifest }: GuideInput): string[] {
  const { stack, host, time, outcome, lifeboat, excluded } = manifest
  return [
    `# How to restore ${markdownText(stack.name)} without Lifeboat`,
    '',
    `This folder is a snapshot of the stack **${markdownText(stack.name)}** on ${markdownText(host.label)}, taken at ${time} by Lifeboat ${markdownText(lifeboat.version)}.`,
    `The commands below bring it back with stock tools alone: bash, sha256sum, zstd, GNU tar${isOnDocker(manifest) ? ', docker' : ''}.`,
    'Copy this folder to the host, become root there, and go into the folder. Type `bash` for a shell of its own, which ends at the first command that fails, and run the blocks in it from top to bottom.',
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
