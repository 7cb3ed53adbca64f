#!/bin/sh
# demo: the main job on a sample. Counts the lines that have an SNP identifier, and checks the count against grep.
#   tests/demo.sh BUILD SIZE        SIZE in bytes; K, M and G are understood
set -e
cd "$(dirname "$0")/.."
build=$1
case $2 in
  *K) bytes=$((${2%K} << 10)) ;;
  *M) bytes=$((${2%M} << 20)) ;;
  *G) bytes=$((${2%G} << 30)) ;;
  *) bytes=$(($2)) ;;
esac

sample=$build/sample-$bytes.vcf
if [ ! -e "$sample" ]; then
  echo "writing a sample of $2 bytes"
  "$build/sample" "$bytes" > "$sample.tmp" && mv "$sample.tmp" "$sample"
fi
actual=$(wc -c < "$sample")

echo "\$ papy examples/snp_count.lua $sample"
began=$(date +%s.%N)
printed=$("$build/papy" examples/snp_count.lua "$sample")
ended=$(date +%s.%N)
echo "$printed"
expected=$(LC_ALL=C grep -cE '\brs[0-9]+\b' "$sample" || true)

echo "$actual $began $ended" | awk '{ t = $3 - $2; printf "%.0f MB in %.2f s: %.2f GB/s\n", $1 / 1e6, t, $1 / 1e9 / t }'
if [ "$(printf '%s\n' "$printed" | head -n 1)" = "$expected lines" ]; then
  echo "grep -c counts $expected lines, too"
else
  echo "WRONG: grep -c counts $expected lines" >&2
  exit 1
fi
