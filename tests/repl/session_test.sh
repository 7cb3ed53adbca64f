#!/bin/sh
# The prompt beyond what a transcript can say: history, ends, pastes, signals, terminals of other kinds.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh
export PAPY_HISTORY="$TERM_DIR/history"
readline=$("$PAPY" -e 'for l in io.lines("/proc/self/maps") do if l:find "libreadline" then print(1) break end end')

again() {
  close_term
  sleep 0.05
  clear_env=$1
  open_term 80 50 "$clear_env '$PAPY'; echo \"ended \$?\"; stty -a; echo done"
  at_line "$prompt"
}

# Ctrl-D at an empty line ends, with the terminal as it was
again
enter 'x = 41'
enter 'for i = 1, 2 do'
enter 'x = x + i'
enter 'end'
at_line "$prompt"
press C-d
see '^ended 0'
see ' icanon '
see ' echo '

# history is there in the next run, a block as one entry
if [ -n "$readline" ]; then
  again
  press Up
  see '^end'
  press Up Enter
  at_line "$prompt"
  enter 'x'
  see '^41$'
  press Up Up Up C-c
  at_line "$prompt"
fi

# a block still open at the end is reported
again
enter 'for'
at_line '    >'
press C-d
see '<eof>'
at_line "$prompt"

# os.exit
enter 'os.exit(3)'
see '^ended 3'

# a pasted block runs as a whole, one with expressions line by line
again
printf 'local y = 1\nfor i = 1, 2 do\n  z = i + y\nend\nprint("z", z)' > "$TERM_DIR/paste"
tm load-buffer "$TERM_DIR/paste"
tm paste-buffer -p
press Enter
if [ -n "$readline" ]; then see '^z	*  *3$'; else see "z.*nil|attempt"; fi
at_line "$prompt"
printf 'y = 20\ny + 1\n' > "$TERM_DIR/paste"
tm load-buffer "$TERM_DIR/paste"
tm paste-buffer -p
press Enter
see '^(papy> )?21$' # the plain reader shows its prompt late

# SIGTERM gives the terminal back
again "sh -c 'echo \$\$ > $TERM_DIR/pid; exec \"\$0\"'"
typed 'half a li'
see 'half a li'
kill -TERM "$(cat "$TERM_DIR/pid")"
see '^ended 143'
see ' icanon '
see ' echo '

# completion
if [ -n "$readline" ]; then
  again
  typed 'string.for'
  press Tab
  see 'string\.format'
  press C-c
  typed 'mytext = "" pri'
  press Tab
  see 'pri'
  press C-c
  enter 'obj = setmetatable({}, {__index = {method_of_mine = print}})'
  typed 'obj:meth'
  press Tab
  see 'obj:method_of_mine$'
  press C-c
  enter 'pool = papy.NuMap{name = "p"}; task = pool:add_task(print, {}); re = papy.regex "x"'
  for case in 'pool:pop_|pool:pop_task' 'task:col|task:collect' 're:gs|re:gsub' 'papy.Plum|papy.Plumber' \
    'papy.NuMap{worker_n|papy.NuMap{worker_num =' 'pool:add_task(print, {1, 2}, {name = "x", re|retries =' \
    'pool:stop {fo|pool:stop {force =' 'print(papy.NuMap(print, {}, {task_|task_timeout ='; do
    typed "${case%|*}"
    press Tab
    at_line_end "${case#*|}"
    press C-c
  done
  enter 'pool:stop{'
  typed 'ti'
  press Tab
  at_line '    > timeout ='
  press C-c
fi

# help() is there, unless a name of one's own
again
enter 'help "add_task"'
see '^Pool:add_task\(f, input, opts\)'
enter 'help = 7'
enter 'help'
see '^7$'

# a character of several bytes is one to the editor
again 'env LC_ALL=C.UTF-8'
typed '"aé'
press BSpace
enter '"'
see '^"a"$'

# garbage bytes do not end it
again
printf '\001\377\376\200\033[99~\033' > "$TERM_DIR/garbage"
tm load-buffer "$TERM_DIR/garbage"
tm paste-buffer
sleep 0.7
press C-c
enter '6 * 7'
see '^42$'

# a dumb terminal, and no terminal
again 'env TERM=dumb'
enter '6 * 7'
see '^42$'
typed 'given up'
press C-c
enter '1 + 1'
see '^2$'
printf 'x = 1\nx + 1\nfor i = 1, 2 do\nprint(i)\nend\nerror "e"\n3' | "$PAPY" -i > "$TERM_DIR/out" 2>&1
printf 'papy> papy> 2\npapy>     >     > 1\n2\npapy> prompt 4:1: e\nstack traceback:\n' > "$TERM_DIR/expected"
head -n 5 "$TERM_DIR/out" > "$TERM_DIR/head"
diff "$TERM_DIR/expected" "$TERM_DIR/head" || exit 1
tail -n 2 "$TERM_DIR/out" | grep -q 'papy> 3' || { cat "$TERM_DIR/out"; exit 1; }

# a narrow terminal, resized while a line is typed
close_term
sleep 0.05
open_term 20 10 "exec '$PAPY'"
at_line "$prompt"
typed '"a line that is longer than twenty columns"'
tm resize-window -x 60 -y 10
press Enter
see '^"a line that is longer than twenty columns"$'

# what workers print comes above the line that is typed: a module that prints so on SIGUSR1
cat > "$TERM_DIR/above.c" <<'END'
#include <signal.h>
#include "repl/repl.h"
static void print(int sig) {
  (void)sig;
  repl_print_above("from a worker\n", 14);
}
int luaopen_above(lua_State *L) {
  (void)L;
  signal(SIGUSR1, print);
  return 0;
}
END
gcc -shared -fPIC -Isrc $(pkg-config --cflags lua5.4) -o "$TERM_DIR/above.so" "$TERM_DIR/above.c" || exit 1
again "sh -c 'echo \$\$ > $TERM_DIR/pid; exec \"\$0\"'"
enter "package.loadlib('$TERM_DIR/above.so', 'luaopen_above')()"
at_line "$prompt"
typed '20 + '
at_line 'papy> 20 +'
kill -USR1 "$(cat "$TERM_DIR/pid")"
see '^from a worker$'
typed '1'
[ -z "$readline" ] || at_line 'papy> 20 + 1'
press Enter
see '^21$'
