#!/bin/sh
# The command line: options, `arg`, stdin, exit statuses, where errors are said to be, where modules are found.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/expect.sh

run "$PAPY" -e ''; expect "no code" 0 "" ""
run "$PAPY" -e 'x = 6' -e'print(x * 7)'; expect "-e twice" 0 42 ""
run "$PAPY" -e 'error "boom"'; expect "an error" 1 "" '^papy: \(command line\):1: boom$'
run "$PAPY" -e 'error "boom"'; expect "a traceback" 1 "" '^stack traceback:$'
run "$PAPY" -e 'error {}'; expect "a table raised" 1 "" '^papy: \(error object is a table value\)$'
run "$PAPY" -e 'error()'; expect "nil raised" 1 "" '^papy: \(error object is a nil value\)$'
run "$PAPY" -e 'error(setmetatable({}, {__tostring = function() return "told" end}))'
expect "__tostring" 1 "" '^papy: told$'
run "$PAPY" -e 'x ='; expect "a syntax error" 1 "" '^papy: \(command line\):1: unexpected symbol near <eof>$'
run "$PAPY" -e 'os.exit(7)'; expect "os.exit" 7 "" ""
run "$PAPY" -e 'os.exit(true, true)'; expect "os.exit with close" 0 "" ""
run "$PAPY" -e 'os.exit(false)'; expect "os.exit(false)" 1 "" ""
run "$PAPY" -e 'local function f() return f() + 1 end f()'; expect "stack overflow" 1 "" 'stack overflow'
run "$PAPY" -e 'print(#coroutine.wrap(function() return ("x"):rep(1e6) end)())'; expect "wrap" 0 1000000 ""

run "$PAPY" -x; expect "an unknown option" 2 "" "unknown option '-x'"
run "$PAPY" --what; expect "an unknown long option" 2 "" "^usage: papy"
run "$PAPY" -e; expect "-e without code" 2 "" "needs code"
run "$PAPY" --lua; expect "--lua without a directory" 2 "" "needs a directory"
run "$PAPY" --lua "$dir/nowhere" -e ''; expect "--lua elsewhere" 1 "" "module 'papy' not found"
run "$PAPY" nosuch.lua; expect "a missing file" 1 "" '^papy: cannot open nosuch.lua'
run "$PAPY" .; expect "a directory" 1 "" 'cannot read \.'
run "$PAPY" --version
grep -qE '^papy [0-9.]+.* \(Lua 5\.4\)$' out && [ $status = 0 ] || { echo "--version: $(cat out)"; failures=$((failures + 1)); }
run "$PAPY" --help
grep -q '^usage: papy' out && [ $status = 0 ] || { echo "--help: $(cat out)"; failures=$((failures + 1)); }

