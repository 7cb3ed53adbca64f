-- Sources: paths, globs, directories, handles, iterators, as items and blocks.
local T = require "support"
local core = require "papy.core"
local R = require "reading"
local open = require "papy.open"

local dir, clean = R.directory()
local function path(name) return dir .. "/" .. name end

local log = {}
for i = 1, 3000 do log[i] = ("%d some words of line %d%s\n"):format(i, i, i % 7 == 0 and "\r" or "") end
log = table.concat(log)


T.claim("a plain file comes whole, in order, whatever the chunks", function()
  local file = R.write(path "plain", log .. "no newline at the end \0\xff")
  for _, size in ipairs {1, 100, 5000, 1 << 30} do
    local r = R.all(file, nil, {size = size})
    T.ok(r.text == log .. "no newline at the end \0\xff", size)
    T.eq(r.names, {file})
    T.eq(r.errors, {})
  end
  local r = R.all(file, nil, {size = 1000, workers = 2})
  T.ok(r.text:sub(1, #log) == log and r.items > 10)
end)

T.claim("blocks say their offsets", function()
  local file = R.write(path "offsets", log)
  local at = 0
  for _, block in ipairs(R.all(file, nil, {size = 777}).blocks) do
    T.eq(block[3], at)
    at = at + #block[1]
  end
  T.eq(at, #log)
end)

T.claim("small files share items, empty ones give nothing", function()
  local names = {}
  for i = 1, 200 do names[i] = R.write(path(("small%03d"):format(i)), i % 3 == 0 and "" or "file " .. i .. "\n") end
  local r = R.all(names)
  local wanted = {}
  for i = 1, 200 do wanted[#wanted + 1] = i % 3 ~= 0 and "file " .. i .. "\n" or nil end
  T.ok(r.items < 10, r.items)
  T.eq(r.text, table.concat(wanted))
  T.eq(R.all(R.write(path "empty", "")).text, "")
end)

T.claim("files between small ones keep their place", function()
  local r = R.all({R.write(path "1", "one\n"), R.write(path "2", ("two two\n"):rep(200000)), R.write(path "3", "three\n")},
    nil, {workers = 2})
  T.ok(r.text == "one\n" .. ("two two\n"):rep(200000) .. "three\n")
end)

T.claim("globs find files sorted by name; directories among them are passed over", function()
  assert(papy.fs.mkdir(path "logs/sub/deep.log"))
  assert(papy.fs.mkdir(path "logs/other"))
  for name, text in pairs {["logs/b.log"] = "b\n", ["logs/a.log"] = "a\n", ["logs/c.txt"] = "c\n", ["logs/.h.log"] = "h\n",
    ["logs/sub/d.log"] = "d\n", ["logs/sub/deep.log/e.log"] = "e\n", ["logs/[x].log"] = "x\n"} do
    R.write(path(name), text)
  end
  T.eq(R.all(path "logs/*.log").text, "x\na\nb\n")
  T.eq(R.all(path "logs/?.*").text, "a\nb\nc\n")
  T.eq(R.all(path "logs/[!a].log").text, "b\n")
  T.eq(R.all(path "logs/[a-b].log").text, "a\nb\n")
  T.eq(R.all(path "l*s/s*/*.log").text, "d\n")
  T.eq(R.all(path "logs/**/*.log").text, "x\na\nb\nd\ne\n")
  T.eq(R.all(path "logs/[x].log").text, "x\n", "a name with wildcards in it")
  local r = R.all(path "logs/*.gone")
  T.eq(r.errors, {("no file fits %s/logs/*.gone"):format(dir)})
end)

T.claim("directories give their files, chosen by include and exclude", function()
  T.eq(R.all(path "logs", {recursive = true}).text, "h\nx\na\nb\nc\nd\ne\n")
  T.eq(R.all(path "logs", {recursive = true, include = "*.txt"}).text, "c\n")
  T.eq(R.all(path "logs", {recursive = true, exclude = {"*.txt", ".*", "[[]*", "**/deep.log/*"}}).text, "a\nb\nd\n")
  T.eq(R.all(path "logs", {include = "*"}).text, "h\nx\na\nb\nc\n")
  T.raises("is a directory; {recursive = true}", open.source, path "logs")
  os.execute(("ln -s .. '%s'"):format(path "logs/other/up"))
  os.execute(("ln -s ../a.log '%s'"):format(path "logs/other/link"))
  T.eq(R.all(path "logs/other", {recursive = true}).text, "a\n", "links: to a file, to a directory above")
end)

T.claim("lists may hold anything, in order", function()
  local lines = {"one", "two"}
  local function iterate() return table.remove(lines, 1) end
  local r = R.all {path "logs/b.log", {path "logs/s*/*.log", iterate}, assert(io.open(path "logs/a.log"))}
  T.eq(r.text, "b\nd\none\ntwo\na\n")
end)

T.claim("an iterator's strings are lines, one that holds newlines is several", function()
  local function of(strings)
    return R.all(function() return table.remove(strings, 1) end).text
  end
  T.eq(of {"a", "b\n", "c\nd", "", "e"}, "a\nb\nc\nd\n\ne\n")
  T.eq(of {}, "")
  T.eq(R.all(papy.NuMap(function(x) return "n" .. x end, {1, 2, 3})).text, "n1\nn2\nn3\n")
  T.eq(R.all(io.lines(path "logs/b.log")).text, "b\n")
  T.raises("must give strings or chunks, got 7", R.all, function() return 7 end)
  T.raises("boom", R.all, function() error "boom" end)
end)

T.claim("a slow iterator does not wait for a full item", function()
  local n = 0
  local items = open.items(open.source(function()
    n = n + 1
    papy.sleep(0.1)
    return n <= 3 and "line " .. n or nil
  end))
  T.eq(items().text, "line 1\n")
  T.eq(n, 1)
end)

T.claim("an iterator of chunks is a source", function()
  local file = R.write(path "chunks", log)
  T.eq(R.all(papy.chunks(file, 500)).text, log)
end)

T.claim("an open file is read from where it stands, from its start in chunks", function()
  local file = R.write(path "handle", log)
  local f = assert(io.open(file))
  T.eq(R.all(f, nil, {size = 1000}).items > 10, true)
  f:close()
  f = assert(io.open(file))
  local first = f:read "L"
  T.eq(R.all(f).text, log:sub(#first + 1))
  f:close()
  local p = assert(io.popen(("cat '%s'"):format(file)))
  T.eq(p:read "L", first)
  T.ok(R.all(p, nil, {workers = 2}).text == log:sub(#first + 1))
  p:close()
  T.raises("closed", open.source, p)
end)

T.claim("pipes by their path, files without a size", function()
  local fifo = path "fifo"
  os.execute(("mkfifo '%s'"):format(fifo))
  os.execute(("{ sleep 0.1; printf 'one\\ntw'; sleep 0.1; printf 'o\\nthree'; } >'%s' &"):format(fifo))
  T.eq(R.all(fifo).text, "one\ntwo\nthree")
  T.ok(R.all("/proc/self/status", nil, {workers = 2}).text:find "VmRSS")
end)

T.claim("looking at a pipe does not take the reader's place", function()
  local fifo = path "waiting"
  os.execute(("mkfifo '%s'"):format(fifo))
  os.execute(("{ printf early >'%s'; } 2>/dev/null &"):format(fifo))
  papy.sleep(0.2) -- it waits for a reader
  T.eq(core.source.sniff(fifo), "pipe")
  papy.sleep(0.2)
  os.execute(("{ sleep 1; timeout 5 sh -c \"printf late >'%s'\"; } &"):format(fifo))
  T.eq(R.all(fifo).text, "early")
  T.eq(R.all(fifo).text, "late")
end)

T.claim("standard input: pipes as they come, files in chunks", function()
  local script = R.write(path "stdin.lua", [[
    local R = dofile(arg[1])
    package.loaded.reading = R
    local r = R.all("-", nil, {workers = 2})
    io.write(r.text, #r.names > 0 and r.names[1] or "", " ", r.items)]])
  local helper = "tests/lua/reading.lua"
  local function run(how) return (T.read_all(how:format(T.papy() .. " " .. script .. " " .. helper))) end
  T.eq(run "printf 'a\\nb' | %s", "a\nbstandard input 1")
  T.eq(run("{ echo a; sleep 0.3; echo b; } | %s"), "a\nb\nstandard input 2")
  T.eq(run "%s </dev/null", " 0")
  T.ok(run("%s <" .. R.write(path "in", log)):sub(1, #log) == log)
  T.eq(run "%s <&-", " 0")
end)

T.claim("a result is not kept back by an input that has nothing more yet", function()
  local fifo = path "slow"
  os.execute(("mkfifo '%s'"):format(fifo))
  os.execute(("{ echo one; sleep 1; echo two; } >'%s' &"):format(fifo))
  local pool = papy.NuMap(function(item) return item.text end, open.items(open.source(fifo)), {worker_num = 2, buffer = 8})
  T.eq(pool:next(), "one\n")
  local t0 = papy.now()
  T.eq(pool:next(), "two\n")
  T.ok(papy.now() - t0 > 0.5, "the first came with the second")
  T.eq(pool:next(), nil)
end)

T.claim("what cannot be read is an error in its place, the rest is read", function()
  local r = R.all({path "logs/a.log", path "gone", path "logs/b.log"}, {on_error = "skip"})
  T.eq(r.text, "a\nb\n")
  T.eq(r.errors, {("cannot open %s: No such file or directory"):format(path "gone")})
  r = R.all {"/proc/self/mem", path "logs/a.log"}
  T.eq(r.text, "a\n")
  T.eq(r.errors, {"cannot read /proc/self/mem: Input/output error"})
  local source, vanishing = open.source {path "logs/a.log", R.write(path "vanishing", "v\n")}, path "vanishing"
  os.remove(vanishing)
  local items = open.items(source)
  local blocks, errors = R.blocks(items())
  T.eq(#blocks, 1)
  T.eq(errors, {})
  blocks, errors = R.blocks(items())
  T.eq(#blocks, 0)
  T.eq(errors, {("cannot open %s: No such file or directory"):format(vanishing)})
  T.eq(items(), nil)
end)

T.claim("a file that vanishes or shrinks between host and worker is an error that names it", function()
  local file = R.write(path "shrinking", log)
  local items = open.items(open.source(file))
  local item = items()
  os.remove(file)
  local _, errors = R.blocks(item)
  T.eq(errors, {("cannot open %s: No such file or directory"):format(file)})
  R.write(file, log:rep(10))
  items = open.items(open.source(file), {size = 200000})
  item = items()
  R.write(file, "x\n")
  _, errors = R.blocks(items())
  T.ok(#errors == 1 and errors[1]:find("shrinking at byte %d+: the file has shrunk"), errors)
  T.eq(items(), nil)
  T.raises("shrunk", function() open.blocks(item)():text() end)
end)

T.claim("records of several lines are never cut, whatever the chunks", function()
  local parts = {"a tail of something\n"}
  for i = 1, 400 do
    parts[#parts + 1] = ("2024-01-%02d event %d\r\n"):format(i % 28 + 1, i)
    for k = 1, i * 7 % 5 do parts[#parts + 1] = ("\tat line %d \xff\n"):format(k) end
    if i == 200 then parts[#parts + 1] = ("  a very long record\n"):rep(5000) end
  end
  local text = table.concat(parts) .. "2024 the last, without an end"
  local function begins(line) return line:find "^%d%d%d%d" end
  local wanted, file = R.records(text, begins), R.write(path "records", text)
  local opts = {record_start = "^\\d{4}"}
  local function check(r, what)
    local got = {}
    for _, block in ipairs(r.blocks) do
      for _, record in ipairs(R.records(block[1], begins)) do got[#got + 1] = record end
    end
    T.eq(got, wanted, what)
  end
  for _, size in ipairs {1, 10, 333, 5000, 1 << 20} do check(R.all(file, opts, {size = size}), size) end
  check(R.all(file, opts, {size = 3000, workers = 2}), "workers")
  check(R.all(file, opts, {size = 3000, workers = 2, worker_type = "thread"}), "threads")
  check(R.all(file, opts), "whole")
  check(R.all(assert(io.popen(("cat '%s'"):format(file))), opts), "pipe")
  check(R.all(io.lines(file, "L"), {record_start = papy.regex "^\\d{4}"}), "iterator")
end)

T.claim("wrong arguments are errors in words", function()
  T.raises("No such file", open.source, path "nothing")
  T.raises("a path, a glob, .* expected, got nil", open.source, nil)
  T.raises("expected, got an empty string", open.source, "")
  T.raises("expected, got 7", open.source, 7)
  T.raises("expected, got {file", open.source, {file = "x"})
  T.raises("an empty list", open.source, {})
  T.raises("did you mean 'recursive'", open.source, "/tmp", {recursve = true})
  T.raises("a glob or a list of them, got 7", open.source, "/tmp", {include = {7}})
  T.raises("record_start: regex at 2", open.source, "/tmp", {recursive = true, record_start = "("})
  T.raises("regex or a pattern, got 7", open.source, "/tmp", {record_start = 7})
  T.raises("options must be a table", open.source, "/tmp", 7)
  T.raises("only files can be followed, not standard input", open.source, "-", {follow = true})
  local r = R.all({"/dev/null", path "logs"}, {include = "*.txt"})
  T.eq(r.text, "c\n")
end)

T.claim("lines longer than a block, and a long line without an end", function()
  local big = ("x"):rep(3 << 20) .. "\n" .. ("y"):rep(3 << 20)
  local p = assert(io.popen(("cat '%s'"):format(R.write(path "big", big))))
  local r = R.all(p)
  p:close()
  T.ok(r.text == big and #r.blocks == 2)
  T.ok(R.all(path "big", nil, {size = 1000}).text == big)
end)

clean()
T.finish()
