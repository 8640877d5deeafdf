/**
 * The constant POSIX shell script that packs one folder (or one file) into a tar on stdout. It takes
 * positional parameters only, so nothing that comes from a host is ever read as shell code.
 *
 *   $1 folder or file, or '' for a list of files   $2 `gnu` | `busybox`   $3 zstd level, '' for none   $4 zstd threads
 *   $5 what makes a digest of the wire: '' | `openssl` | `sha256sum` | `cksum`
 *   $6 GNU tar and a single file only: the `--transform` expression that names it, '' for none
 *   $7 … names that are left out, relative to the folder (for busybox: as patterns, already escaped);
 *        with an empty $1: the files, by absolute path; those that are not there are passed over
 *
 * What a restore puts at the top of a folder while it works (`.lifeboat-…`) is never packed.
 *
 * The last line on stderr is the trailer: `lifeboat-trailer tar=0 zstd=0 …` with the exit code of every
 * member of the pipeline; POSIX has no `pipefail`. Each member writes its code to file descriptor 3,
 * which the command substitution reads to its end: so the script cannot end before its children.
 * Exit code 0 stands for: all members 0, or GNU tar 1 (a file changed while it was read: the warnings
 * name it). 66: the folder is not there. Anything else: the data is no good.
 */
export const archiveScript = `
set -f
LC_ALL=C
export LC_ALL
root=$1 kind=$2 level=$3 threads=$4 digest=$5 rename=$6
shift 6
if [ -z "$root" ]; then
  for file do
    if [ -f "$file" ] || [ -h "$file" ]; then set -- "$@" "$file"; fi
    shift
  done
  [ $# -gt 0 ] || exit 66
elif [ -d "$root" ]; then
  base=$root what=. rename=
elif [ -e "$root" ] || [ -h "$root" ]; then
  base=\${root%/*} what=./\${root##*/}
  base=\${base:-/}
else
  echo "lifeboat: nothing there" >&2
  exit 66
fi
if [ -n "$root" ]; then
  for name do
    set -- "$@" "--exclude=./$name"
    shift
  done
  set +f
  for ours in "$base"/.lifeboat-*; do
    if [ -d "$ours" ] && [ "$what" = . ]; then set -- "$@" "--exclude=./\${ours##*/}"; fi
  done
  set -f
fi
gnu() {
  tar --create --file=- --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \\
    --blocking-factor=128 --sort=name --numeric-owner --acls --xattrs '--xattrs-include=*' \\
    --quoting-style=escape --totals "$@"
}
pack() {
  case $kind in
    gnu)
      [ -z "$rename" ] || set -- "$@" "--transform=$rename"
      if [ -z "$root" ]; then gnu --no-recursion --hard-dereference --absolute-names -- "$@"
      else gnu --sparse --anchored --no-wildcards "$@" -C "$base" -- "$what"
      fi ;;
    *)
      if [ -z "$root" ]; then tar -c -f - -- "$@"
      else tar -c -f - "$@" -C "$base" "$what"
      fi ;;
  esac
}
produce() {
  if [ -z "$level" ]; then
    pack "$@"
    echo "tar=$?" >&3
  else
    { pack "$@" 3>&-; echo "tar=$?" >&3; } | zstd -q -c "-$level" "-T$threads" 3>&-
    echo "zstd=$?" >&3
  fi
}
digest() {
  case $digest in
    openssl) openssl dgst -sha256 -r ;;
    sha256sum) sha256sum ;;
    *) cksum ;;
  esac
}
copy() {
  tee /dev/fd/4 3>&-
  echo "tee=$?" >&3
}
summarize() {
  sum=$(digest 3>&-)
  echo "digest=$?" >&3
  set -- $sum
  case $digest in
    cksum) echo "bytes=$2" >&3 ;;
    *) echo "sha256=$1" >&3 ;;
  esac
}
exec 5>&1
if [ -z "$digest" ]; then
  codes=$({ produce "$@" >&5; } 3>&1)
else
  # tee opens /dev/fd/4 by name, which works with a pipe but not with a socket: hence the cat.
  codes=$({ { produce "$@" | copy | summarize; } 4>&1 | cat >&5; echo "cat=$?" >&3; } 3>&1)
fi
bad=0
for code in $codes; do
  case $code in
    *=0 | sha256=* | bytes=*) ;;
    tar=1) [ "$kind" = gnu ] || bad=1 ;;
    *) bad=1 ;;
  esac
done
echo lifeboat-trailer $codes >&2
exit $bad
`

/** Makes a busybox `--exclude` pattern that stands for exactly this name. */
export function busyboxPattern(name: string): string {
  return name.replace(/[\\*?[\]]/g, String.raw`\$&`)
}

/** Makes a GNU tar `--transform` expression that gives the one archived file this name. */
export function renameExpression(fileName: string): string {
  const replacement = fileName.replace(/[\\&,]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)
  return `s,^.*$,./${replacement},SH`
}
