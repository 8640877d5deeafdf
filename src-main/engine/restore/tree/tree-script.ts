/**
 * The one script that changes files on a host. It runs with `sh` in a helper that mounts just the
 * target, or on this computer for a folder host; all values come as positional parameters:
 *
 *     sh -c SCRIPT _ ACTION ROOT WORK MOUNT TAR all [KEEP…]
 *     sh -c SCRIPT _ ACTION ROOT WORK MOUNT TAR only NAME…
 *
 * ROOT is the folder whose content is replaced; WORK is the hidden folder on the same file system, so
 * that switching is renames alone; MOUNT is the folder that ROOT must not lead out of. `all` replaces all
 * children and the folder's own owner, mode and times, except what lies at the relative paths KEEP: a
 * backup left that out, so a restore takes it over as it is, by a rename. `only` replaces the named
 * children (and makes them absent, when nothing was staged for them) and nothing else.
 *
 *     WORK/new        what was staged              WORK/old        what was there before
 *     WORK/new-root   ROOT's new metadata          WORK/old-root   ROOT's former metadata
 *     WORK/switching  exists as soon as anything was renamed
 *     WORK/times      ROOT's time before our first change, and the one that our last change gave it
 *     WORK/quiet      `only`: nobody else had changed ROOT up to the switch, nor (WORK/calm) up to the way
 *     WORK/calm       back, so that its former time comes back with its former children
 *     WORK/kept.N     the Nth KEEP went from `old` to `new`
 *     WORK/out        becomes `in` by a rename as soon as all that was there before is in `old`,
 *     WORK/in         and `finishing` as soon as `old` may be gone: no way back from there
 *
 * The state is in the file system itself, and every action may be killed between any two renames and
 * run again: while there is `out`, ROOT holds former children only; with `in`, new ones only. Nothing is
 * ever renamed over something else. WORK is the last thing to disappear. Answers are lines on stdout;
 * exit codes are those of `treeExit`.
 */
