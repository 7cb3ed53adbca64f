#!/bin/sh
# walls: which room may include what. Includes of our own are written from src/, so every include line shows the wall
# that it crosses. Prints each one that crosses it the wrong way.
cd "$(dirname "$0")/.." || exit 1

# rooms a room may include, and headers of the outside world that are not libc's
allowed() {
  case $1 in
    base) echo base ;;
    shm) echo shm base ;;
    runtime) echo runtime base shm ;;
    scan) echo scan base pcre2 ;;
    codec) echo codec base lua ;;
    bindings) echo bindings base runtime scan codec lua ;;
    host) echo host base runtime bindings lua ;;
    repl) echo repl base host lua readline ;;
    main.c) echo base host repl ;;
    modules) echo base scan codec lua a-library ;;
  esac
}

wrong=0
for file in $(find src -name '*.[ch]' -o -name '*.cc' | LC_ALL=C sort); do
  room=${file#src/} room=${room%%/*}
  needs=$(sed -n -e 's|^#include "\([a-z]*\)/.*|\1|p' -e 's|^#include "[^/]*".*|a-file-without-its-room|p' \
    -e 's|^#include <\(lua\)\.h>.*|\1|p' -e 's|^#include <\(lua\)[a-z]*\.h>.*|\1|p' -e 's|^#include <lauxlib\.h>.*|lua|p' \
    -e 's|^#include <\(pcre2\)\.h>.*|\1|p' -e 's|^#include <\(readline\)/.*|\1|p' \
    -e 's/^#include <\(archive\|archive_entry\|simdjson\|zlib\|zstd\)\.h>.*/a-library/p' "$file" | sort -u)
  for need in $needs; do
    case " $(allowed "$room") " in
      *" $need "*) ;;
      *) echo "$file: room $room may not include $need" && wrong=$((wrong + 1)) ;;
    esac
  done
done
for file in $(grep -l '<readline/' -r src); do
  [ "$file" = src/repl/line_readline.c ] || { echo "$file: only src/repl/line_readline.c knows readline" && wrong=$((wrong + 1)); }
done
for file in $(find src -name '*.cc' -o -name '*.cpp' -o -name '*.hh'); do
  case $file in
    src/modules/*.cc) ;;
    *) echo "$file: C++ only in src/modules" && wrong=$((wrong + 1)) ;;
  esac
done
[ $wrong -eq 0 ]
