-- Streams, items in files and fifos, lines, chunks; formats are in workers_formats_test.lua.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local io_ = require("papy.workers").io
local fs = papy.fs

local function here(name)
  local text = {}
  for line in io.lines(name) do text[#text + 1] = line end
  return text
end

T.claim("print_ prints slot 1 and gives papy.null", function()
  local text = T.run 'print(require("papy.workers").io.print_{"hello"})'
  T.eq(text, "hello\nnull\n")
end)

-- ---- streams ----

local function through_stream(items, delimiter)
  local path = T.temp()
  local f = assert(io.open(path, "wb"))
  for _, item in ipairs(items) do T.eq(io_.dump_stream({ item }, f, delimiter), papy.null) end
  f:close()
  return T.values(io_.load_stream(path, delimiter)), path
end

T.claim("what dump_stream wrote, load_stream reads, byte by byte", function()
  local items = { "first1\nfirst2\n", "second1\nsecond2\n", "third\n", "no end", "", "", "x", "" }
  T.eq((through_stream(items)), items)
  T.eq((through_stream(items, "XYZ")), items)
  T.eq((through_stream { "", "a\n", "", "b" }), { "", "a\n", "", "b" })
end)

T.claim("blank lines inside items stay, with a delimiter of one's own", function()
  local items = { "a\n\nb", "\n\n", "c\n\n\n" }
  T.eq((through_stream(items, "--")), items)
end)

T.claim("the written form is the text and a line that is the delimiter", function()
  local _, path = through_stream({ "a", "b" }, "END")
  T.eq(here(path), { "a", "END", "b", "END" })
  _, path = through_stream { "a", "b" }
  T.eq(here(path), { "a", "", "b", "" })
end)

T.claim("the last item needs no delimiter", function()
  T.eq(T.values(io_.load_stream(T.temp "one\n\ntwo")), { "one", "two" })
  T.eq(T.values(io_.load_stream(T.temp "one\n\ntwo\n")), { "one", "two" })
  T.eq(T.values(io_.load_stream(T.temp "one\nXX\ntwo", "XX")), { "one", "two" })
  T.eq(T.values(io_.load_stream(T.temp "")), {})
end)

T.claim("text that holds the delimiter is refused, not torn apart", function()
  local f = io.tmpfile()
  T.raises("dump_stream: the text has a blank line", io_.dump_stream, { "a\n\nb" }, f)
  T.raises("the text has a line that is the delimiter 'X'", io_.dump_stream, { "a\nX" }, f, "X")
  T.raises("must be a string, got a number", io_.dump_stream, { 1 }, f)
  T.raises("an open file expected", io_.dump_stream, { "a" }, "path")
  f:close()
  T.raises("closed file", io_.dump_stream, { "a" }, f)
end)

T.claim("forked workers may write one stream: no item is torn", function()
  local path = T.temp()
  local f = assert(io.open(path, "a"))
  local pool = papy.NuMap(function(i)
    return io_.dump_stream({ ("%d"):format(i % 10):rep(5000) }, f)
  end, T.range(1, 200), { worker_num = 4 })
  T.values(pool)
  pool:stop()
  local n = 0
  for item in io_.load_stream(path) do
    n = n + 1
    T.ok(#item == 5000 and item == item:sub(1, 1):rep(5000), "torn")
  end
  T.eq(n, 200)
end)

T.claim("item streams keep any value", function()
  local path = T.temp()
  local shared = { 1 }
  local items = { 1, 1.0, "a\0b\n", false, papy.null, { x = { 2 ^ 53, "y" } }, { shared, shared }, ("z"):rep(3000000) }
  local f = assert(io.open(path, "wb"))
  for _, item in ipairs(items) do io_.dump_item_stream({ item }, f) end
  f:close()
  local got = T.values(io_.load_item_stream(path))
  T.eq(got, items)
  T.ok(got[7][1] == got[7][2])
  f = assert(io.open(path, "ab")) -- and may be gone on with
  io_.dump_item_stream({ "more" }, f)
  f:close()
  T.eq(#T.values(io_.load_item_stream(path)), #items + 1)
end)

T.claim("item streams name the place where they are damaged, and refuse code", function()
  local path = T.temp()
  local f = assert(io.open(path, "wb"))
  io_.dump_item_stream({ "good" }, f)
  local size = f:seek()
  io_.dump_item_stream({ "second" }, f)
  f:close()
  local text = fs.read(path)
  local next_item = io_.load_item_stream(T.temp(text:sub(1, -3)))
  T.eq(next_item(), "good")
  T.raises(("the value at byte %d is cut off"):format(size), next_item)
  T.eq(next_item(), nil)
  next_item = io_.load_item_stream(T.temp(text:sub(1, size) .. "rubbish and more"))
  next_item()
  T.raises(("no value in papy's format at byte %d"):format(size), next_item)
  next_item = io_.load_item_stream(T.temp(text:sub(1, 6) .. ("\255"):rep(8) .. "x"))
  T.raises("has no possible length", next_item)
  next_item = io_.load_item_stream(T.temp(text:sub(1, 6) .. ("<I8"):pack(1 << 50) .. "x"))
  T.raises("is cut off: 1 of its", next_item)
  f = assert(io.open(path, "wb"))
  io_.dump_item_stream({ function() end }, f)
  f:close()
  T.raises("the value at byte 0", io_.load_item_stream(path))
end)

-- ---- items ----

for _, kind in ipairs { "file", "fifo" } do
  T.claim(kind .. ": what dump_item puts aside, load_item gives back", function()
    for _, text in ipairs { "aaa\n", "", "b\0c", ("x"):rep(200000), ("y"):rep(3000000) } do
      local handle = io_.dump_item({ text }, { type = kind })
      T.eq({ handle[1], handle.kind, handle.place, handle.extra }, { kind, kind, handle[2], handle[3] })
      T.ok(handle[2]:find("/tmp_papy_" .. kind, 1, true), handle[2])
      T.eq(fs.stat(handle[2]).kind, kind)
      T.eq(("%o"):format(fs.stat(handle[2]).mode), "600")
      T.ok(io_.load_item { handle } == text, "not the same text")
      T.eq(fs.stat(handle[2]), nil)
      T.raises("load_item: .*No such file", io_.load_item, { handle })
    end
  end)

  T.claim(kind .. ": prefix, suffix and dir", function()
    local dir = assert(fs.temp "directory")
    local handle = io_.dump_item({ "x" }, { type = kind, prefix = "a b'", suffix = ".txt", dir = dir })
    T.ok(handle[2]:find(dir .. "/a b'", 1, true) == 1 and handle[2]:find "%.txt$", handle[2])
    T.eq(io_.load_item { handle }, "x")
    T.raises("no directory", io_.dump_item, { "x" }, { type = kind, dir = dir .. "/none" })
    os.remove(dir)
  end)

  T.claim(kind .. ": from worker to worker, of two pools", function()
    local a = papy.NuMap(function(i) return io_.dump_item({ ("z"):rep(i * 1000) }, { type = kind }) end,
      { 1, 2, 3, 100, 500 }, { worker_num = 2 })
    local handles = T.values(a)
    a:stop() -- the workers that hold the items are gone
    local b = papy.NuMap(function(handle) return #io_.load_item { handle } end, handles, { worker_num = 2 })
    T.eq(T.values(b), { 1000, 2000, 3000, 100000, 500000 })
    b:stop()
  end)
end

T.claim("load_item leaves a file where remove is false", function()
  local handle = io_.dump_item { "keep" }
  T.eq(io_.load_item({ handle }, { remove = false }), "keep")
  T.eq(io_.load_item({ { "file", handle[2], 0 } }), "keep")
  T.raises("a fifo is read once", io_.load_item, { { "fifo", "/x", 0 } }, { remove = false })
end)

T.claim("other types and wrong handles are clear errors", function()
  T.raises("type 'tcp' is not supported for now", io_.dump_item, { "x" }, { type = "tcp" })
  T.raises("type 'mmap' is not supported for now", io_.load_item, { { "file", "x", 0 } }, { type = "mmap" })
  T.raises("kind 'tcp' are not supported", io_.load_item, { { "tcp", "host", 1 } })
  T.raises("did you mean 'suffix'", io_.dump_item, { "x" }, { sufix = "" })
  T.raises("must be a string, got a table; json_dumps", io_.dump_item, { {} })
  T.raises("must be a handle", io_.load_item, { "path" })
  T.raises("must be a handle", io_.load_item, { 5 })
  T.raises("is a directory and no file", io_.load_item, { { "file", "/tmp", 0 } })
end)

T.claim("a fifo that nobody reads is gone after its timeout", function()
  local handle = io_.dump_item({ "x" }, { type = "fifo", timeout = 0.2 })
  T.ok(T.wait_until(function() return not fs.stat(handle[2]) end, 3), "still there")
  T.raises("until its timeout", io_.load_item, { handle })
end)

T.claim("a fifo that nobody feeds is given up after load_item's timeout", function()
  local path = fs.temp "fifo"
  local t0 = papy.now()
  T.raises("timed out", io_.load_item, { { "fifo", path, 1 } }, { timeout = 0.2 })
  T.ok(papy.now() - t0 < 2 * T.slow)
  os.remove(path)
end)

T.claim("a reader that goes away early loses nothing; others may read as they like", function()
  local text = ("line\n"):rep(100000)
  local handle = io_.dump_item({ text }, { type = "fifo" })
  fs.run { "head", "-c", "10", handle[2] }
  T.ok(io_.load_item { handle } == text)
  handle = io_.dump_item({ text }, { type = "fifo" })
  T.ok(fs.run({ "cat", handle[2] }, { timeout = 10 }).stdout == text)
  os.remove(handle[2])
end)

T.claim("unread fifos go with papy", function()
  local text = T.run [[
    local io_ = require("papy.workers").io
    local pool = papy.NuMap(function() return io_.dump_item({ "x" }, { type = "fifo" })[2] end, { 1, 2, 3 }, { worker_num = 2 })
    for path in pool do print(path) end]]
  local n = 0
  for path in text:gmatch "[^\n]+" do
    n = n + 1
    T.ok(T.wait_until(function() return not fs.stat(path) end, 3), path .. " is still there")
  end
  T.eq(n, 3)
end)

T.claim("find_items finds what is left behind", function()
  local dir = assert(fs.temp "directory")
  for _, item in ipairs { "1", "2" } do io_.dump_item({ item }, { dir = dir, suffix = ".x" }) end
  T.temp()
  io_.dump_item({ "other" }, { dir = dir, prefix = "other" })
  local texts = {}
  for path in io_.find_items { dir = dir, suffix = ".x" } do texts[#texts + 1] = io_.load_item { io_.handle(path) } end
  table.sort(texts)
  T.eq(texts, { "1", "2" })
  T.eq(#T.values(io_.find_items { dir = dir, prefix = "" }), 1)
  T.raises("find_items: .*No such file", io_.find_items, { dir = dir .. "/none" })
  for path in io_.find_items { dir = dir, prefix = "" } do os.remove(path) end
  os.remove(dir)
end)

T.claim("chunk_file cuts files into chunks, load_item gives their text", function()
  local text = ("some line\n"):rep(1000)
  local parts = {}
  for chunk in io_.chunk_file(T.temp(text), 1000) do parts[#parts + 1] = io_.load_item { chunk } end
  T.ok(#parts > 5 and table.concat(parts) == text)
end)

-- ---- lines ----

T.claim("make_lines reads lines from a path or an open file", function()
  local path = T.temp "a\n\nb"
  T.eq(T.values(io_.make_lines(path)), { "a", "", "b" })
  T.eq(T.values(io_.make_lines(assert(io.open(path)))), { "a", "", "b" })
  T.eq(T.values(io_.make_lines(T.temp "")), {})
  T.raises("make_lines: .*No such file", io_.make_lines, "/no/such/file")
  T.raises("unknown option 'folow'", io_.make_lines, path, { folow = true })
end)

T.claim("what cannot be read is an error, not an empty file", function()
  for _, read in ipairs { io_.make_lines, io_.load_stream, io_.load_item_stream } do
    T.raises("directory", function() for _ in read "." do end end) -- luacheck: ignore
  end
end)

T.claim("following waits for more lines, whole ones, until it is stopped", function()
  local path = T.temp "one\n"
  local f = assert(io.open(path, "a"))
  f:setvbuf "no"
  local steps = { "tw", "o\nthree\n", "half" }
  local ended = false
  local lines = io_.make_lines(path, { follow = true, wait = 0.01, stop = function()
    local step = table.remove(steps, 1)
    if step then f:write(step) else ended = true end
    return ended
  end })
  T.eq({ lines(), lines(), lines(), lines() }, { "one", "two", "three", nil })
  T.ok(ended)
  lines = io_.make_lines(path, { follow = true })
  T.eq(lines(), "one")
  lines:stop()
  T.eq(lines(), nil)
  T.eq(lines(), nil)
end)

T.claim("a path is followed through rotation", function()
  local path = T.temp "a\nb"
  local lines = io_.make_lines(path, { follow = true, wait = 0.01 })
  T.eq(lines(), "a")
  assert(os.rename(path, path .. ".1"))
  local new = assert(io.open(path, "w"))
  new:write "c\n"
  new:close()
  T.eq(lines(), "b")
  T.eq(lines(), "c")
  lines:stop()
  T.eq(lines(), nil)
  os.remove(path .. ".1")
end)

T.claim("a line can be asked for without waiting", function()
  local path = T.temp "one\ntw"
  local lines = io_.make_lines(path, { follow = true })
  T.eq({ lines:try() }, { "one", true })
  T.eq({ lines:try() }, { nil, false })
  local f = assert(io.open(path, "a"))
  f:write "o\n"
  f:close()
  T.eq({ lines:try() }, { "two", true })
  lines:stop()
  T.eq({ lines:try() }, { nil, true })
  T.eq({ lines:try() }, { nil, true })
end)

T.claim("a followed file feeds a pool, which works on while it waits", function()
  local path = T.temp "1\n2\n"
  local count = 0
  local pool = papy.NuMap(function(line) return line * 2 end,
    io_.make_lines(path, { follow = true, wait = 0.01, stop = function() return count == 2 end }), { worker_num = 2, stride = 1 })
  for _ in pool do count = count + 1 end
  T.eq(count, 2)
end)

T.finish()
