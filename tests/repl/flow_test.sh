#!/bin/sh
# Flows at a terminal: the progress line and what a program prints meanwhile; a plan at the prompt.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

cat > "$TERM_DIR/slow.lua" <<'END'
local n = 0
local function slow()
  n = n + 1
  papy.sleep(0.3)
  return n <= 8 and "line " .. n or nil
end
papy.open(slow):each(print)
print "end"
END

open_term 80 20 "'$PAPY' '$TERM_DIR/slow.lua'; exec sleep 60"
see '^end'
[ "$(screen | grep -c '^line [1-8]$')" = 8 ] || fail "lines and the progress line are mixed"
close_term

sleep 0.05
open_term 80 20 "'$PAPY'"
at_line 'papy>'
enter 'papy.open("/dev/null"):grep "x":explain()'
see '^source: /dev/null'
see '^  grep .native.: x'
