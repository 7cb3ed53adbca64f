#!/bin/sh
# An input that does not return holds up the prompt, which pulls it. Ctrl-C, pressed again, gives the prompt back for a line.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

# signals that come at once are one
press_often() {
  for _ in $(seq "$1"); do
    sleep 0.3
    press C-c
  done
}

open_term 80 50 "exec '$PAPY'"
at_line "$prompt"
enter 'pool = papy.NuMap{worker_num = 2}'
enter 'pool:add_task(tostring, function() while true do end end)'
enter 'pool:start()'
sleep 0.3
press C-c
see '^.*interrupted!$'
for _ in 1 2; do
  press_often 2
  see 'the pools rest until the next line$'
  at_line "$prompt"
  # a line that is given up changes nothing
  typed 'no'
  at_line "$prompt no"
  press C-c
  at_line "$prompt"
  enter '20 + 1'
  see '^21$'
done

press_often 2
at_line "$prompt"
enter 'pool:stop{force = true}'
at_line "$prompt"

# a third press that is answered, too, is no reason to end papy at a later one; two are for start()
enter 'caught = 0 function loop() while true do end end'
enter 'pool = papy.NuMap{worker_num = 1}'
enter 'pool:add_task(tostring, function() while caught < 3 do if not pcall(loop) then caught = caught + 1 end end end)'
enter 'pool:start()'
press_often 5
at_line "$prompt"
enter 'caught'
see '^3$'
press C-c
at_line "$prompt"
enter '20 + 2'
see '^22$'
