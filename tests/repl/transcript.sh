#!/bin/sh
# transcript: replay a session in a real terminal, and compare what is on the screen with the transcript itself.
#   tests/repl/transcript.sh FILE
# Lines that begin with a prompt are typed, all others are expected. A typed line that ends in ^C is given up with
# Ctrl-C; an expected line that begins with ^C says that Ctrl-C interrupts what runs. `...` stands for any text, on a line of
# its own for any lines.
cd "$(dirname "$0")/../.." || exit 1
. tests/repl/term.sh

file=$1
open_term 100 400 "exec env LC_ALL=C.UTF-8 '$PAPY'"
at_line "$prompt"

at_a_prompt() {
  tries=$((500 * ${PAPY_TEST_SLOW:-1}))
  while [ $tries -gt 0 ]; do
    case "$(screen | tail -n 1)" in "papy>" | "    >") return ;; esac
    sleep 0.02
    tries=$((tries - 1))
  done
  fail "no prompt"
}

# the time in which what was typed begins to run
begun() {
  for _ in $(seq "${PAPY_TEST_SLOW:-1}"); do sleep 0.3; done
}

while IFS= read -r line; do
  case $line in
    'papy>'* | '    >'*)
      at_a_prompt
      text=${line#*>}
      text=${text# }
      case $text in
        *^C)
          typed "${text%^C}"
          sleep 0.2
          press C-c
          ;;
        *) enter "$text" ;;
      esac
      sleep 0.03
      ;;
    ^C*)
      begun
      press C-c
      ;;
  esac
done < "$file"
at_a_prompt
screen > "$TERM_DIR/screen"
"$PAPY" tests/repl/match.lua "$file" "$TERM_DIR/screen"
