#!/bin/sh
# run: the measures. Each group of rows is a program of its own, rows_*.py; a later measure is a further row or group.
#   tests/bench/run.sh [BUILD [ONLY]]     only groups whose name contains ONLY
# SIZE= bytes of the searched sample (K, M, G; default 1G); ROUNDS= repetitions, default 5. Exit status 1 when a row missed
# its target. The machine should have nothing else to do: with two cores, a compiler at work shows in every row.
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build}
only=${2:-}
case $build in /*) ;; *) build=$PWD/$build ;; esac
export BUILD="$build" PAPY="$build/papy"
unset PAPY_TRANSPORT
PATH=/usr/bin:$PATH # the peers are the system's

status=0
for group in tests/bench/rows_*.py; do
  case $group in *"$only"*) python3 -B "$group" || status=1 ;; esac
done
exit $status
