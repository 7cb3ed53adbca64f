#!/bin/sh
# What a stranger met: each was a hang, a very slow prompt or an option without effect.
fail() { echo "$*"; exit 1; }
slow=${PAPY_TEST_SLOW:-1}

# stdin closed: the descriptor of the loop must not stand in its place
got=$(timeout $((10 * slow)) "$PAPY" -e 'print(papy.NuMap(function(x) papy.sleep(0.2) return x end, {7})())' <&-) ||
  fail "stdin closed: no end"
[ "$got" = 7 ] || fail "stdin closed: got '$got'"

# a table typed line by line is not compiled anew in every way at every line
got=$({ echo 't = {'; i=0; while [ $i -lt 600 ]; do i=$((i + 1)); echo "  {name = 'item$i'},"; done; echo '}'; echo 'print(#t)'; } |
  timeout $((20 * slow)) "$PAPY" -i) || fail "600 lines: too slow"
case $got in *600*) ;; *) fail "600 lines: got '$got'" ;; esac

# the options of the one-shot form are heard by next, too
got=$("$PAPY" -e 'local p = papy.NuMap(function(x) papy.sleep(30) return x end, {1}, {timeout = 0.1})
  local ok, err = pcall(p.next, p) print(ok, err.kind) p:stop {force = true}')
[ "$got" = "false	timeout" ] || fail "one-shot timeout: got '$got'"

# an uncaught error of an item shows where in the worker it was raised
got=$("$PAPY" -e 'local function inner(x) return x.y.z end
  for _ in papy.NuMap(function(x) local v = inner(x) return v end, {{}}) do end' 2>&1)
case $got in *"in the worker"*inner*) ;; *) fail "worker traceback: got '$got'" ;; esac
exit 0
