# term: the prompt in a real terminal. Sourced by the tests of this directory.
#   open_term [COLUMNS [ROWS]] COMMAND...   typed TEXT   enter TEXT   press KEY   see PATTERN   screen   close_term
TERM_DIR=$(mktemp -d "${TMPDIR:-/tmp}/papy-term.XXXXXX")
PAPY=${PAPY:-build/papy}
trap 'close_term; rm -rf "$TERM_DIR"' EXIT
trap 'exit 1' INT TERM

tm() {
  env -u TMUX tmux -f /dev/null -S "$TERM_DIR/socket" "$@"
}

# the command runs in a shell of its own, in the environment of the test
open_term() {
  tm new-session -d -x "$1" -y "$2" "$3"
  tm set-option -g remain-on-exit on >/dev/null
}

close_term() {
  tm kill-server 2>/dev/null
}

typed() {
  tm send-keys -l -- "$1"
}

press() {
  tm send-keys "$@"
}

enter() {
  typed "$1"
  press Enter
}

screen() {
  tm capture-pane -p | sed -e 's/[ ]*$//' | sed -e ':a' -e '/^\n*$/{$d;N;ba' -e '}'
}

# Wait until the last line of the screen is TEXT (blanks at its end aside); fail with the screen after ten seconds.
at_line() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ $tries -gt 0 ]; do
    [ "$(screen | tail -n 1)" != "$1" ] || return 0
    sleep 0.02
    tries=$((tries - 1))
  done
  fail "never came to '$1'"
}

# wait until the last line of the screen ends in TEXT
at_line_end() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ $tries -gt 0 ]; do
    case "$(screen | tail -n 1)" in *"$1") return 0 ;; esac
    sleep 0.02
    tries=$((tries - 1))
  done
  fail "the last line never ended in '$1'"
}

# wait until some line of the screen matches the extended regular expression
see() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ $tries -gt 0 ]; do
    ! screen | grep -qE -- "$1" || return 0
    sleep 0.02
    tries=$((tries - 1))
  done
  fail "never saw '$1'"
}

see_not() {
  ! screen | grep -qE -- "$1" || fail "saw '$1'"
}

fail() {
  echo "$1; the screen:"
  screen
  exit 1
}

prompt='papy>'
