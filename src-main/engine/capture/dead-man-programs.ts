import type { HelperTools } from '../hosts/helper.ts'

/**
 * The programs of the dead-man switch, one per tool that can talk to a unix socket. They are constant;
 * everything particular comes as arguments: path of the engine's socket, seconds of silence that are
 * borne, the engine's id, then what is to be done, in order: `start:ID` or `unpause:ID`.
 *
 * Each waits for a first byte (nothing has been touched before that: without it, it just ends), asks the
 * engine behind the socket for its id, and ends with code 3 when it is another one. Then it prints `armed`
 * and reads its input: any byte is a heartbeat, the word `done` is the end (code 0). Silence, or the end of
 * input without `done`, means that Lifeboat is gone: it does what was listed, tries
 * again while the engine does not answer or fails, and ends. An answer below 500 settles a container:
 * done, already running (304), gone (404), not paused (409; older engines say so with a 500).
 */
const perl = String.raw`
use strict;
use Socket;
my ($path, $silence, $engine, @acts) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$| = 1;
sub ask {
  my ($method, $url) = @_;
  my $answer = '';
  eval {
    local $SIG{ALRM} = sub { die "late\n" };
    alarm 60;
    socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or die;
    connect($socket, pack_sockaddr_un($path)) or die;
    syswrite($socket, "$method $url HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n") or die;
    while (sysread($socket, my $part, 65536)) { $answer .= $part }
    alarm 0;
  };
  alarm 0;
  return $answer;
}
sub hear {
  while (1) {
    my $ready = '';
    vec($ready, fileno(STDIN), 1) = 1;
    my $count = select($ready, undef, undef, $silence);
    next if $count < 0;
    return '' if $count == 0;
    sysread(STDIN, my $part, 4096) or return '';
    return $part;
  }
}
exit 0 if hear() eq '';
exit 3 unless index(ask('GET', '/info'), "\"ID\":\"$engine\"") >= 0;
print "armed\n";
my $heard = '';
while ((my $part = hear()) ne '') {
  $heard = substr($heard . $part, -64);
  exit 0 if $heard =~ /done/;
}
for my $act (@acts) {
  my ($verb, $id) = split(/:/, $act, 2);
  for my $try (1 .. 120) {
    my $answer = ask('POST', "/containers/$id/$verb");
    my ($status) = $answer =~ m{^HTTP/1\.[01] (\d+)};
    last if defined $status && ($status < 500 || $try >= 10 || $answer =~ /is not paused/);
    sleep 1;
  }
}
exit 0;
`

const python = String.raw`
import os, re, select, socket, sys, time
path, silence, engine, acts = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4:]
def ask(method, url):
    answer = b''
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(60)
            link.connect(path)
            link.sendall(('%s %s HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n' % (method, url)).encode())
            while True:
                part = link.recv(65536)
                if not part:
                    break
                answer += part
    except OSError:
        pass
    return answer.decode('utf-8', 'replace')
def hear():
    return os.read(0, 4096) if select.select([0], [], [], silence)[0] else b''
if not hear():
    sys.exit(0)
if '"ID":"%s"' % engine not in ask('GET', '/info'):
    sys.exit(3)
print('armed', flush=True)
heard = b''
part = hear()
while part:
    heard = (heard + part)[-64:]
    if b'done' in heard:
        sys.exit(0)
    part = hear()
for act in acts:
    verb, name = act.split(':', 1)
    for attempt in range(1, 121):
        answer = ask('POST', '/containers/%s/%s' % (name, verb))
        status = re.match(r'HTTP/1\.[01] (\d+)', answer)
        if status and (int(status.group(1)) < 500 or attempt >= 10 or 'is not paused' in answer):
            break
        time.sleep(1)
`

const shell = `
path=$1 silence=$2 engine=$3
shift 3
trap '' PIPE
command -v timeout >/dev/null 2>&1 && command -v dd >/dev/null 2>&1 || exit 4
hear() {
  part=$(timeout "$silence" dd bs=4096 count=1 2>/dev/null) && [ -n "$part" ]
}
hear || exit 0
case $(curl -s --max-time 60 --unix-socket "$path" http://docker/info) in
  *'"ID":"'"$engine"'"'*) ;;
  *) exit 3 ;;
esac
echo armed
heard=
while hear; do
  heard=$heard$part
  case $heard in *done*) exit 0 ;; esac
  heard=$(printf %s "$heard" | tail -c 16)
done
for act do
  try=0
  while [ "$try" -lt 120 ]; do
    try=$((try + 1))
    answer=$(curl -s -w ' %{http_code}' --max-time 60 --unix-socket "$path" -X POST "http://docker/containers/\${act#*:}/\${act%%:*}")
    case $answer in
      *'is not paused'* | *' '[234]??) break ;;
      *' 5'??) [ "$try" -lt 10 ] || break ;;
    esac
    sleep 1
  done
done
`

/** Where the engine's socket is inside the switch's container. */
export const SOCKET_IN_SWITCH = '/run/lifeboat-docker.sock'

/** What the switch is told: see the programs. */
export interface DeadManOrders {
  /** Path of the engine's socket as the program sees it. */
  readonly socket: string
  readonly silenceSeconds: number
  readonly engineId: string
  /** In the order in which they are to be done. */
  readonly acts: readonly { readonly verb: 'start' | 'unpause'; readonly containerId: string }[]
}

/** The command that the switch's container runs. */
export function deadManCommand(
  client: NonNullable<HelperTools['socketClient']>,
  { socket, silenceSeconds, engineId, acts }: DeadManOrders,
): readonly string[] {
  const orders = [
    socket,
    String(silenceSeconds),
    engineId,
    ...acts.map(({ verb, containerId }) => `${verb}:${containerId}`),
  ]
  switch (client) {
    case 'perl':
      return ['perl', '-e', perl, '--', ...orders]
    case 'python3':
      return ['python3', '-c', python, ...orders]
    case 'curl':
      return ['sh', '-c', shell, 'lifeboat-dead-man', ...orders]
  }
}
