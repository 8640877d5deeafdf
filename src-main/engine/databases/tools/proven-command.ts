import type { CommandOptions, CommandPlace, CommandResult } from '../../lib/command.ts'
import type { ProvenStream, SourceProof } from '../../lib/proven-stream.ts'

/**
 * The constant POSIX shell script that runs a dump tool and proves at the source what it emitted: exit
 * code, number of bytes and SHA-256 of exactly those bytes, as the last line on stderr. Arguments: the
 * tool and its arguments. It needs `tee` and `wc`; without `sha256sum` and `openssl` the bytes are the
 * proof alone.
 *
 * All members of the pipeline are children of shells that outlive them: the command substitutions end
 * only when every writer has, and a signal makes the shells wait instead of die. A child that outlived
 * us and died by a signal would be reaped by process 1; where that is Postgres, it would take this for
 * the crash of a backend and end all sessions.
 */
export const proofScript = `
trap : TERM INT HUP
run() {
  trap : TERM INT HUP
  "$@" 3>&- 4>&- 5>&- 6>&- </dev/null
  echo "exit=$?" >&5
}
digest() {
  trap : TERM INT HUP
  if command -v sha256sum >/dev/null; then sum=$(sha256sum)
  elif command -v openssl >/dev/null; then sum=$(openssl dgst -sha256 -r)
  else cat >/dev/null; return
  fi
  echo "sha256=\${sum%% *}" >&5
}
count() {
  trap : TERM INT HUP
  echo "bytes=$(wc -c)" >&5
}
exec 3>&1
proof=$({ { { run "$@" | tee /dev/fd/4 /dev/fd/6 >&3 5>&-; } 4>&1 | digest 3>&- 6>&-; } 6>&1 | count 3>&-; } 5>&1)
echo "lifeboat-proof" $proof >&2
for word in $proof; do
  case $word in exit=*) exit "\${word#exit=}" ;; esac
done
exit 1
`

/** Puts the proof script in front of a tool. */
export function withProof(argv: readonly string[]): readonly string[] {
  return ['sh', '-c', proofScript, 'lifeboat-proof', ...argv]
}

/** What the driver adds to a command's proof. */
export interface ProvenOptions extends Omit<CommandOptions, 'stdin'> {
  /** Warnings for this stream that are known before it starts. */
  readonly warnings?: readonly string[]
}

/**
 * Starts a command whose argv contains {@link withProof} and hands its output over with the source's
 * proof. Rejects with `tool-missing` when there is no shell.
 */
export async function provenCommand(
  place: CommandPlace,
  argv: readonly string[],
  { warnings = [], ...options }: ProvenOptions,
): Promise<ProvenStream> {
  const running = await place.start(argv, options)
  return {
    stream: running.stdout,
    encoding: 'none',
    proof: running.result.then(result => readProof(result, warnings)),
    abort: () => running.kill(),
  }
}

/** Reads the trailer of the proof script. Without one the stream is no good, whatever the exit code says. */
export function readProof(result: CommandResult, warnings: readonly string[]): SourceProof {
  const lines = result.stderr.split('\n')
  const at = lines.findLastIndex(line => line.startsWith('lifeboat-proof '))
  const stderr = lines.filter((_, index) => index !== at).join('\n')
  const common = { exitCode: result.exitCode, stderr, warnings }
  const words = new Map(
    (lines[at] ?? '')
      .split(' ')
      .slice(1)
      .map(word => [word.split('=', 1)[0] ?? '', word.slice(word.indexOf('=') + 1)] as const),
  )
  const bytes = words.get('bytes')
  const sha256 = words.get('sha256')
  if (at === -1 || !words.has('exit') || bytes === undefined || !/^\d+$/.test(bytes)) {
    return { ...common, failure: 'The proof of completeness from the source did not arrive.' }
  }
  if (words.get('exit') !== String(result.exitCode)) {
    return { ...common, failure: 'The source and the engine tell different exit codes.' }
  }
  const streamBytes = Number(bytes)
  if (sha256 === undefined) return { ...common, streamBytes }
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    return { ...common, failure: 'The checksum from the source is not readable.' }
  }
  return { ...common, streamBytes, streamSha256: sha256 }
}
