#!/bin/sh
# Ctrl-Z at the prompt and in a script stops the workers and what they run, too; fg continues them.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

# wait until every process of the file is in a state of the pattern
states() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ $tries -gt 0 ]; do
    other=no
    for pid in $(cat "$TERM_DIR/pids"); do
      state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)
      case $state in $1) ;; *) other="process $pid is '$state', not '$1'" ;; esac
    done
    [ "$other" != no ] || return 0
    sleep 0.02
    tries=$((tries - 1))
  done
  fail "$other"
}

cat > "$TERM_DIR/job.lua" <<END
pool = papy.NuMap(function()
  os.execute("echo \$PPID \$\$ >> $TERM_DIR/pids; sleep 60")
end, {1, 2}, {worker_num = 2})
END
echo 'pool()' | cat "$TERM_DIR/job.lua" - > "$TERM_DIR/script.lua"

open_term 80 24 "env PS1='shell> ' bash --norc --noprofile -i"
at_line 'shell>'
for how in "-i $TERM_DIR/job.lua" "$TERM_DIR/script.lua"; do
  : > "$TERM_DIR/pids"
  enter "clear; '$PAPY' $how"
  tries=500
  while [ "$(wc -w < "$TERM_DIR/pids")" -lt 4 ] && [ $tries -gt 0 ]; do sleep 0.02; tries=$((tries - 1)); done
  [ $tries -gt 0 ] || fail "no programs"
  case $how in -i*) at_line "$prompt" ;; esac
  press C-z
  at_line 'shell>'
  states T
  enter 'fg'
  states '[RSD]'
  case $how in
    -i*)
      press Enter
      at_line "$prompt"
      enter '1 + 1'
      see '^2$'
      press C-d
      ;;
    *) press C-c ;;
  esac
  at_line 'shell>'
  states ''
done
