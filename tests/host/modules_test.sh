#!/bin/sh
# Loadable modules: found beside the program where it was built and where it was installed; a missing one says what to install.
cd "$(dirname "$0")/../.." || exit 1
build=${PAPY_BUILD:-build}
[ -e "$build/modules/papy/archive.so" ] || { echo "no module was built"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/papy-modules.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

# says NAME PATTERN COMMAND...: both outputs match the pattern
says() {
  name=$1 pattern=$2
  shift 2
  "$@" >"$dir/out" 2>&1 </dev/null
  grep -qE -- "$pattern" "$dir/out" && return
  echo "$name: $(cat "$dir/out")"
  failures=$((failures + 1))
}

ask='print(type(require("papy.archive").open))'
mkdir -p "$dir/usr/bin" "$dir/usr/lib/papy/papy" "$dir/alone" "$dir/broken/modules/papy"
for place in usr/bin alone broken; do cp "$build/papy" "$dir/$place/"; done
cp "$build/modules/papy/archive.so" "$dir/usr/lib/papy/papy/"
echo "no library" >"$dir/broken/modules/papy/archive.so"
ln -s "$dir/usr/bin/papy" "$dir/link"

says "where it was built" '^function$' "$build/papy" -e "$ask"
says "where it was installed" '^function$' "$dir/usr/bin/papy" -e "$ask"
says "through a link" '^function$' "$dir/link" -e "$ask"
says "missing" "papy: papy.archive is not part of this papy: install libarchive-dev and zlib1g-dev" "$dir/alone/papy" -e "$ask"
says "one error" '^1$' sh -c "'$dir/alone/papy' -e '$ask' 2>&1 | grep -c archive"
says "cannot be loaded" 'cannot load papy.archive, which needs libarchive13 .*archive.so' "$dir/broken/papy" -e "$ask"
says "in a worker" '^function$' "$build/papy" -e \
  'for s in papy.NuMap(function() return type(require("papy.archive").open) end, {1}) do print(s) end'
says "in a thread" '^function$' "$build/papy" -e \
  'for s in papy.NuMap(function() return type(require("papy.archive").open) end, {1}, {worker_type = "thread"}) do print(s) end'
[ $failures = 0 ]
