#!/bin/sh
# What workers print without a newline is shown at the prompt, on lines of its own.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh
readline=$("$PAPY" -e 'for l in io.lines("/proc/self/maps") do if l:find "libreadline" then print(1) break end end')

open_term 80 50 "exec '$PAPY'"
at_line "$prompt"

# at the end of the tasklet, though its worker lives on, and each tasklet's in one piece
enter 'pool = papy.NuMap(function(x) io.write("part of ", x) return x end, {11, 12}, {worker_num = 2})'
see '^part of 11$'
see '^part of 12$'
at_line "$prompt"

# in the middle of a tasklet, when it was flushed, and not into the line that is typed
enter 'slow = papy.NuMap(function(x) io.write("so far"); io.flush(); papy.sleep(60) end, {1}, {worker_num = 1})'
typed '20 + '
see '^so far$'
[ -z "$readline" ] || at_line 'papy> 20 +'
typed '1'
press Enter
see '^21$'

# what comes in parts, but soon, is one line; an error in the middle of a line shows it, too
enter 'io.stderr:write("") pool:stop() pool = papy.NuMap(function(x)'
enter 'for _, p in ipairs {"one ", "line"} do io.write(p) io.flush() end print() io.write "before" error "the error" end, {1}, {worker_num = 1})'
see '^one line$'
see '^before$'

# workers of workers
enter 'outer = papy.NuMap(function() return papy.NuMap(function() io.write "inner" return 1 end, {1}, {worker_num = 1})() end, {1})'
see '^inner$'
at_line "$prompt"

# threads
press C-l
enter 't = papy.NuMap(function(x) papy.sleep(0.3) print("thread", x) io.write("half ", x) return x end, {1}, {worker_type = "thread", worker_num = 1})'
typed '20 + '
see '^thread  *1$'
see '^half 1$'
[ -z "$readline" ] || at_line 'papy> 20 +'
