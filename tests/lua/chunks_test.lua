-- Chunks: files cut at newlines, read where they are used. Prints nothing when all is well.
local function claim(name, f)
  local ok, why = xpcall(f, debug.traceback)
  if not ok then error(name .. ": " .. why, 0) end
end

local function raises(words, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "no error")
  assert(tostring(err):find(words, 1, true), ("%q does not say %q"):format(tostring(err), words))
end

-- f(path) on a file with this text
local function with_file(text, f)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local ok, err = xpcall(f, debug.traceback, path)
  os.remove(path)
  if not ok then error(err, 0) end
end

local function cuts(path, size)
  local out = {}
  for c in papy.chunks(path, size) do out[#out + 1] = c.first .. "-" .. c.last end
  return table.concat(out, " ")
end

-- as grep -c would
local function lines_with(text, re)
  local n = 0
  if text:sub(-1) ~= "\n" and text ~= "" then text = text .. "\n" end
  for line in text:gmatch "(.-)\n" do n = n + (re:find(line) and 1 or 0) end
  return n
end

claim("a chunk ends at the last newline of its window", function()
  with_file("one\ntwo\nthree\nfour", function(path)
    assert(cuts(path, 9) == "0-7 8-13 14-17")
    assert(cuts(path, 4) == "0-3 4-7 8-13 14-17")
    assert(cuts(path, 100) == "0-17" and cuts(path) == "0-17")
  end)
end)

claim("the window grows past a long line, to the end of a file without newline", function()
  with_file("a long first line\nb\nc\n", function(path) assert(cuts(path, 2) == "0-17 18-19 20-21") end)
  with_file(("x"):rep(100000), function(path) assert(cuts(path, 10) == "0-99999") end)
end)

claim("the usual size is a 64th of the file, at least 64 KiB", function()
  with_file(("x"):rep(99) .. "\n", function(path) assert(cuts(path) == "0-99") end)
  with_file((("x"):rep(99) .. "\n"):rep(1000), function(path) assert(cuts(path) == "0-65499 65500-99999") end)
end)

claim("an empty file has no chunks", function()
  with_file("", function(path)
    local chunks = papy.chunks(path)
    assert(chunks() == nil and chunks() == nil)
  end)
end)

claim("the texts of all chunks are the file, whatever the size", function()
  local parts = {}
  for i = 1, 500 do parts[i] = ("line %d %s\r\n"):format(i, ("\0\xff"):rep(i % 50)) end
  local text = table.concat(parts) .. "the end"
  with_file(text, function(path)
    for _, size in ipairs { 1, 2, 3, 10, 64, 1000, 16384, 1 << 40 } do
      local got = {}
      for c in papy.chunks(path, size) do
        got[#got + 1] = c:text()
        assert(#c == #got[#got] and c.size == #c)
      end
      assert(table.concat(got) == text, "size " .. size)
    end
  end)
end)

claim("a chunk tells its file, first and last, and equals one of the same range", function()
  with_file("a\nb\n", function(path)
    local c, other = papy.chunks(path, 2)(), papy.chunks(path, 2)()
    assert(c.file == path and c.first == 0 and c.last == 1 and c.size == 2 and c.nonsense == nil)
    assert(tostring(c) == ("papy.chunk(%s, 0-1)"):format(path))
    assert(c == other and c ~= papy.chunks(path, 4)())
  end)
end)

claim("count counts matching lines as grep -c does", function()
  local text = "rs1 rs2\nrs\n\nxrs1\nab\nb a\nrs7\r\na\nb"
  local patterns = {
    [[\brs[0-9]+\b]], "^$", "$", [[a\s+b]], "[^x]{3}", [[a(?!\n)]], [[\Aa]], [[b\z]], "x*", [[\n]], [[(?<!\w)rs]],
  }
  with_file(text, function(path)
    for _, pattern in ipairs(patterns) do
      for _, size in ipairs { 1, 5, 100 } do
        local n, re = 0, papy.regex(pattern)
        for c in papy.chunks(path, size) do
          n = n + c:count(re)
          assert(c:count(re) == c:count(pattern))
        end
        assert(n == lines_with(text, re), pattern .. ": " .. n)
      end
    end
  end)
end)

claim("a line that takes too many steps is an error that names pattern, file and line, or is left out", function()
  local bad = ("a"):rep(60) .. "b\n"
  with_file("aaa\n" .. bad .. "xx\naaaa\n" .. bad, function(path)
    local chunk = papy.chunks(path)()
    for _, flags in ipairs { "", "u" } do
      local re = papy.regex("^(a+)+$", flags)
      raises(path .. ", line at byte 4: regex '^(a+)+$' gave up", chunk.count, chunk, re)
      raises("line at byte 4", re.count, re, chunk)
      local lines, failed = chunk:count(re, { on_error = "skip" })
      assert(lines == 2 and failed == 2)
    end
    assert(select("#", chunk:count "a") == 1)
    raises("unknown option 'on_eror'", chunk.count, chunk, "a", { on_eror = "skip" })
    raises("invalid option 'ski'", chunk.count, chunk, "a", { on_error = "ski" })
    local second
    for c in papy.chunks(path, 70) do second = c end
    assert(second.first == 69)
    raises("line at byte 74", second.count, second, "^(a+)+$")
  end)
end)

claim("regex:count counts the matches of a chunk, none across a newline", function()
  with_file("aa\nb a\nba", function(path)
    local n, across = 0, 0
    for c in papy.chunks(path, 1) do
      n = n + papy.regex "a":count(c)
      across = across + papy.regex "a\\sb":count(c)
    end
    assert(n == 4 and across == 0)
    assert(papy.regex "a\\sb":count(papy.chunks(path)()) == 0)
  end)
end)

claim("find, match and gmatch work on a chunk without a string of it", function()
  with_file("k=1\nl=2\nm=\n3\n", function(path)
    local c, re, out = papy.chunks(path)(), papy.regex [[^(\w)=\s*(\d)$]], {}
    assert(select("#", re:find(c)) == 4 and re:find(c) == 1)
    assert(c:match(re) == "k" and c:find("l") == 5 and c:find("l", 6) == nil)
    for k, v in c:gmatch(re) do out[#out + 1] = k .. v end
    assert(table.concat(out, " ") == "k1 l2")
    for k, v in re:gmatch(c) do out[#out + 1] = k .. v end
    assert(#out == 4 and (re:gsub(c, "%2")) == "1\n2\nm=\n3\n")
    assert(re:groups(c)[2] == "1")
  end)
end)

claim("lines gives lines without their newline", function()
  with_file("a\n\nb\r\n" .. ("x"):rep(300000) .. "\nc", function(path)
    local out = {}
    for line in papy.chunks(path, 1 << 30)():lines() do out[#out + 1] = line end
    assert(#out == 5 and out[1] == "a" and out[2] == "" and out[3] == "b\r" and #out[4] == 300000 and out[5] == "c")
    for line in papy.chunks(path, 1 << 30)():lines() do
      if line == "a" then break end
    end
    local step = papy.chunks(path, 1)():lines()
    assert(step() == "a" and step() == nil and step() == nil)
  end)
end)

claim("a file handle may be given, written to before and closed after", function()
  local path = os.tmpname()
  local file = assert(io.open(path, "w+"))
  file:write "one\ntwo\n"
  local chunks = papy.chunks(file, 4)
  assert(file:seek "cur" == 8)
  file:close()
  local first, second = chunks(), chunks()
  os.remove(path)
  assert(first.file == path and first:text() == "one\n" and second:text() == "two\n" and chunks() == nil)
end)

claim("what cannot be cut is an error in words", function()
  raises("No such file", papy.chunks, "/nonexistent/file")
  raises("a directory", papy.chunks, "/tmp")
  raises("not a regular file", papy.chunks, "/dev/null")
  raises("zero byte", papy.chunks, "/etc/passwd\0x")
  raises("path or file expected, got table", papy.chunks, {})
  raises("path or file expected, got nil", papy.chunks, nil)
  local pipe = assert(io.popen "echo")
  raises("a pipe", papy.chunks, pipe)
  pipe:close()
  raises("file is closed", papy.chunks, pipe)
  with_file("a", function(path)
    raises("at least 1 byte, not 0", papy.chunks, path, 0)
    raises("at least 1 byte, not -1", papy.chunks, path, -1)
    raises("number expected, got string", papy.chunks, path, "big")
    raises("no integer representation", papy.chunks, path, 1.5)
    raises("opened for writing only", papy.chunks, assert(io.open(path, "a")))
    local c = papy.chunks(path)()
    raises("regex or pattern string", c.count, c, 1)
    raises("regex at 2", c.count, c, "(")
  end)
end)

claim("a file cut short meanwhile is an error that names file and offset", function()
  with_file(("line\n"):rep(1000), function(path)
    local chunks = papy.chunks(path, 100)
    local c = chunks()
    io.open(path, "w"):close()
    raises(("cannot read %s at byte 0: the file has shrunk"):format(path), c.text, c)
    raises("shrunk", c.count, c, "x")
    raises("shrunk", c.find, c, "x")
    raises("shrunk", function() for _ in c:lines() do end end)
  end)
end)

claim("a file that vanished can still be read while someone has it open", function()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write "a\nb\n"
  file:close()
  local c = papy.chunks(path)()
  os.remove(path)
  assert(c:count "a" == 1)
end)

claim("chunks and regexes travel to workers and back", function()
  if not papy.NuMap then return end
  with_file(("rs1 x\nrs x\n"):rep(5000), function(path)
    for _, worker_type in ipairs { "process", "thread" } do
      local re, n, bytes = papy.regex([[\bRS[0-9]+\b]], "i"), 0, 0
      local work = function(c) return { n = c:count(re), chunk = c, re = re } end
      for r in papy.NuMap(work, papy.chunks(path, 1000), { worker_num = 2, worker_type = worker_type }) do
        n, bytes = n + r.n, bytes + r.chunk.size
        assert(r.re == re and #r.chunk:text() == r.chunk.size)
      end
      assert(n == 5000 and bytes == 55000, worker_type .. ": " .. n)
    end
  end)
end)
