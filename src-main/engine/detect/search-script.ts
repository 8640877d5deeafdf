/** Names of files that are never SQLite databases and come by the hundred thousand: their headers are not read. */
const neverSqlite = [
  'jpg jpeg png gif webp heic avif svg ico arw cr2 dng mp4 mkv avi mov m4v webm mp3 flac m4a ogg opus wav',
  'pdf epub cbz zip gz xz zst bz2 7z rar tar iso js mjs css html htm php py pyc rb go java class jar so',
  'json xml yml yaml md txt po mo woff woff2 ttf map srt nfo ts',
].flatMap(each => each.split(' '))

/** Names that SQLite databases usually have: looked at one by one. All other files are looked at in bulk. */
const oftenSqlite = ['db', 'db3', 'sqlite', 'sqlite3', 'sqlitedb', 's3db', 'sl3']

/** Names that only one kind of database gives to its files, and what they tell. */
const signatures = [
  ['pg_control', 'postgres'],
  ['PG_[0-9]*_[0-9]*', 'postgres-tablespace'],
  ['ibdata1', 'mysql'],
  ['WiredTiger.wt', 'mongodb'],
  ['appendonlydir', 'redis'],
  ['influxd.bolt', 'influxdb'],
  ['_dbs.couch', 'couchdb'],
  ['neostore', 'neo4j'],
  ['data.ms', 'meilisearch'],
] as const

const endings = (list: readonly string[]): readonly string[] => list.map(each => `*.${each}`)

const names = (list: readonly string[], test: string): string =>
  list.map(each => `${test} '${each}'`).join(' -o ')

/**
 * The constant POSIX shell script that looks into all mounts of one or more stacks at once; it reads and
 * never writes. Works with GNU and busybox tools alike.
 *
 * Parameters, again and again: ID PATH MODE COUNT and then COUNT folders inside PATH that are not searched,
 * as `find -path` patterns. MODE: `look` (kind, size, emptiness) or `search` (also SQLite files by their
 * header, database files by their name, and what lies outside the given folders).
 *
 * Output: fields that end in NUL. `mount ID TYPE`, `size KIB`, `filled`, `other NAME`,
 * `sqlite PATH BYTES LOG`, `store NAME PATH`, and at the very end of a mount `end ID`: a mount without it
 * was not looked through.
 */
export const searchScript = `
LC_ALL=C
export LC_ALL
set -f
field() { printf '%s\\0' "$@"; }
# Reads the starts of many files at once, and of each one only where one of them is a database.
few='
head -q -c 15 "$@" 2>/dev/null | tr -d "\\000" | grep -q "SQLite format 3" || exit 0
for file do
  [ "$(head -c 15 "$file" 2>/dev/null | tr -d "\\000")" = "SQLite format 3" ] || continue
  log=0
  if [ -e "$file-wal" ] || [ -e "$file-journal" ]; then log=1; fi
  printf "%s\\\\0" sqlite "$file" "$(stat -c %s "$file")" "$log"
done
'
many='
few=$1
shift
head -q -c 15 "$@" 2>/dev/null | tr -d "\\000" | grep -q "SQLite format 3" || exit 0
printf "%s\\\\0" "$@" | xargs -0 -n 32 sh -c "$few" sh
'
sign='
for file do
  case \${file##*/} in
${signatures.map(([name, store]) => `    ${name}) store=${store} ;;`).join('\n')}
  esac
  printf "%s\\\\0" store "$store" "$file"
done
'
search() {
  # "$@": folders that are not searched
  count=$#
  while [ "$count" -gt 0 ]; do
    folder=$1
    shift
    set -- "$@" -path "$folder" -o
    count=$((count - 1))
  done
  find . \\( "$@" -name '.lifeboat-*' \\) -prune \\
    -o \\( ${names(
      signatures.map(([name]) => name),
      '-name',
    )} \\) -exec sh -c "$sign" sh {} + \\
    -o -type f -size +0 \\( ${names(endings(oftenSqlite), '-iname')} \\) -exec sh -c "$few" sh {} + \\
    -o -type f -size +0 ! \\( ${names(
      endings(neverSqlite),
      '-iname',
    )} \\) -exec sh -c "$many" sh "$few" {} + 2>/dev/null
}
others() {
  count=$#
  while [ "$count" -gt 0 ]; do
    folder=$1
    shift
    set -- "$@" -path "$folder" -o
    count=$((count - 1))
  done
  find . \\( "$@" -name '.lifeboat-*' \\) -prune -o -type f ! -name '.*_history' -print 2>/dev/null | head -n 3
}
look() {
  id=$1 root=$2 mode=$3 count=$4
  shift 4
  keep=$count
  total=$#
  while [ "$total" -gt 0 ]; do
    if [ "$keep" -gt 0 ]; then
      set -- "$@" "$1"
      keep=$((keep - 1))
    fi
    shift
    total=$((total - 1))
  done
  if [ -d "$root" ]; then type=directory
  elif [ -f "$root" ]; then type=file
  elif [ -S "$root" ]; then type=socket
  elif [ -e "$root" ]; then type=other
  else type=missing
  fi
  field mount "$id" "$type"
  case $type in
  directory)
    cd "$root" || return
    if [ -n "$(find . ! -name . -prune ! -name '.lifeboat-*' -print 2>/dev/null | head -n 1)" ]; then field filled; fi
    field size "$(du -sk . 2>/dev/null | { read -r size rest; echo "$size"; })"
    if [ "$mode" = search ]; then
      if [ "$count" -gt 0 ]; then
        others "$@" | while IFS= read -r name; do field other "$name"; done
      fi
      search "$@"
    fi
    cd / ;;
  file)
    field filled
    field size "$(stat -c %s "$root" 2>/dev/null | { read -r bytes; echo $(((bytes + 1023) / 1024)); })"
    if [ "$mode" = search ]; then sh -c "$few" sh "$root"; fi ;;
  esac
  field end "$id"
}
while [ $# -ge 4 ]; do
  count=$4
  look "$@"
  shift $((count + 4))
done
`

/**
 * The constant script that tells of single files: for each parameter `file PATH TYPE MODE UID GID BYTES
 * LINK`, with LINK the target of a symbolic link or ''. For parameters after \`--\` also `text BASE64`, for
 * files of at most 1 MiB. For a folder, each file in it, 500 at most.
 */
export const fileScript = `
LC_ALL=C
export LC_ALL
set -f
read_too=no
tell() {
  link=
  if [ -h "$1" ]; then link=$(readlink "$1"); fi
  type=other
  if [ -f "$1" ]; then type=file; elif [ -d "$1" ]; then type=directory; elif [ ! -e "$1" ]; then type=missing; fi
  printf '%s\\0' file "$1" "$type"
  set -- "$1" $(stat -L -c '%a %u %g %s' "$1" 2>/dev/null || echo 0 0 0 0)
  printf '%s\\0' "$2" "$3" "$4" "$5" "$link"
  if [ "$read_too" = yes ] && [ "$type" = file ] && [ "$5" -le 1048576 ]; then
    printf 'text\\0'
    base64 "$1"
    printf '\\0'
  fi
}
for path do
  if [ "$path" = -- ]; then
    read_too=yes
  elif [ -d "$path" ]; then
    tell "$path"
    find "$path" -type f ! -path '*/.lifeboat-*' 2>/dev/null | head -n 500 | while IFS= read -r each; do tell "$each"; done
  else
    tell "$path"
  fi
done
`
