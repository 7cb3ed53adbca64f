#!/bin/sh
# A pipeline at the prompt: it works on while the prompt waits for keys, Ctrl-C leaves it paused and usable, stop loses nothing.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

open_term 100 60 "exec '$PAPY'"
# what is typed before the prompt is there is echoed above it
enter_at_prompt() {
  at_line "$prompt"
  enter "$1"
}
enter_at_prompt 'read, kept, mark = 0, {}, nil'
enter_at_prompt 'function input() read = read + 1 return read end'
enter_at_prompt 'function work(inbox) papy.sleep(0.002) return inbox[1] end'
enter_at_prompt 'function keep(inbox) kept[#kept + 1] = inbox[1]; if mark and #kept >= mark then io.open(path, "w"):close() end end'
enter_at_prompt "path = '$TERM_DIR/reached'"
enter_at_prompt 'p = papy.Plumber{pipes = {{papy.Piper(work, {parallel = papy.NuMap{worker_num = 2}}), keep}}}'
enter_at_prompt 'mark = 50 p:start{input} p:run()'
at_line "$prompt"

# reached LABEL: the sink has made its mark though nothing is typed
reached() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ ! -e "$TERM_DIR/reached" ]; do
    [ $tries -gt 0 ] || fail "$1: the pipeline does not work on"
    sleep 0.02
    tries=$((tries - 1))
  done
}
reached "after run()"

enter 'p:state_of_nobody()' # an error at the prompt is no matter of the pipeline
see 'attempt to call a nil value'
enter 'mark = nil'
enter 'p:wait()'
sleep 0.3
press C-c
see 'interrupted!'
enter 'p.state'
see '^"paused"$'

rm -f "$TERM_DIR/reached"
enter 'mark = #kept + 50 p:run()'
reached "after Ctrl-C and run()"
enter 'p:pause() p:stop()'
at_line "$prompt"
enter '("all %s"):format(#kept == read and kept[read] == read)'
see '^"all true"$'
