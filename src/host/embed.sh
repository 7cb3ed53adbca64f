#!/bin/sh
# embed: write the C file that holds papy's own Lua: every file of lua/ and stdlib/, as source, in sorted order.
# Source and not bytecode, so that tracebacks are true; sorted, so that the build is reproducible and embed_find can halve.
set -e
export LC_ALL=C

files=$(for dir in lua stdlib; do [ ! -d $dir ] || find $dir -name '*.lua'; done | sort)

echo '#include "host/embed.h"'
i=0
for file in $files; do
  i=$((i + 1))
  echo "static const unsigned char text_$i[] = {"
  od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
  echo '0};'
done

echo 'const struct embed embed_files[] = {'
i=0
for file in $files; do
  i=$((i + 1))
  echo "  {\"$file\", (const char *)text_$i, sizeof text_$i - 1},"
done
echo '  {0, 0, 0}};'
echo "const size_t embed_count = $i;"