cat > args.lua <<'END'
#!/usr/bin/env papy
print(arg[-1], arg[0], arg[1], arg[2], #arg, ...)
END
run "$PAPY" args.lua a 'b c'; expect "arg" 0 "$PAPY\targs.lua\ta\tb c\t2\ta\tb c" ""
run "$PAPY" -E args.lua -e; expect "options behind the script are its own" 0 "-E\targs.lua\t-e\tnil\t1\t-e" ""
run "$PAPY" -- args.lua; expect "--" 0 "--\targs.lua\tnil\tnil\t0" ""
run "$PAPY" -e 'print(arg[0], arg[1])'; expect "arg of -e" 0 "$PAPY\t-e" ""

run sh -c "echo 'print(arg[0], ...)' | '$PAPY' - x y"; expect "-" 0 "-\tx\ty" ""
run sh -c "echo 'print(1)' | '$PAPY'"; expect "a pipe" 0 1 ""
run sh -c "echo 'error(1)' | '$PAPY'"; expect "an error in a pipe" 1 "" '^papy: stdin:1: 1$|^papy: 1$'
run sh -c "echo 'x + 1' | '$PAPY' -i -e 'x = 1'"; expect "-i" 0 "papy> 2
papy> " ""
run sh -c "echo 'x' | '$PAPY' -i -e 'x = 1 error \"e\"'"; expect "-i after an error" 0 "papy> 1
papy> " '\(command line\):1: e'

printf 'local x = 1\n\nerror("here")\n' > bad.lua
run "$PAPY" bad.lua; expect "the position of an error" 1 "" '^papy: bad\.lua:3: here$'
printf 'local x = 1\nlocal = 2\n' > syntax.lua
run "$PAPY" syntax.lua; expect "the position of a syntax error" 1 "" '^papy: syntax\.lua:2: <name> expected near .=.$'

# modules
mkdir -p tool/sub elsewhere bin
echo 'return "beside"' > tool/beside.lua
echo 'return "below"' > tool/sub/init.lua
echo 'print((require "beside"), (require "sub"))' > tool/main.lua
ln -s ../tool/main.lua bin/link
run "$PAPY" tool/main.lua; expect "the script's directory" 0 "beside\tbelow" ""
run "$PAPY" bin/link; expect "the directory behind a link" 0 "beside\tbelow" ""
echo 'return "elsewhere"' > elsewhere/far.lua
run env PAPY_PATH="$dir/elsewhere" "$PAPY" -e 'print((require "far"))'; expect "PAPY_PATH" 0 elsewhere ""
run env PAPY_PATH="x:$dir/elsewhere/?.lua" "$PAPY" -e 'print((require "far"))'; expect "templates in PAPY_PATH" 0 elsewhere ""
run env PAPY_PATH="$dir/elsewhere" "$PAPY" -E -e 'print((require "far"))'; expect "-E" 1 "" "module 'far' not found"
run env LUA_PATH="$dir/elsewhere/?.lua;;" "$PAPY" -e 'print((require "far"), (require "papy") == papy)'
expect "LUA_PATH" 0 "elsewhere\ttrue" ""
run env LUA_PATH="x" LUA_PATH_5_4="$dir/elsewhere/?.lua" "$PAPY" -e 'print((require "far"), package.path)'
expect "LUA_PATH_5_4 comes before LUA_PATH and replaces the system" 0 "elsewhere\t$dir/elsewhere/?.lua" ""
run env HOME="$dir/home" "$PAPY" -e 'print(package.path:find("home/.luarocks/share/lua/5.4/?.lua", 1, true) ~= nil)'
expect "luarocks" 0 true ""
run "$PAPY" -e 'print(require "cjson".encode{1, 2}, require "lpeg".match(require "lpeg".P"ab", "abc"))'
expect "C modules" 0 "[1,2]\t3" ""
echo 'error "broken"' > tool/broken.lua
run env PAPY_PATH=tool "$PAPY" -e 'require "broken"'; expect "a module that raises" 1 "" 'tool/broken.lua:1: broken'

# papy's own Lua from a directory
mkdir -p own/lua own/stdlib
echo 'return {version = "own", other = function() return require "papy.other" end}' > own/lua/papy.lua
echo 'return "other"' > own/lua/other.lua
echo 'return "std"' > own/stdlib/mine.lua
run "$PAPY" --lua own -e 'print(papy.version, papy.other(), (require "mine"))'; expect "--lua" 0 "own\tother\tstd" ""
echo 'return "replaced"' > elsewhere/mine.lua
echo 'return "replaced"' > elsewhere/papy.lua
run env PAPY_PATH=elsewhere "$PAPY" --lua=own -e 'print(papy.version, (require "mine"))'
expect "PAPY_PATH wins over stdlib, not over papy" 0 "own\treplaced" ""
echo 'x = = 1' > own/lua/papy.lua
run "$PAPY" --lua own -e ''; expect "papy's own Lua is broken" 1 "" 'own/lua/papy.lua:1: '

# ends
run sh -c "'$PAPY' -e 'print(1)' > /dev/full"; expect "a full disk" 1 "" 'cannot write to stdout'
run sh -c "'$PAPY' -e 'for i = 1, 1e7 do print(i) end' | head -n 1"; expect "a closed pipe" 0 1 ""

# interrupt CODE: its exit status in $status, when it gets SIGINT (ignored by default in the background) after it printed
interrupt() {
  rm -f up
  env --default-signal=INT "$PAPY" -e "io.open('up', 'w'):close()" -e "$1" >out 2>err &
  pid=$!
  while [ ! -e up ]; do sleep 0.02; done
  sleep 0.1
  kill -INT $pid
  wait $pid
  status=$?
}
interrupt 'while true do end'; expect "Ctrl-C in a script" 130 "" '^papy: .*interrupted!$'
interrupt 'papy.sleep(100)'; expect "Ctrl-C in a sleep" 130 "" 'interrupted!$'
interrupt 'print(pcall(function() while true do end end)) os.exit(4)'
expect "a script that catches Ctrl-C" 4 "false\tinterrupted!" ""
interrupt 'pcall(function() while true do end end) error "later"'
expect "a later error" 1 "" '^papy: .*later$'
interrupt 'io.popen("sleep 0.5; echo x"):read()  while true do end'; expect "Ctrl-C in a read" 130 "" 'interrupted!$'

[ $failures = 0 ]
