#!/bin/sh
# run: the whole suite, each test in a process of its own.
#   tests/run.sh [BUILD [ONLY]]     only tests whose path contains ONLY
# C units, Lua tests, examples, the command line, the prompt and faults. Prints TAP-like lines; a failing test prints its
# own output. A test that takes too long is a failure with a name, and so is one that leaves a process behind.
# PAPY_TRANSPORT chooses the transport of the run; PAPY_TEST_SECONDS the time limit; PAPY_TEST_SLOW multiplies it.
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
only=${2:-}
seconds=$((${PAPY_TEST_SECONDS:-60} * ${PAPY_TEST_SLOW:-1}))
case $build in /*) ;; *) build=$PWD/$build ;; esac
PAPY=$build/papy
export PAPY PAPY_BUILD="$build" PAPY_TEST_SLOW="${PAPY_TEST_SLOW:-1}"

work=$(mktemp -d "${TMPDIR:-/tmp}/papy-test.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0 skipped=0

# Processes that carry the mark of test $1 in their environment, zombies excepted: whatever the test started and left.
left_behind() {
  for environ in $(grep -lzx "PAPY_TEST_ID=$1" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${environ#/proc/} pid=${pid%/environ}
    [ -z "$(cat "/proc/$pid/cmdline" 2>/dev/null | tr -d '\0')" ] || echo "$pid"
  done
}

# The processes of a test that has ended may take a moment to follow it.
stragglers() {
  for moment in 0.02 0.05 0.1 0.3 0.5; do
    stray=$(left_behind "$1")
    [ -n "$stray" ] || return 1
    sleep "$moment"
  done
  stray=$(left_behind "$1")
  [ -n "$stray" ]
}

# run_test NAME COMMAND...
run_test() {
  name=$1
  shift
  case $name in *"$only"*) ;; *) return ;; esac
  number=$((passed + failed + skipped + 1))
  id=$$.$number
  mkdir -p "$work/tmp"
  began=$(date +%s)
  env PAPY_TEST_ID=$id TMPDIR="$work/tmp" PAPY_HISTORY= \
    setsid -w timeout -k 5 "$seconds" "$@" >"$work/output" 2>&1 </dev/null
  status=$?
  took=$(($(date +%s) - began))
  why=
  case $status in
    0) ;;
    77) echo "ok $number - $name # skipped: $(tail -n 1 "$work/output")" && skipped=$((skipped + 1)) && return ;;
    124 | 137) if [ $took -ge "$seconds" ]; then why="hangs: no end after $seconds s"; else why="exit status $status"; fi ;;
    *) why="exit status $status" ;;
  esac
  if stragglers $id; then
    why="$why${why:+; }left processes behind:$(for p in $stray; do printf ' %s (%s)' "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline")"; done)"
    kill -9 $stray 2>/dev/null
  fi
  if [ -z "$why" ]; then
    passed=$((passed + 1))
    echo "ok $number - $name$([ $took -lt 5 ] || echo " # $took s")"
  else
    failed=$((failed + 1))
    echo "not ok $number - $name # $why"
    sed 's/^/    /' "$work/output" | tail -n 60
  fi
  rm -rf "$work/tmp"
}

for f in tests/unit/*_test.c; do
  [ -e "$f" ] && run_test "$f" "$build/tests/unit/$(basename "$f" .c)"
done
for f in tests/unit/fuzz_*.c; do # a bounded run, the same each time; 20 thousand rounds take seconds
  [ -e "$f" ] && run_test "$f" "$build/tests/unit/$(basename "$f" .c)" 20000
done
for f in tests/lua/*_test.lua; do
  [ -e "$f" ] && run_test "$f" "$PAPY" "$f"
done
for f in tests/host/*.sh tests/fault/*.sh; do
  [ -e "$f" ] && run_test "$f" sh "$f"
done
for f in tests/fault/*.lua; do
  [ -e "$f" ] && run_test "$f" "$PAPY" "$f"
done
for f in tests/repl/*.txt; do
  [ -e "$f" ] && run_test "$f" sh tests/repl/transcript.sh "$f"
done
for f in tests/repl/*_test.sh; do
  [ -e "$f" ] && run_test "$f" sh "$f"
done
for f in examples/*.lua; do
  [ -e "$f" ] && run_test "$f" "$PAPY" "$f"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
