/**
 * Fills `WORK/new` (tree-script.ts) from an archive on stdin:
 *
 *     sh -c SCRIPT _ WORK TAR DECODER OWNERS
 *
 * Prints the exit code of each program of the pipe, as a shell without `pipefail` keeps the last only.
 * GNU tar makes links that lead out of the folder only after all else is there, and refuses `..` and
 * absolute names; entries that lead out never get here at all (archive-guard.ts). OWNERS `keep` gives
 * everything the recorded owner, which only root may do; with `mine` it belongs to whoever runs this.
 */
export const extractScript = String.raw`
set -u
work=$1 tar=$2 decoder=$3 owners=$4
umask 077
exec 9< "$work" || exit 44
if command -v flock >/dev/null 2>&1; then flock -n 9 || exit 49; fi
unpack() {
  same=--same-owner
  if [ "$owners" != keep ]; then same=--no-same-owner; fi
  if [ "$tar" = gnu ]; then
    tar -x -f - -b 256 -C "$work/new" -p "$same" --numeric-owner \
      --xattrs '--xattrs-include=*' --acls --delay-directory-restore --warning=no-timestamp
  else
    tar -x -f - -C "$work/new" -p
  fi
  code=$?
  echo "tar $code" >&3
  if [ $code -eq 0 ]; then cat >/dev/null; fi
}
if [ "$decoder" = zstd ]; then
  { { zstd -dcq --no-progress; echo "zstd $?" >&3; } | unpack; } 3>&1 >/dev/null
else
  unpack 3>&1 >/dev/null
fi
`

/**
 * Puts one file into `WORK/new` from stdin, with its folders if need be, and prints its SHA-256:
 *
 *     sh -c SCRIPT _ WORK RELATIVE_PATH MODE OWNER MTIME LIVE KIND
 *
 * MODE (octal), OWNER (`uid:gid`) and MTIME (seconds) may be `-`: what the archive brought is kept then,
 * or taken from the file LIVE. KIND is `file`, or `symlink`: stdin is where it leads then. Log files of
 * an SQLite database beside it are removed: they belong to another state.
 */
export const putScript = String.raw`
set -u
work=$1 path=$2 mode=$3 owner=$4 when=$5 live=$6 kind=$7
umask 077
file=$work/new/$path
folder=${'$'}{file%/*}
mkdir -p -- "$folder" || exit 46
real=$(cd -P -- "$folder" && pwd -P) || exit 44
base=$(cd -P -- "$work/new" && pwd -P) || exit 44
case $real/ in
  "$base"/*) ;;
  *) echo "$path leads out of the folder by a link" >&2; exit 43 ;;
esac
if [ -L "$file" ]; then rm -f -- "$file"; fi
digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; else openssl dgst -sha256 -r; fi
}
if [ "$kind" = symlink ]; then
  target=$(cat; echo .)
  ln -s -- "${'$'}{target%.}" "$file" || exit 46
  if [ "$owner" != - ]; then chown -h "$owner" -- "$file" || exit 46; fi
  readlink -n -- "$file" | digest
  exit
fi
like=
if [ ! -e "$file" ] && [ -f "$live" ]; then like=$live; fi
cat > "$file" || exit 46
if [ "$owner" != - ]; then chown "$owner" -- "$file" || exit 46
elif [ -n "$like" ]; then chown "$(stat -c %u:%g -- "$like")" -- "$file" || exit 46; fi
if [ "$mode" != - ]; then chmod "$mode" -- "$file" || exit 46
elif [ -n "$like" ]; then chmod "$(stat -c %a -- "$like")" -- "$file" || exit 46; fi
if [ "$when" != - ]; then touch -d "@$when" -- "$file" 2>/dev/null || true; fi
rm -f -- "$file-wal" "$file-shm" "$file-journal"
digest < "$file"
`
