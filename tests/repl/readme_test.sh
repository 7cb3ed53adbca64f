#!/bin/sh
# The session that the README shows, typed in a real terminal.
cd "$(dirname "$0")/../.." || exit 1
session=$(mktemp) || exit 1
trap 'rm -f "$session"' EXIT
awk '/^```/ { inside = 0 } inside { print } /^\$ build\/papy$/ { inside = 1 }' README.md > "$session"
[ "$(grep -c '^papy>' "$session")" -gt 3 ] || { echo "the README shows no session" && exit 1; }
sh tests/repl/transcript.sh "$session"
