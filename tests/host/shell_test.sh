#!/bin/sh
# papy -q and papy -n: answers in one line of a shell, exit statuses as grep's.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/expect.sh

printf 'GET / 200 10\nGET /a 500 5\nPOST /a 200 7\nPUT / 404 1\n' > log
printf 'a,b\n1,x\n2,y\n' > t.csv

run "$PAPY" -q 'log:count "GET"' log; expect "a number" 0 2 ""
run "$PAPY" -q 'log:count "HEAD"' log; expect "nothing found" 1 0 ""
run "$PAPY" -q 'log:grep "/a"' log; expect "lines" 0 'GET /a 500 5\nPOST /a 200 7' ""
run "$PAPY" -q 'log:grep "HEAD"' log; expect "no lines" 1 "" ""
run "$PAPY" -q 'log:fields{"method","url","status","bytes"}:sum_by("method","bytes")' log
expect "rows" 0 'GET\t15\nPOST\t7\nPUT\t1' ""
run "$PAPY" --json -F words -q 'log:count_by(1):top(1)' log; expect "json" 0 '{"1":"GET","count":2}' ""
run "$PAPY" -F csv -q 'log:where "a > 1"' t.csv; expect "csv" 0 '2\ty' ""
run "$PAPY" -q 'open("log"):head(1)'; expect "open" 0 'GET / 200 10' ""
run "$PAPY" -q 'open("log"):fields(" "):where(function(r) return r[3] == "200" end):count()'; expect "a function" 0 2 ""
run "$PAPY" -e 'limit = 6' -q 'log:fields("words"):where(function(r) return tonumber(r[4]) > limit end):count()' log
expect "code before" 0 2 ""
run "$PAPY" -F csv -q 'log:write("-", "csv")' t.csv; expect "rows written, not their number" 0 'a,b\r\n1,x\r\n2,y\r' ""
printf 'x\ty z\n' > t.tsv
run "$PAPY" -F '\t' -n 'f[2]' t.tsv; expect "a tab" 0 'y z' ""
run "$PAPY" -q 'log:explain()' log; expect "a plan" 0 "$("$PAPY" -e 'print(papy.open "log":explain())')" ""
printf '[\n{"a":1},\n{"a":2}\n]\n' > array.json
if "$PAPY" -e 'require "papy.json"' 2>/dev/null; then
  run "$PAPY" -F json -q 'log:count_by "a"' array.json; expect "an array of JSON" 0 '2\t1' "array.json:1: .*one object a line"
fi
printf 'a,b\n1,"x\ny"\n2,z\n3,"w\n' > quoted.csv
run "$PAPY" -F csv -q 'log:where("b contains \"y\""):select "a"' quoted.csv; expect "CSV over lines" 0 1 "quoted.csv:5: "
printf 'a\nb\n' | "$PAPY" -q 'log:count(), log:count "a"' >out 2>err; status=$?
expect "standard input twice" 2 "" "standard input can be read only once"
"$PAPY" -q 'log:count(), log:count "GET"' <log >out 2>err; status=$?
expect "a file twice" 0 '4\n2' ""
for name in /dev/stdin /dev/fd/0; do
  "$PAPY" -q 'log:count()' $name <log >out 2>err; status=$?; expect "a file as $name" 0 4 ""
  cat log | "$PAPY" -q 'log:count()' $name >out 2>err; status=$?; expect "a pipe as $name" 0 4 ""
done
run "$PAPY" -q '{1, 2}'; expect "an array" 0 '1\n2' ""
run "$PAPY" -q 'log:grep("/a"):show()' log; expect "rows shown" 0 'GET /a 500 5\nPOST /a 200 7' ""
run "$PAPY" -q 'log:grep("HEAD"):show()' log; expect "no rows shown" 1 '' ""
run "$PAPY" -q 'print(1)'; expect "no answer" 0 1 ""
run "$PAPY" -q 'nil'; expect "nil" 1 "" ""
run "$PAPY" -q 'log:cuont()' log; expect "an error" 2 "" "^papy: .*cuont"
run "$PAPY" -q 'log:' log; expect "a syntax error" 2 "" '^papy: .*<eof>'
run "$PAPY" -q 'log:count()' nosuch; expect "no file" 2 "" '^papy: .*nosuch: No such file'
run "$PAPY" -q; expect "no code" 2 "" "'-q' needs code"
run "$PAPY" -q 1 -n 1; expect "both" 2 "" 'do not go together'
run "$PAPY" --json x.lua; expect "json alone" 2 "" 'go with -q and -n'