export const treeScript = String.raw`
set -u
LC_ALL=C
export LC_ALL
action=$1 root=$2 work=$3 mount=$4 tar=$5 mode=$6
shift 6
umask 077

fail() { echo "$2" >&2; exit "$1"; }

present() { [ -e "$1" ] || [ -L "$1" ]; }

# An earlier run of this script that lost its master may still be at work: wait for it.
lock() {
  exec 9< "$work" || fail 46 "the folder $work cannot be opened"
  if command -v flock >/dev/null 2>&1; then
    flock 9 || fail 49 "another run works in $work"
  fi
}

inside() {
  real=$(cd -P -- "$root" 2>/dev/null && pwd -P) || fail 44 "the folder $root is not there"
  base=$(cd -P -- "$mount" 2>/dev/null && pwd -P) || fail 44 "the folder $mount is not there"
  case $real/ in
    "$base"/*) ;;
    *) if [ "$base" != / ]; then fail 43 "the folder $root leads out of $mount by a link"; fi ;;
  esac
}

nested() {
  [ -r /proc/self/mountinfo ] || return 1
  while read -r _ _ _ _ point _; do
    case $point in "$real"/*) return 0 ;; esac
  done < /proc/self/mountinfo
  return 1
}

mtime() {
  seconds=$(stat -c %.9Y -- "$1" 2>/dev/null) || seconds=
  case $seconds in
    '' | *[!0-9.-]*) stat -c %Y -- "$1" ;;
    *) echo "$seconds" ;;
  esac
}

settime() { touch -c -d "@$2" -- "$1" 2>/dev/null || true; }

keeproot() {
  if [ "$tar" = gnu ]; then
    tar --format=pax --xattrs --acls --numeric-owner --no-recursion -C "$1" -cf "$2" . 2>/dev/null
  else
    stat -c '%a %u:%g %Y' -- "$1" > "$2"
  fi
}

applyroot() {
  if [ "$tar" = gnu ]; then
    tar --xattrs '--xattrs-include=*' --acls --numeric-owner --same-owner -p --no-recursion \
      -C "$1" -xf "$2"
  else
    read -r bits owner when < "$2" &&
      chown "$owner" -- "$1" && chmod "$bits" -- "$1" && settime "$1" "$when"
  fi
}

some() {
  if [ "$mode" = only ]; then
    folder=$1
    shift
    for name do if present "$folder/$name"; then return 0; fi; done
    return 1
  fi
  [ -n "$(find "$1" -mindepth 1 -maxdepth 1 ! -name '.lifeboat-*' 2>/dev/null | head -n 1)" ]
}

# Renames children of one folder into another: all but the hidden folders, or only the given names.
move() {
  from=$1 to=$2
  shift 2
  cd -- "$from" || return 1
  if [ "$mode" = only ]; then
    for name do
      if present "./$name"; then mv -n -- "./$name" "$to/" || return 1; fi
    done
  else
    find . -mindepth 1 -maxdepth 1 ! -name '.lifeboat-*' -print0 |
      xargs -0 -r sh -c 'to=$1; shift; mv -n -- "$@" "$to/"' _ "$to" || return 1
  fi
  cd / || return 1
  if some "$from" "$@"; then return 1; fi
}

# Makes the folders above a path in $2 as they are in $1.
parents() {
  case $3 in
    */*)
      above=${'$'}{3%/*}
      if [ -d "$2/$above" ]; then return 0; fi
      parents "$1" "$2" "$above" || return 1
      # The recursion has set it anew: POSIX shells have no local variables.
      above=${'$'}{3%/*}
      mkdir -- "$2/$above" && chown "$(stat -c %u:%g -- "$1/$above")" -- "$2/$above" &&
        chmod "$(stat -c %a -- "$1/$above")" -- "$2/$above"
      ;;
  esac
}

# True when no link on the way leads out of the folder.
stays() {
  case $2 in */*) ;; *) return 0 ;; esac
  way=$(cd -P -- "$1/${'$'}{2%/*}" && pwd -P) || return 1
  top=$(cd -P -- "$1" && pwd -P) || return 1
  case $way in "$top"/*) return 0 ;; esac
  return 1
}

# Renames one path from one folder into another; the folders around it keep their times.
carry() {
  case $3 in */*) around=${'$'}{3%/*} ;; *) around=. ;; esac
  left=$(mtime "$1/$around") && entered=$(mtime "$2/$around") || return 1
  mv -n -- "$1/$3" "$2/$3" || return 1
  settime "$1/$around" "$left"
  settime "$2/$around" "$entered"
}

# Takes over what no backup holds.
keep() {
  number=0
  for kept do
    number=$((number + 1))
    if present "$work/old/$kept" && ! present "$work/new/$kept"; then
      parents "$work/old" "$work/new" "$kept" && stays "$work/old" "$kept" &&
        stays "$work/new" "$kept" && : > "$work/kept.$number" &&
        carry "$work/old" "$work/new" "$kept" || return 1
    fi
  done
}

unkeep() {
  number=0
  for kept do
    number=$((number + 1))
    if [ ! -e "$work/kept.$number" ] || present "$work/old/$kept"; then continue; fi
    for place in "$work/new" "$work"/gone.*; do
      if present "$place/$kept"; then carry "$place" "$work/old" "$kept" || return 1; fi
    done
  done
}

# What runs in the folder goes on while we stage or tidy up: the time that our own hidden folder gave
# to ROOT is taken back when nobody else has changed it since.
removework() {
  now=$(mtime "$root")
  if [ -f "$work/times" ] && { [ "$mode" = only ] || [ ! -e "$work/switching" ]; }; then
    read -r was after < "$work/times"
    if [ "$now" = "$after" ]; then now=$was; fi
  fi
  # In this order: whatever is left when this is killed, nobody takes it for a switch in progress.
  rm -rf -- "$work/old" && rm -f -- "$work/switching" && rm -rf -- "$work" ||
    fail 46 "the folder $work could not be removed"
  settime "$root" "$now"
}

# Puts what was there before back in its place; what is in its way goes to a folder of its own first.
back() {
  gone=$(mktemp -d "$work/gone.XXXXXX") || fail 46 "no room in $work"
  if [ -e "$work/in" ]; then
    move "$root" "$gone" "$@" || fail 45 "the new data could not be moved away"
    if [ "$mode" = all ]; then
      unkeep "$@" || fail 45 "what was taken over could not be moved back"
    fi
    mv -- "$work/in" "$work/out"
  fi
  if [ -d "$work/old" ]; then
    (cd -- "$work/old" && find . -mindepth 1 -maxdepth 1 -print0) |
      xargs -0 -r sh -c '
        root=$1 gone=$2
        shift 2
        for name do
          if [ -e "$root/$name" ] || [ -L "$root/$name" ]; then
            mv -n -- "$root/$name" "$gone/" || exit 1
          fi
        done' _ "$root" "$gone" || fail 45 "something is in the way of the former data"
    move "$work/old" "$root" "$@" || fail 45 "the former data could not be moved back"
  fi
}

case $action in
  prepare)
    inside
    if present "$work"; then fail 40 "the folder $work exists already"; fi
    if [ "$mode" = all ] && nested; then fail 47 "another file system is mounted inside $root"; fi
    was=$(mtime "$root")
    mkdir -- "$work" && mkdir -- "$work/new" "$work/old" && : > "$work/out" ||
      fail 46 "the folder $work could not be made"
    echo "$was $(mtime "$root")" > "$work/times"
    keeproot "$root" "$work/old-root" || fail 46 "the owner and mode of $root could not be kept"
    df -Pk -- "$work" | tail -n 1
    ;;
  measure | measure-keep)
    lock
    if [ "$action" = measure ]; then
      keeproot "$work/new" "$work/new-root" || fail 46 "no room in $work"
    else
      cp -- "$work/old-root" "$work/new-root" || fail 46 "no room in $work"
    fi
    echo "entries $(find "$work/new" -mindepth 1 -print0 | tr -dc '\000' | wc -c)"
    find "$work/new" -type f -exec stat -c '%h %d:%i %s' -- {} +
    ;;
  activate)
    inside
    if [ ! -d "$work/new" ]; then fail 41 "nothing is staged in $work"; fi
    lock
    if [ -e "$work/finishing" ]; then fail 42 "the former data is already being removed"; fi
    read -r was after < "$work/times"
    if [ ! -e "$work/switching" ] && [ "$(mtime "$root")" = "$after" ]; then : > "$work/quiet"; fi
    : > "$work/switching" || fail 46 "the state of $work could not be written"
    if [ ! -e "$work/in" ]; then
      move "$root" "$work/old" "$@" || fail 45 "the former data could not be moved aside"
      mv -- "$work/out" "$work/in" || fail 46 "the state of $work could not be written"
    fi
    if [ "$mode" = all ]; then
      keep "$@" || fail 45 "what no backup holds could not be taken over"
    fi
    move "$work/new" "$root" "$@" || fail 45 "the new data could not be moved in"
    if [ "$mode" = all ]; then
      applyroot "$root" "$work/new-root" || fail 45 "the owner and mode of $root could not be set"
    else
      echo "$was $(mtime "$root")" > "$work/times"
      : > "$work/switched"
    fi
    ;;
  revert)
    if [ ! -d "$work" ]; then echo absent; exit 0; fi
    inside
    lock
    if [ -e "$work/finishing" ]; then fail 42 "the former data is already being removed"; fi
    if [ -e "$work/switching" ]; then
      read -r was after < "$work/times"
      if [ -e "$work/quiet" ] && { [ ! -e "$work/switched" ] || [ "$(mtime "$root")" = "$after" ]; }; then
        : > "$work/calm"
      fi
      back "$@"
      if [ "$mode" = all ]; then
        applyroot "$root" "$work/old-root" || fail 45 "the owner and mode of $root could not be put back"
        settime "$root" "$was"
      elif [ -e "$work/calm" ]; then
        echo "$was $(mtime "$root")" > "$work/times"
      fi
    fi
    removework
    ;;
  discard)
    if [ ! -d "$work" ]; then echo absent; exit 0; fi
    inside
    lock
    if [ -e "$work/switching" ]; then
      fail 48 "former data lies in $work: it is moved back, not thrown away"
    fi
    removework
    ;;
  abandon)
    # Another restore has replaced what was here: neither side of this one is wanted any more.
    if [ ! -d "$work" ]; then echo absent; exit 0; fi
    inside
    lock
    removework
    ;;
  settle)
    # Before the former data goes, the new one should be on the disk.
    sync -f -- "$root" 2>/dev/null || sync
    ;;
  finalize)
    if [ ! -d "$work" ]; then echo absent; exit 0; fi
    inside
    lock
    if [ ! -e "$work/finishing" ]; then
      if [ ! -e "$work/in" ]; then fail 48 "$work was never switched in"; fi
      mv -- "$work/in" "$work/finishing" || fail 46 "the state of $work could not be written"
    fi
    removework
    ;;
  *) fail 2 "no such action: $action" ;;
esac
`

/** What the script's exit codes mean. */
export const treeExit = {
  workExists: 40,
  nothingStaged: 41,
  noWayBack: 42,
  leadsOut: 43,
  folderMissing: 44,
  renameFailed: 45,
  noRoom: 46,
  nestedMount: 47,
  formerDataInside: 48,
  busy: 49,
} as const
