-- Flows over files that change while they are read: that vanish, shrink, grow, are replaced, cannot be read.
local T = require "support"
local R = require "reading"

local dir, clean = R.directory()
local function path(name) return dir .. "/" .. name end

local function lines(from, to)
  local out = {}
  for i = from, to do out[#out + 1] = ("k=%07d\n"):format(i) end -- 10 bytes each
  return table.concat(out)
end

local function append(name, text)
  local f = assert(io.open(name, "a"))
  f:write(text)
  f:close()
end

-- a flow over the chunks of a file as it was before `change`
local function changed(name, text, change, opts, size)
  R.write(name, text)
  local chunks = {}
  for chunk in papy.chunks(name, size or math.maxinteger) do chunks[#chunks + 1] = chunk end
  change(name)
  local i = 0
  return papy.open(function()
    i = i + 1
    return chunks[i]
  end, opts)
end

-- ways to the number of records: mapped and counted, by a pattern, kept as lines, in groups, by a function
local ways = {
  count = function(flow) return flow:count() end,
  pattern = function(flow) return flow:count "^k" end,
  lines = function(flow) return #flow:collect() end,
  groups = function(flow) return flow:fields("logfmt"):group_by("k", {n = "count"}):count() end,
  sum = function(flow)
    local row = flow:fields("logfmt"):group_by({}, {n = "count"}):collect()[1]
    return row and row.n or 0
  end,
  best = function(flow) return flow:fields("logfmt"):top(60000, "n"):count() end,
  sorted = function(flow) return flow:sort():count() end,
  lua = function(flow) return flow:where(function(line) return #line == 9 end):count() end,
}


T.claim("a file that has shrunk is an error, whatever is asked, also within its last page", function()
  for _, case in ipairs {{300, 0}, {300, 1005}, {300, 1500}, {50000, 345678}, {50000, 50 * 4096}} do
    local name, left = path "log", case[2]
    local function cut() assert(os.execute(("truncate -s %d '%s'"):format(left, name))) end
    for way, answer in pairs(ways) do
      local e = T.raises("input", answer, changed(name, lines(1, case[1]), cut))
      T.ok(tostring(e):find(("cannot read %s at byte %d: the file has shrunk"):format(name, left), 1, true), way, tostring(e))
    end
  end
end)


T.claim("or, on request, the same records that came before, and it is told", function()
  for _, left in ipairs {0, 1005, 345678, 50 * 4096} do
    local name, expected = path "log", nil
    local function cut() assert(os.execute(("truncate -s %d '%s'"):format(left, name))) end
    for way, answer in pairs(ways) do
      local flow = changed(name, lines(1, 50000), cut, {on_error = "skip"})
      local n = answer(flow)
      expected = expected or n
      T.eq(n, expected, way)
      T.ok(n <= left // 10 and (left < 1 << 18 or n > 0), way, n)
      T.eq(flow:report().broken, 1)
      T.ok(flow:report().breaks[1]:find "has shrunk", flow:report().breaks[1])
    end
  end
end)


T.claim("a file that has shrunk is one that cannot be read, however many parts of it are gone", function()
  local flow = changed(path "log", lines(1, 1000), function(name) R.write(name, lines(1, 10)) end, {on_error = "skip"}, 100)
  T.eq(flow:count(), 10)
  T.eq(flow:report().broken, 1)
  T.eq(#flow:report().breaks, 1)
end)


T.claim("a file that grows is read as it was when it was cut, its last line too", function()
  for way, answer in pairs(ways) do
    local flow = changed(path "log", lines(1, 1000), function(name) append(name, lines(1, 500)) end, nil, 100)
    T.eq(answer(flow), 1000, way)
  end
  local flow = changed(path "log", "one\ntw", function(name) append(name, "o\nthree\n") end)
  T.eq(flow:collect(), {"one", "tw"})
end)


T.claim("a file that is appended to while it is read", function()
  R.write(path "log", lines(1, 50000))
  local n = 0
  for line in papy.open(path "log", {workers = 2, chunk = 1 << 14}):iter() do
    n = n + 1
    if n % 1000 == 1 then append(path "log", "more\n") end
    T.eq(line, ("k=%07d"):format(n))
  end
  T.eq(n, 50000)
end)


T.claim("a file that is removed or replaced while it is read is read to its end", function()
  for _, change in ipairs {"rm '%s'", "mv '%s' '%s'.1", "rm '%s'; mkdir '%s'"} do
    R.write(path "log", lines(1, 50000))
    local n = 0
    for line in papy.open(path "log", {workers = 2, chunk = 1 << 14}):iter() do
      n = n + 1
      if n == 1 then
        assert(os.execute((change:gsub("%%s", path "log"))))
        if change:find "^mv" then R.write(path "log", "another\n") end
      end
      T.eq(line, ("k=%07d"):format(n))
    end
    T.eq(n, 50000)
    os.execute(("rm -rf '%s'"):format(path "log"))
  end
end)


-- the first, then what `break_it` has made of the second, then the third
local function among(break_it, expected)
  for i, name in ipairs {"a", "b", "c"} do R.write(path(name), lines(10 * i + 1, 10 * i + 10)) end
  local list = {path "a", path "b", path "c"}
  local flow, skipping = papy.open(list, {workers = 2}), papy.open(list, {workers = 2, on_error = "skip"})
  break_it(path "b")
  for way, answer in pairs(ways) do
    local e = T.raises("input", answer, flow)
    T.ok(tostring(e):find(expected), way, tostring(e))
    T.eq(answer(skipping), 20, way)
    T.eq(skipping:report().broken, 1)
    T.ok(skipping:report().breaks[1]:find(expected), skipping:report().breaks[1])
  end
  local n = 0
  T.raises("input", function()
    for _ in flow:iter() do n = n + 1 end
  end)
  T.eq(n, 10, "what came before")
  os.execute(("rm -rf '%s'"):format(path "b"))
end


T.claim("a file that has become a directory, or cannot be opened or read, is an error in its place", function()
  among(function(name) os.execute(("rm '%s'; mkdir '%s'"):format(name, name)) end, "cannot read .*/b: it is a directory")
  among(function(name) os.execute(("ln -sf b '%s'"):format(name)) end, "/b: Too many levels of symbolic links")
  among(function(name) os.execute(("ln -sf /proc/self/mem '%s'"):format(name)) end, "cannot read .*/b: Input/output error")
  among(os.remove, "/b: No such file or directory")
end)


T.claim("a compressed file that is cut off or damaged gives what came before, then an error that names it", function()
  if not pcall(require, "papy.archive") then return end
  R.write(path "log", lines(1, 100000))
  for name, command in pairs {
    cut = "gzip -1 -c '%s' | head -c 100000 >'%s'",
    damaged = "gzip -1 -c '%s' | { head -c 100000; printf 'xxxxx'; tail -c 50000; } >'%s'",
    nothing = "gzip -1 -c '%s' | head -c 12 >'%s'",
  } do
    local broken = path(name .. ".gz")
    assert(os.execute(command:format(path "log", broken)))
    local before = select(2, T.read_all(("zcat '%s' 2>/dev/null"):format(broken)):gsub("[^\n]+", ""))
    local n = 0
    local e = T.raises("input", function()
      for line in papy.open(broken):iter() do
        n = n + 1
        T.ok(name == "damaged" or n == before or line == ("k=%07d"):format(n), line)
      end
    end)
    T.ok(tostring(e):find(("cannot read %s behind byte "):format(broken), 1, true), tostring(e))
    T.ok(name == "damaged" or n == before, name, n, before)
    for _, way in ipairs {"count", "lines", name ~= "damaged" and "pattern" or nil, name ~= "damaged" and "sum" or nil} do
      T.raises("input", ways[way], papy.open(broken))
      local flow = papy.open({broken, path "log"}, {on_error = "skip"})
      T.eq(ways[way](flow), n + 100000, way)
      T.eq(flow:report().broken, 1)
    end
  end
end)


T.claim("a directory where a file was meant says what to do", function()
  local e = T.raises("input", papy.open, dir)
  T.ok(tostring(e):find "is a directory; {recursive = true}", tostring(e))
  local text, status = T.read_all(("%s -n true '%s' 2>&1"):format(T.papy(), dir))
  T.ok(text:find("^papy: open: " .. dir:gsub("%p", "%%%0") .. " is a directory; [^\n]*\n$"), text)
  T.eq(status, 2)
  text, status = T.read_all(("%s -q 'log:count()' '%s' 2>&1"):format(T.papy(), dir))
  T.ok(text:find "is a directory" and status == 2, text, status)
end)


clean()
T.finish()
