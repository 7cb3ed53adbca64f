#!/bin/sh
# Ctrl-C at the prompt, pressed when the code that runs catches it.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

# Ctrl-C that is caught in a loop for ever: the second one gets through, and the session lives
open_term 80 50 "exec '$PAPY'"
at_line "$prompt"
enter 'x = 42'
for loop in 'while true do pcall(papy.sleep, 100) end' 'while true do pcall(function() while true do end end) end' \
  'while true do pcall(pcall, pcall, papy.sleep, 100) end' \
  'while true do coroutine.resume(coroutine.create(function() papy.sleep(100) end)) end' \
  'while true do xpcall(papy.sleep, function() return 1 end, 100) end'; do
  enter "$loop"
  sleep 0.3
  press C-c
  sleep 0.3
  press C-c
  at_line "$prompt"
  see '^.*interrupted!$'
  see_not 'busy'
  enter 'x'
  see '^42$'
  press C-l
done
# and one that is caught each time, now and then, is never taken for one that nobody answers
enter 'n = 0 while true do if not pcall(papy.sleep, 100) then n = n + 1 end print("caught", n) end'
for i in 1 2; do
  sleep 0.2
  press C-c
  see "caught *$i"
  sleep 3
done
see_not 'busy'
# but the third one is meant
press C-c
at_line "$prompt"
