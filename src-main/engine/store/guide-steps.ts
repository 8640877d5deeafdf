import { shellWord } from '../lib/shell-word.ts'
import type { ArtifactRecord, Manifest, ManifestItem } from './manifest.ts'

/** One step of a guide: a heading, sentences, commands. Empty commands: nothing to run. */
export interface GuideStep {
  readonly title: string
  readonly words: readonly string[]
  readonly commands: readonly string[]
}

/** Options with which GNU tar gives everything back that the archive holds, and is silent about odd times. */
const tarOptions =
  "-x -p --numeric-owner --same-owner --acls --xattrs --xattrs-include='*' --warning=no-timestamp -f -"

/** A path on the host; below the stack's folder it follows the variable, so that the stack may lie elsewhere now. */
export function hostPathWord(manifest: Manifest, hostPath: string): string {
  const { workingDirectory } = manifest.stack
  if (workingDirectory === null) return shellWord(hostPath)
  if (hostPath === workingDirectory) return '"$WORKDIR"'
  const prefix = workingDirectory.endsWith('/') ? workingDirectory : `${workingDirectory}/`
  if (!hostPath.startsWith(prefix)) return shellWord(hostPath)
  return `"$WORKDIR"/${shellWord(hostPath.slice(prefix.length))}`
}

/** The beginning of a pipe: plain bytes of an artifact. */
export function plainBytes({ path, codec }: ArtifactRecord): string {
  return codec === 'zstd' ? `zstd -dc ${shellWord(path)}` : `cat ${shellWord(path)}`
}

