#!/bin/sh
# The sessions that the README shows, typed in a real terminal, each in a papy of its own.
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
awk -v dir="$dir" '/^```/ { inside = 0 } inside { print > (dir "/session" n) } /^\$ build\/papy$/ { inside = 1; n++ }' README.md
[ "$(grep -c '^papy>' "$dir"/session* | wc -l)" = 2 ] || { echo "the README should show two sessions" && exit 1; }
for session in "$dir"/session*; do
  sh tests/repl/transcript.sh "$session" || exit 1
done
