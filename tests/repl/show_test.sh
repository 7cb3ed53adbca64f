#!/bin/sh
# plumber:show() in terminals of several widths, with and without colours and Unicode.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

cat > "$TERM_DIR/show.lua" <<'END'
local function even(inbox) if inbox[1] % 2 == 1 then error "odd" end end
local function pass(inbox) return inbox[1] end
local pool = papy.NuMap {worker_num = 2, name = "main"}
local p = papy.Plumber()
local top = papy.Piper(pass, {name = "read every line", parallel = pool})
p:add_pipe {top, papy.Piper(even, {name = "check"})}
p:add_pipe {top, papy.Piper(pass, {name = "keep", parallel = pool})}
p:start {{1, 2, 3}}
p:run()
p:wait()
p:show()
END

# drawn WIDTH ENVIRONMENT: the screen, colours as escape sequences
drawn() {
  close_term
  sleep 0.05
  open_term "$1" 20 "env -u NO_COLOR $2 '$PAPY' '$TERM_DIR/show.lua'; echo end; exec sleep 60"
  see '^end'
  tm capture-pane -p -e | sed -e 's/[ ]*$//'
}

has() { case $screen in *"$1"*) ;; *) echo "no '$1' in:" && echo "$screen" && exit 1 ;; esac }
has_not() { case $screen in *"$1"*) echo "'$1' in:" && echo "$screen" && exit 1 ;; esac }
escape=$(printf '\033')

screen=$(drawn 80 LC_ALL=C.UTF-8)
has 'finished, '; has "●    $escape[1mread every line"; has '├─┐'; has "$escape[31m3 done, 2 failed"; has 'main, 2 processes'
screen=$(drawn 80 'LC_ALL=C.UTF-8 NO_COLOR=1')
has '●    read every line  main, 2 processes  3 done'; has_not "$escape"
screen=$(drawn 40 'LC_ALL=C.UTF-8 NO_COLOR=1')
has '●    read every line  3 done'; has '● │  check            3 done, 2 failed'; has_not 'main'
screen=$(drawn 80 'LC_ALL=C TERM=dumb')
has 'o    read every line  main, 2 processes  3 done'; has '+-+'; has_not "$escape"; has_not '●'
