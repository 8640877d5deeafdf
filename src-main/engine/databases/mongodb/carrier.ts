import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { CommandPlace } from '../../lib/command.ts'
import { lookAround } from '../tools/run-tool.ts'

/**
 * Programs inside the container that can carry bytes between their own input and output and a port there:
 * the server's port need not be published, and no other host is asked. Each waits for all its children.
 */
const bashScript = `
trap : TERM INT HUP
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 111
exec 4<&0
cat <&4 >&3 &
up=$!
cat <&3 4<&- &
down=$!
wait -n
code=1
kill -0 "$down" 2>/dev/null && code=0
kill "$up" "$down" 2>/dev/null
wait "$up"
wait "$down"
exit "$code"
`

const perlScript = `
use strict;
use IO::Socket::INET;
my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]) or die "connect: $@\\n";
sub carry {
  my ($from, $to) = @_;
  my $bytes;
  while (sysread($from, $bytes, 131072)) {
    for (my $at = 0; $at < length $bytes;) {
      my $written = syswrite($to, $bytes, length($bytes) - $at, $at);
      return unless defined $written;
      $at += $written;
    }
  }
}
my $child = fork;
defined $child or die "fork: $!\\n";
if ($child == 0) { carry(\\*STDIN, $server); shutdown($server, 1); exit 0 }
carry($server, \\*STDOUT);
kill 'TERM', $child;
waitpid $child, 0;
`

const pythonScript = `
import os, socket, sys, threading
server = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
def up():
    try:
        while True:
            data = os.read(0, 131072)
            if not data:
                break
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)
    except OSError:
        pass
threading.Thread(target=up, daemon=True).start()
while True:
    data = server.recv(131072)
    if not data:
        break
    while data:
        data = data[os.write(1, data):]
`

/** A program that carries bytes: {@link CarrierName} as found in the container. */
export const carriers = {
  bash: (port: number) => ['bash', '-c', bashScript, 'lifeboat-carrier', String(port)],
  perl: (port: number) => ['perl', '-e', perlScript, '--', String(port)],
  python3: (port: number) => ['python3', '-c', pythonScript, String(port)],
  nc: (port: number) => ['nc', '127.0.0.1', String(port)],
} as const satisfies Readonly<Record<string, (port: number) => readonly string[]>>

export type CarrierName = keyof typeof carriers

/** A bash that was built without networks says that there is no such file. */
const lookScript = `
if command -v bash >/dev/null && command -v cat >/dev/null; then
  case $(bash -c ': >/dev/tcp/127.0.0.1/1' 2>&1) in *"No such file"*) ;; *) echo bash ;; esac
fi
perl -MIO::Socket::INET -e 1 2>/dev/null && echo perl
for tool in python3 nc; do
  command -v "$tool" >/dev/null && echo "$tool"
done
exit 0
`

/** Finds what can carry bytes in this container. Rejects with `tool-missing` that names the way out. */
export async function findCarrier(place: CommandPlace, signal: AbortSignal): Promise<CarrierName> {
  let details: string
  try {
    const answer = await lookAround(place, ['sh', '-c', lookScript], { signal })
    const found = answer.stdout.split('\n').find(name => Object.hasOwn(carriers, name))
    if (found !== undefined) return found as CarrierName
    details = answer.stderr
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'tool-missing') throw error
    details = error.message
  }
  throw new AppError('tool-missing', {
    message: `Nothing in ${place.description} can reach its MongoDB server: there is neither bash, perl, python3 nor nc.`,
    state: NOTHING_CHANGED,
    hint: 'Use an image that holds one of them, as the official ones do, or exclude the database and stop the service for its volume.',
    details,
  })
}
