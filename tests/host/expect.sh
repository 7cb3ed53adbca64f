# expect: command lines, and what they should print and say. Sourced by tests of this directory from the root of the tree; leaves
# them in an empty directory of their own.
#   run COMMAND...   expect NAME STATUS OUTPUT ERROR: of the last `run`; OUTPUT exactly, with \n and \t, and a newline behind it
#   unless it is empty; ERROR an extended regular expression   failures: how many were not as expected
PAPY=${PAPY:-build/papy}
case $PAPY in /*) ;; *) PAPY=$PWD/$PAPY ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/papy-host.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset PAPY_PATH LUA_PATH LUA_PATH_5_4 LUA_CPATH LUA_CPATH_5_4
failures=0

run() {
  "$@" >out 2>err </dev/null
  status=$?
}

expect() {
  printf '%b' "$3" > wanted
  [ -z "$3" ] || echo >> wanted
  ok=yes
  [ "$status" = "$2" ] || ok="status $status, not $2"
  cmp -s wanted out || ok="printed: $(cat out)"
  if [ -z "$4" ]; then [ ! -s err ] || ok="said: $(cat err)"; else grep -qE -- "$4" err || ok="said: $(cat err)"; fi
  [ "$ok" = yes ] && return
  echo "$1: $ok ($(cat err))"
  failures=$((failures + 1))
}
