#!/bin/sh
# Ctrl-C that breaks off what is being printed is no failure of the session: its exit status is 0.
cd "$(dirname "$0")/../.." || exit 1
PAPY=${PAPY:-build/papy}
dir=$(mktemp -d "${TMPDIR:-/tmp}/papy-broken.XXXXXX")
trap 'exec 3>&- 4<&-; rm -rf "$dir"' EXIT
mkfifo "$dir/in" "$dir/out"

"$PAPY" -i < "$dir/in" > "$dir/out" 2> "$dir/err" &
papy=$!
exec 3> "$dir/in" 4< "$dir/out"
echo 'print(("x"):rep(1000000))' >&3
# nobody reads: it waits in the write, which the first signal cuts short and the second one breaks off
for _ in 1 2; do
  for _ in $(seq "${PAPY_TEST_SLOW:-1}"); do sleep 0.3; done
  kill -INT "$papy"
done
exec 3>&-
cat <&4 > /dev/null
wait "$papy"
status=$?
grep -q 'interrupted!' "$dir/err" && [ $status = 0 ] || {
  echo "exit status $status"
  cat "$dir/err"
  exit 1
}
