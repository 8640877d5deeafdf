import { AppError } from '../../contract/errors.ts'
import type { CommandPlace } from '../lib/command.ts'
import { runText } from '../lib/run.ts'
import type { FileFact, PlaceFact } from './facts.ts'

/** Counting what is there is for the person who decides; it must not hold up the plan for long. */
const COUNT_LIMIT_MS = 30_000

/** Looks at one path: what it is, its file system, and the room there. */
const lookScript = String.raw`
path=$1
if [ -d "$path" ]; then echo type directory
elif [ -f "$path" ]; then echo type file
elif [ -e "$path" ] || [ -L "$path" ]; then echo type other
else echo type absent; exit 0
fi
echo device "$(stat -c %d -- "$path")"
df -Pk -- "$path" | tail -n 1
`

/** Counts what lies below a folder, and its bytes. */
const countScript = String.raw`
path=$1
echo "entries $(find "$path" -mindepth 1 ! -path "$path/.lifeboat-*" -print0 | tr -dc '\000' | wc -c)"
echo "kilobytes $(du -sk -- "$path" 2>/dev/null | cut -f 1)"
`

/** Prints the SHA-256 of each file that is there, or `-`. */
const hashScript = String.raw`
for file do
  if [ -f "$file" ]; then
    if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum < "$file")
    else sum=$(openssl dgst -sha256 -r < "$file"); fi
    echo "${'$'}{sum%% *}"
  elif [ -e "$file" ] || [ -L "$file" ]; then echo other
  else echo -
  fi
done
`

export const absent: PlaceFact = {
  state: 'absent',
  type: 'other',
  entries: null,
  bytes: null,
  freeBytes: null,
  fileSystem: null,
  problem: null,
}

/** What could not be mounted: gone, or there but out of reach. */
export function unreachable(reason: string): PlaceFact {
  return /no volume|not exist|no such file|not found/i.test(reason)
    ? absent
    : { ...absent, state: 'unknown', problem: reason }
}

/** Looks at a path of the place. Changes nothing. */
export async function lookAtPlace(
  place: CommandPlace,
  path: string,
  signal: AbortSignal,
): Promise<PlaceFact> {
  const { stdout } = await runText(place, ['sh', '-c', lookScript, 'lifeboat-look', path], {
    signal,
  })
  const type = /^type (\w+)$/m.exec(stdout)?.[1]
  if (type === undefined || type === 'absent') return absent
  const free = /\s\d+\s+\d+\s+(\d+)\s+\d+%\s/.exec(stdout)?.[1]
  const counted =
    type === 'directory' ? await count(place, path, signal) : { entries: 1, bytes: null }
  return {
    state: 'present',
    type: type === 'directory' || type === 'file' ? type : 'other',
    ...counted,
    freeBytes: free === undefined ? null : Number(free) * 1024,
    fileSystem: /^device (\S+)$/m.exec(stdout)?.[1] ?? null,
    problem: null,
  }
}

async function count(
  place: CommandPlace,
  path: string,
  signal: AbortSignal,
): Promise<Pick<PlaceFact, 'entries' | 'bytes'>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(COUNT_LIMIT_MS)])
  try {
    const argv = ['sh', '-c', countScript, 'lifeboat-count', path]
    const { stdout } = await runText(place, argv, { signal: limit })
    const entries = /^entries +(\d+)$/m.exec(stdout)?.[1]
    const kilobytes = /^kilobytes (\d+)$/m.exec(stdout)?.[1]
    return {
      entries: entries === undefined ? null : Number(entries),
      bytes: kilobytes === undefined ? null : Number(kilobytes) * 1024,
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) return { entries: null, bytes: null }
    throw error
  }
}

/** Hashes of files, in order. */
export async function hashFiles(
  place: CommandPlace,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly FileFact[]> {
  const argv = ['sh', '-c', hashScript, 'lifeboat-hash', ...paths]
  const { stdout } = await runText(place, argv, { signal })
  const lines = stdout.split('\n')
  return paths.map((_, index) => {
    const line = lines[index] ?? '-'
    return { exists: line !== '-', sha256: /^[0-9a-f]{64}$/.test(line) ? line : null }
  })
}
