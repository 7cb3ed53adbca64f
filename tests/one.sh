#!/bin/sh
# one: run one test in a process of its own and say how it ended, in one piece.
#   tests/one.sh NAME COMMAND...        environment: WORK (a directory), SECONDS_EACH (the time limit)
# A test that takes too long is a failure with a name, and so is one that leaves a process behind. A failing test prints its own
# output. Exit status 77 of a test: skipped.
name=$1
shift
id=$$
here=$WORK/$id
mkdir -p "$here/tmp"

# Processes that carry this test's mark in their environment, zombies excepted: whatever the test started and left.
left_behind() {
  for environ in $(grep -lzx "PAPY_TEST_ID=$id" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${environ#/proc/} pid=${pid%/environ}
    [ -z "$(cat "/proc/$pid/cmdline" 2>/dev/null | tr -d '\0')" ] || echo "$pid"
  done
}

# The processes of a test that has ended may take a moment to follow it.
stragglers() {
  for moment in 0.02 0.05 0.1 0.3 0.5; do
    stray=$(left_behind)
    [ -n "$stray" ] || return 1
    sleep "$moment"
  done
  stray=$(left_behind)
  [ -n "$stray" ]
}

# the suite is stopped: what the test has started goes with it
trap 'kill -9 $(left_behind) 2>/dev/null; exit 143' HUP INT TERM

# run the command; $why says what was wrong, if anything
attempt() {
  began=$(date +%s)
  env --default-signal=INT,QUIT PAPY_TEST_ID=$id TMPDIR="$here/tmp" PAPY_HISTORY= \
    setsid -w timeout -k 5 "$SECONDS_EACH" "$@" >"$here/output" 2>&1 </dev/null &
  wait $! # not in the foreground, where the trap would wait for it; what runs behind would ignore Ctrl-C but for --default-signal
  status=$?
  took=$(($(date +%s) - began))
  why=
  case $status in
    0) ;;
    77) why=skipped ;;
    124 | 137) if [ $took -ge "$SECONDS_EACH" ]; then why="hangs: no end after $SECONDS_EACH s"; else why="exit status $status"; fi ;;
    *) why="exit status $status" ;;
  esac
  if stragglers; then
    [ "$why" != skipped ] || why=
    why="$why${why:+; }left processes behind:$(for p in $stray; do printf ' %s (%s)' "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline")"; done)"
    kill -9 $stray 2>/dev/null
  fi
}

# With PAPY_TEST_AGAIN what fails, other than by hanging, has a second try: on a shared machine a test of times may fail once. The
# first failure is shown all the same, and wants to be looked into.
attempt "$@"
first=
case $why in
  "" | skipped | hangs*) ;;
  *)
    if [ -n "$PAPY_TEST_AGAIN" ]; then
      first="$why"
      mv "$here/output" "$here/first"
      rm -rf "$here/tmp"
      mkdir -p "$here/tmp"
      attempt "$@"
    fi
    ;;
esac

if [ -z "$why" ]; then
  echo "ok - $name$([ $took -lt 5 ] || echo " # $took s")${first:+ # failed at first: $first}"
  [ -z "$first" ] || sed 's/^/    /' "$here/first" | tail -n 60
elif [ "$why" = skipped ]; then
  echo "ok - $name # skipped: $(tail -n 1 "$here/output")"
else
  echo "not ok - $name # $why"
  sed 's/^/    /' "$here/output" | tail -n 60
fi >"$here/said"
{
  flock 9
  cat "$here/said"
  cat "$here/said" >>"$WORK/results"
} 9>"$WORK/lock"
rm -rf "$here"
