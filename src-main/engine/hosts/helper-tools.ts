import type { CommandPlace } from '../lib/command.ts'
import { runText } from '../lib/run.ts'
import type { HelperTools } from './helper.ts'

/** Changes whenever the script below learns to ask something new, so that older answers are not reused. */
export const PROBE_VERSION = 1

/** Asks an image what its tools can do. Reads only; needs nothing but a shell. */
const probeScript = `
have() { command -v "$1" >/dev/null 2>&1; }
case "$(tar --version 2>/dev/null)" in
  *'GNU tar'*) echo tar=gnu ;;
  *) case "$(tar --help 2>&1)" in *BusyBox*) echo tar=busybox ;; esac ;;
esac
case "$(find --version 2>/dev/null)" in
  *GNU*) echo find=gnu ;;
  *) case "$(find --help 2>&1)" in *BusyBox*) echo find=busybox ;; esac ;;
esac
[ "$(printf x | zstd -q -c 2>/dev/null | zstd -q -d -c 2>/dev/null)" = x ] && echo zstd=yes
x=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
case "$(printf x | openssl dgst -sha256 -r 2>/dev/null)" in
  $x*) echo sha256=openssl ;;
  *) case "$(printf x | sha256sum 2>/dev/null)" in $x*) echo sha256=sha256sum ;; esac ;;
esac
have getfattr && echo getfattr=yes
if perl -MIO::Socket::UNIX -e 1 2>/dev/null; then echo socket=perl
elif python3 -c 'import socket' 2>/dev/null; then echo socket=python3
else case "$(curl --version 2>/dev/null)" in *[Uu]nix[Ss]ockets*) echo socket=curl ;; esac
fi
echo shell=yes
`

/** An image in which nothing can be run. */
export const NO_TOOLS: HelperTools = {
  tar: null,
  zstd: false,
  sha256: null,
  shell: false,
  find: null,
  getfattr: false,
  socketClient: null,
}

/** Asks what the tools in a running helper can do. */
export async function probeTools(place: CommandPlace, signal?: AbortSignal): Promise<HelperTools> {
  const { stdout } = await runText(
    place,
    ['sh', '-c', probeScript],
    signal === undefined ? {} : { signal },
  )
  return parseProbe(stdout)
}

/** Pure. The lines of the script as tools. */
export function parseProbe(text: string): HelperTools {
  const said = new Set(text.split('\n').map(line => line.trim()))
  const one = <T extends string>(name: string, values: readonly T[]): T | null =>
    values.find(value => said.has(`${name}=${value}`)) ?? null
  return {
    tar: one('tar', ['gnu', 'busybox']),
    zstd: said.has('zstd=yes'),
    sha256: one('sha256', ['openssl', 'sha256sum']),
    shell: said.has('shell=yes'),
    find: one('find', ['gnu', 'busybox']),
    getfattr: said.has('getfattr=yes'),
    socketClient: one('socket', ['perl', 'python3', 'curl']),
  }
}

/** Nothing better can be found: everything is kept, compressed and proved at the source. */
export function isPerfect(tools: HelperTools): boolean {
  return tools.tar === 'gnu' && tools.zstd && tools.sha256 !== null && tools.find === 'gnu'
}

/** How well an image serves as a helper; 0 when not at all. */
export function scoreOf(tools: HelperTools): number {
  if (!tools.shell || tools.tar === null) return 0
  return (
    1 +
    (tools.tar === 'gnu' ? 16 : 0) +
    (tools.zstd ? 8 : 0) +
    (tools.find === 'gnu' ? 4 : tools.find === 'busybox' ? 2 : 0) +
    (tools.sha256 === null ? 0 : 1)
  )
}