function folderOf(hostPath: string): string {
  return hostPath.slice(0, Math.max(1, hostPath.lastIndexOf('/')))
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

/** Puts a file of the stack's definition back where it was, with owner, mode and time. */
function configCommands(manifest: Manifest, artifact: ArtifactRecord): string[] {
  const { file } = artifact
  if (file === null) return []
  const target = hostPathWord(manifest, file.hostPath)
  const parent = `mkdir -p ${hostPathWord(manifest, folderOf(file.hostPath))}`
  if (file.kind === 'symlink') {
    const link = `ln -sfn -- ${shellWord(file.linkTarget ?? '')} ${target}`
    return [parent, link, `chown -h ${file.uid}:${file.gid} ${target}`]
  }
  return [
    parent,
    `install -m 0600 ${shellWord(artifact.path)} ${target}`,
    `chown ${file.uid}:${file.gid} ${target}`,
    `chmod ${octal(file.mode)} ${target}`,
    `touch -d ${shellWord(file.modified)} ${target}`,
  ]
}

/** The stack's own files: compose file, `.env`, secrets. */
export function configStep(manifest: Manifest): GuideStep | null {
  const artifacts = manifest.artifacts.filter(({ item }) => item.startsWith('config:'))
  const all = artifacts.flatMap(each => configCommands(manifest, each))
  // Files of one folder need it made once.
  const commands = all.filter((line, at) => !line.startsWith('mkdir ') || all.indexOf(line) === at)
  if (commands.length === 0) return null
  return {
    title: 'Put the files of the stack back',
    words: [
      'Compose files, environment files and secrets, with their owners and modes. A file that is there now is overwritten.',
    ],
    commands,
  }
}

/** Paths that the archive of an item does not hold, because they are kept in another way. */
function leftOut(item: ManifestItem): readonly string[] {
  const value = item.facts.leftOut
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

function archiveOf(manifest: Manifest, item: ManifestItem): ArtifactRecord | undefined {
  return manifest.artifacts.find(each => each.item === item.id && each.content === 'tar')
}

/** One volume, filled through a container that has nothing but the volume. */
export function volumeStep(manifest: Manifest, item: ManifestItem): GuideStep | null {
  const archive = archiveOf(manifest, item)
  if (item.kind !== 'volume' || archive === undefined) return null
  const name = shellWord(item.source)
  const empty = leftOut(item).length === 0 ? 'find /v -mindepth 1 -delete && ' : ''
  const script = `${empty}cd /v && tar ${tarOptions.replaceAll("'", '"')}`
  return {
    title: `Fill the volume ${item.source}`,
    words: emptyWords(item),
    commands: [
      `docker volume inspect ${name} > /dev/null 2>&1 || docker volume create ${name}`,
      `${plainBytes(archive)} | docker run --rm -i --network none --log-driver none --user 0 --entrypoint sh -v ${name}:/v "$HELPER" -c '${script}'`,
    ],
  }
}

function emptyWords(item: ManifestItem): string[] {
  const kept = leftOut(item)
  return kept.length === 0
    ? ['What is in it now is deleted first.']
    : [
        'Files that are in it now and not in the archive stay, because parts of it are restored in another way.',
      ]
}

/** One folder or file of the host. */
export function bindStep(manifest: Manifest, item: ManifestItem): GuideStep | null {
  const archive = archiveOf(manifest, item)
  if (item.kind !== 'bind' || archive === undefined) return null
  const target = hostPathWord(manifest, item.source)
  const unpack = (into: string): string => `${plainBytes(archive)} | tar ${tarOptions} -C ${into}`
  const empty = leftOut(item).length === 0 ? [`find ${target} -mindepth 1 -delete`] : []
  const folder = [`mkdir -p ${target}`, ...empty, unpack(target)]
  const step = { title: `Fill ${item.source}`, words: emptyWords(item) }
  if (archive.entries !== 1 || archive.index === null) return { ...step, commands: folder }
  // One entry: an empty folder, or a single file, which the index tells apart.
  const parent = hostPathWord(manifest, folderOf(item.source))
  return {
    ...step,
    commands: [
      `if zstd -dc ${shellWord(archive.index)} | grep '"path":"\\.","type":"directory"' > /dev/null; then`,
      ...folder.map(each => `  ${each}`),
      'else',
      `  mkdir -p ${parent}`,
      `  ${unpack(parent)}`,
      'fi',
    ],
  }
}

/** One SQLite database: the file without its logs, which belong to the former one. */
export function sqliteStep(manifest: Manifest, item: ManifestItem): GuideStep | null {
  const stored = manifest.artifacts.find(each => each.item === item.id && each.content === 'sqlite')
  const { mount, path: inside } = item.facts
  if (item.kind !== 'sqlite' || stored === undefined || typeof inside !== 'string') return null
  const title = `Put the SQLite database ${item.source} back`
  const words = ['Nothing may use it meanwhile.']
  const uid = stored.file?.uid ?? 0
  const gid = stored.file?.gid ?? 0
  const mode = octal(stored.file?.mode ?? 0o600)
  if (typeof mount === 'string' && mount.startsWith('volume:')) {
    const volume = shellWord(mount.slice('volume:'.length))
    const script =
      'mkdir -p "$(dirname "/v/$1")" && cat > "/v/$1" && rm -f "/v/$1-wal" "/v/$1-shm" "/v/$1-journal" && chown "$2" "/v/$1" && chmod "$3" "/v/$1"'
    return {
      title,
      words,
      commands: [
        `${plainBytes(stored)} | docker run --rm -i --network none --log-driver none --user 0 --entrypoint sh -v ${volume}:/v "$HELPER" -c '${script}' sh ${shellWord(inside)} ${uid}:${gid} ${mode}`,
      ],
    }
  }
  const base =
    typeof mount === 'string' ? mount.replace(/^bind:/, '') : manifest.stack.workingDirectory
  const hostPath = [base ?? '', inside].filter(each => each !== '').join('/')
  const target = hostPathWord(manifest, hostPath)
  return {
    title,
    words,
    commands: [
      `mkdir -p ${hostPathWord(manifest, folderOf(hostPath))}`,
      `${plainBytes(stored)} > ${target}`,
      `rm -f ${['-wal', '-shm', '-journal'].map(each => hostPathWord(manifest, hostPath + each)).join(' ')}`,
      `chown ${uid}:${gid} ${target}`,
      `chmod ${mode} ${target}`,
    ],
  }
}
