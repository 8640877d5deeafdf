/** Name of the variable that marks a command of ours and all its children; its value is the command's own id. */
export const COMMAND_MARK = 'LIFEBOAT_COMMAND'

/**
 * Ends a command and all its children inside a container, and waits until they are gone. The engine's
 * API cannot end a command, so this runs as a second one, under the same user.
 *
 * Children go before their parents, each parent gets the time to collect them, and a process is held
 * still while it is looked at. So no process is ever orphaned and then killed by a signal: an orphan is
 * collected by process 1, and a Postgres that is process 1 takes that for a crashed backend and ends
 * every session. Only what neither heeds TERM nor stops making children is ended all at once at last.
 * `$1` the mark, `$2` rounds of 0.1 s with TERM, `$3` rounds in order, `$4` rounds in all.
 */
export const killScript = `
mark=$1 patience=$2 order=$3 limit=$4
marked=' ' seen=' ' sessions=' ' told=' ' round=0

carries_mark() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"$mark"*) return 0 ;; esac
  done 2>/dev/null <"/proc/$1/environ"
  return 1
}

read_stat() {
  line=
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  rest=\${line##*) }
  state=\${rest%% *}
  rest=\${rest#* }
  parent=\${rest%% *}
  rest=\${rest#* }
  rest=\${rest#* }
  session=\${rest%% *}
}

is_ours() {
  case $marked in *" $1 "*) return 0 ;; esac
  case $sessions in *" $session "*) return 0 ;; esac
  case $seen in *" $1 "*) return 1 ;; esac
  if carries_mark "$1"; then
    marked="$marked$1 "
    [ "$session" = "$1" ] && sessions="$sessions$1 "
    return 0
  fi
  seen="$seen$1 "
  return 1
}

scan() {
  members=' ' parents=' ' living=' '
  for folder in /proc/[0-9]*; do
    pid=\${folder#/proc/}
    read_stat "$pid" || continue
    is_ours "$pid" || continue
    parents="$parents$parent "
    [ "$state" = Z ] && continue
    living="$living$parent "
    members="$members$pid "
  done
}

is_childless() {
  for folder in /proc/[0-9]*; do
    read_stat "\${folder#/proc/}" || continue
    [ "$parent" = "$1" ] && return 1
  done
  return 0
}

scan
while [ "$members" != ' ' ]; do
  round=$((round + 1))
  [ "$round" -gt "$limit" ] && exit 1
  if [ "$round" -gt "$order" ]; then
    kill -STOP $members 2>/dev/null
    kill -KILL $members 2>/dev/null
    members=
  fi
  for pid in $members; do
    if [ "$round" -gt "$patience" ]; then
      case $living in *" $pid "*) ;; *) kill -KILL "$pid" 2>/dev/null ;; esac
      continue
    fi
    case $parents$told in *" $pid "*) continue ;; esac
    kill -STOP "$pid" 2>/dev/null || continue
    if is_childless "$pid"; then
      kill -TERM "$pid" 2>/dev/null
      told="$told$pid "
    fi
    kill -CONT "$pid" 2>/dev/null
  done
  sleep 0.1 2>/dev/null || sleep 1
  scan
done
exit 0
`

/** The argv that ends the command with this id. */
export function killArgv(commandId: string): readonly string[] {
  return ['sh', '-c', killScript, 'lifeboat-kill', `${COMMAND_MARK}=${commandId}`, '50', '65', '90']
}
