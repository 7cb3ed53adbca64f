#!/bin/sh
# run: the whole suite, each test in a process of its own (one.sh), a few at a time: most of a test is waiting.
#   tests/run.sh [BUILD [ONLY]]     only tests whose path contains ONLY
# C units, Lua tests, examples, the command line, the prompt and faults. PAPY_TRANSPORT chooses the transport of the run;
# PAPY_FUZZ_ROUNDS how long the fuzzers run; PAPY_TEST_SECONDS the time limit of a test; PAPY_TEST_SLOW multiplies it; PAPY_TEST_JOBS how many run at a time; PAPY_TEST_AGAIN: a second try, see one.sh.
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
only=${2:-}
case $build in /*) ;; *) build=$PWD/$build ;; esac
PAPY=$build/papy
PAPY_TEST_SLOW=${PAPY_TEST_SLOW:-1}
SECONDS_EACH=$((${PAPY_TEST_SECONDS:-60} * PAPY_TEST_SLOW))
WORK=$(mktemp -d "${TMPDIR:-/tmp}/papy-test.XXXXXX") || exit 1
export PAPY PAPY_BUILD="$build" PAPY_TEST_SLOW SECONDS_EACH WORK
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM

# a line "NAME COMMAND..." for every test, the long ones first
tests() {
  for f in tests/fault/*.lua tests/lua/*_timeout*_test.lua tests/lua/*_test.lua; do echo "$f $PAPY $f"; done
  # C units know nothing of PAPY_TRANSPORT: once is enough
  if [ "${PAPY_TRANSPORT:-shm}" = shm ]; then
    for f in tests/unit/*_test.c; do echo "$f $build/tests/unit/$(basename "$f" .c)"; done
    # fuzzers: a bounded run, the same each time; 20 thousand rounds take seconds
    for f in tests/unit/fuzz_*.c; do echo "$f $build/tests/unit/$(basename "$f" .c) ${PAPY_FUZZ_ROUNDS:-20000}"; done
  fi
  for f in tests/host/*_test.sh tests/repl/*_test.sh; do echo "$f sh $f"; done
  for f in tests/repl/*.txt; do echo "$f sh tests/repl/transcript.sh $f"; done
  for f in examples/*.lua; do echo "$f $PAPY $f"; done
}

tests | awk -v only="$only" 'index($1, "*") == 0 && index($1, only) && !seen[$1]++' |
  xargs -P "${PAPY_TEST_JOBS:-3}" -L 1 sh tests/one.sh

passed=$(grep -c '^ok' "$WORK/results") failed=$(grep -c '^not ok' "$WORK/results")
skipped=$(grep -c '# skipped' "$WORK/results")
passed=$((passed - skipped))
[ "$skipped" = 0 ] || echo "# $skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ $passed -gt 0 ]
