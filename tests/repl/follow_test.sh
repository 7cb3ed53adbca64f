#!/bin/sh
# A followed file as the input of a pipeline: the prompt stays usable while the file does not grow, and new lines come without a
# key being pressed.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

open_term 100 40 "exec '$PAPY'"
at_line "$prompt"
enter 'path = os.tmpname() f = io.open(path, "w")'
enter 'function mark(inbox) io.open(inbox[1], "w"):close() end'
enter 'p = papy.Plumber{pipers = {mark}}'
enter 'p:start{papy.workers.io.make_lines(path, {follow = true, wait = 0.01})} p:run()'
enter '"still " .. 6 * 7'
see '^"still 42"$'
for name in one two; do
  enter "f:write('$TERM_DIR/$name\\n') f:flush()"
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ ! -e "$TERM_DIR/$name" ]; do
    [ $tries -gt 0 ] || fail "line $name did not come"
    sleep 0.02
    tries=$((tries - 1))
  done
done
enter 'p:stop() os.remove(path) print(p.state)'
see '^stopped$'