run "$PAPY" -n 'f[3] == "200"' log; expect "a condition" 0 'GET / 200 10\nPOST /a 200 7' ""
run "$PAPY" -n 'f[3] == "302"' log; expect "no line" 1 "" ""
run "$PAPY" -n 'line:match "^%u+"' log; expect "a text" 0 'GET\nGET\nPOST\nPUT' ""
run "$PAPY" -n 'nr .. " " .. f[2]' log; expect "numbers" 0 '1 /\n2 /a\n3 /a\n4 /' ""
run "$PAPY" -e 'n = 0' -n 'n = n + f[4]' --end 'print(n)' log; expect "begin and end" 0 '23' ""
run "$PAPY" -F csv -n 'f.b' t.csv; expect "fields of csv" 0 'x\ny' ""
run "$PAPY" -n 'print(line, nr)' log log; expect "several files" 0 \
  'GET / 200 10\t1\nGET /a 500 5\t2\nPOST /a 200 7\t3\nPUT / 404 1\t4\nGET / 200 10\t5\nGET /a 500 5\t6\nPOST /a 200 7\t7\nPUT / 404 1\t8' ""
run "$PAPY" -n 'error "bad"' log; expect "an error in the code" 2 "" 'bad'
run "$PAPY" -n 'x = = 1' log; expect "a syntax error in the code" 2 "" 'unexpected symbol'
got=$(printf 'a\nb\n' | "$PAPY" -n 'line:upper()'); [ "$got" = "$(printf 'A\nB')" ] || { echo "stdin: $got"; failures=$((failures + 1)); }
got=$(printf 'a\nb\n' | "$PAPY" -q 'log:count "b"'); [ "$got" = 1 ] || { echo "stdin: $got"; failures=$((failures + 1)); }
seq 300000 > many
run "$PAPY" -n 'print(line)' many; cmp -s out many || { echo "print: out of order"; failures=$((failures + 1)); }
run "$PAPY" -n 'io.write(line, "\n")' many; cmp -s out many || { echo "io.write: out of order"; failures=$((failures + 1)); }

# a reader that has left ends the work quietly, as it ends grep's (or by an error where its signal is ignored); a full disk is told
leave() {
  { "$PAPY" "$@" 2>err; echo $? >left; } | head -n 1 >out
}
for code in "-n line" "-n print(line)" "-q log" "-q log:fields('words')" "-q log:sort()" "-q log:count_by('line')" \
  "-q log:write('-')" "-q log:show()" "-e for l in papy.open('many'):iter() do print(l) end"; do
  files=many
  [ "${code%% *}" != -e ] || files=
  leave "${code%% *}" "${code#* }" $files
  [ "$(head -c 1 out)" = 1 ] && [ "$(cat left)" = 141 ] && [ ! -s err ] ||
    { echo "$code | head: $(cat out) status $(cat left): $(cat err)"; failures=$((failures + 1)); }
  "$PAPY" "${code%% *}" "${code#* }" $files 2>err >/dev/full && { echo "$code >/dev/full: status 0"; failures=$((failures + 1)); }
  grep -q '^papy: .*cannot write' err || { echo "$code >/dev/full: $(cat err)"; failures=$((failures + 1)); }
done
(trap '' PIPE; leave -q 'log' many; [ "$(cat left)" = 2 ] && grep -q 'cannot write: Broken pipe' err) ||
  { echo "without SIGPIPE: $(cat left) $(cat err)"; failures=$((failures + 1)); }

[ $failures -eq 0 ]
