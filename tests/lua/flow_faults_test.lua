-- Flows under faults: files that vanish, shrink or cannot be read, long lines, binary files, functions that raise, workers that
-- die.
local T = require "support"

local function lines(n, format)
  local out = {}
  for i = 1, n do out[i] = (format or "line %d"):format(i) end
  return table.concat(out, "\n") .. "\n"
end

T.claim("a file that is not there, a directory, an empty list", function()
  local e = T.raises("input", papy.open, "/nowhere/access.log")
  T.ok(tostring(e):find "/nowhere/access.log", tostring(e))
  e = T.raises("input", papy.open, "/tmp")
  T.ok(tostring(e):find "directory", tostring(e))
  T.raises("input", papy.open, {})
end)

T.claim("a file that vanishes between open and the answer is an error that names it", function()
  local path = T.temp(lines(10))
  local flow = papy.open(path, {workers = 2})
  os.remove(path)
  local e = T.raises("input", function() return flow:count() end)
  T.ok(tostring(e):find(path, 1, true), tostring(e))
  T.raises("input", function() return flow:collect() end)
end)

T.claim("a file that shrinks while it is read is an error, after what came before", function()
  local path = T.temp(lines(200000, "line %08d"))
  local flow = papy.open(path, {workers = 1, chunk = 1 << 16})
  local n = 0
  local e = T.raises("input", function()
    for line in flow:iter() do
      n = n + 1
      if n == 1 then
        local f = assert(io.open(path, "w"))
        f:write(lines(10, "line %08d"))
        f:close()
      end
      T.ok(line:find "^line %d+$", line)
    end
  end)
  T.ok(tostring(e):find(path, 1, true), tostring(e))
  T.ok(n > 0 and n < 200000, n)
end)

T.claim("a file that shrinks under a group or a count is an error, or told, never a wrong answer in silence", function()
  for _, skip in ipairs {false, true} do
    local path = T.temp(lines(300000, "k=%08d v=1"))
    local function cut()
      local f = assert(io.open(path, "w"))
      f:write(lines(10, "k=%08d v=1"))
      f:close()
    end
    local flow = papy.open(path, {workers = 1, chunk = 1 << 16, on_error = skip and "skip" or "raise"}):fields "logfmt"
    local first = true
    local groups = flow:where(function(r) -- the first part is read whole, what comes then is not there
      if first and r.k then
        first = false
        cut()
      end
      return true
    end):group_by("v", {n = "count"})
    if skip then
      local rows = groups:collect()
      T.ok(rows[1].n < 300000 and flow:report().broken > 0, rows)
    else
      T.ok(tostring(T.raises("input", function() return groups:collect() end)):find(path, 1, true))
    end
    T.raises({"input"}, function() -- of a size that is gone already
      local big = T.temp(lines(100000))
      local counted = papy.open(big, {workers = 1, chunk = 1 << 14})
      local n = 0
      for _ in counted:iter() do
        n = n + 1
        if n == 1 then assert(io.open(big, "w")):close() end
      end
    end)
  end
end)

T.claim("native steps go on behind records that fail", function()
  local out, expected = {}, {}
  for i = 1, 3000 do
    out[i] = i % 700 == 0 and "no pair" or ("a=%d"):format(i)
    if i % 700 ~= 0 then expected[#expected + 1] = tostring(i) end
  end
  local path = T.temp(table.concat(out, "\n"))
  for _, chunk in ipairs {100, 1 << 20} do
    local flow = papy.open(path, {workers = 2, chunk = chunk}):match "^a=(?<a>\\d+)$":on_mismatch "error":on_error "skip"
    T.eq(flow:count(), #expected)
    T.eq(flow:report().failed, 4)
    T.ok(flow:report().failures[1]:find(path .. ":700", 1, true), flow:report().failures[1])
    T.eq(flow:group_by({}, {n = "count", last = "last a"}):collect(), {{n = #expected, last = "3000"}})
    local got = {}
    for i, row in ipairs(flow:select("a"):collect()) do got[i] = row.a end
    T.eq(got, expected)
  end
end)

T.claim("on_error = 'skip' goes on with the other files and says so", function()
  local good, gone = T.temp(lines(10)), T.temp(lines(10))
  local flow = papy.open({good, gone, good}, {workers = 2, on_error = "skip"})
  os.remove(gone)
  T.eq(flow:count(), 20)
  T.eq(flow:report().broken, 1)
end)

T.claim("a function that raises at record n: file, line and text", function()
  local path = T.temp(lines(5000))
  for _, chunk in ipairs {7, 1000, 1 << 20} do
    local e = T.raises("function", function()
      return papy.open(path, {workers = 2, chunk = chunk}):where(function(line) -- luacheck: ignore
        if line == "line 3210" then error "broken here" end
        return true
      end):count()
    end)
    local text = tostring(e)
    T.ok(text:find "broken here" and text:find(path .. ":3210", 1, true) and text:find "line 3210", text)
  end
end)

T.claim("a map that raises names the record, too", function()
  local path = T.temp(lines(100, "k=%d"))
  local e = T.raises("function", function()
    return papy.open(path):fields("logfmt"):map(function(r) return r.k == "42" and nil .. "x" or 1 end):collect()
  end)
  T.ok(tostring(e):find(path .. ":42", 1, true), tostring(e))
  T.ok(tostring(e):find "flow_faults_test.lua:%d+", tostring(e))
end)

T.claim("so does every step that calls a function, of plain and compressed files", function()
  local plain = T.temp(lines(2000, "k=%d"))
  assert(os.execute(("gzip -k '%s'"):format(plain)))
  local function boom(r)
    if r.k == "1500" then error "broken here" end
    return 1
  end
  local steps = {
    where = function(flow) return flow:where(boom) end,
    derive = function(flow) return flow:derive{x = boom} end,
    map = function(flow) return flow:map(boom) end,
    flat_map = function(flow) return flow:flat_map(function(r) return {boom(r)} end) end,
    behind = function(flow) return flow:map(function(r) return {k = r.k} end):where(boom) end,
  }
  for _, path in ipairs {plain, plain .. ".gz"} do
    for name, step in pairs(steps) do
      local flow = step(papy.open(path, {workers = 2}):fields "logfmt")
      local text = tostring(T.raises("function", flow.count, flow))
      T.ok(text:find "flow_faults_test.lua:%d+: broken here" and text:find(path .. ":1500: ", 1, true) and text:find "k=1500",
        name, text)
      T.eq(flow:on_error("skip"):count(), 1999, name)
      T.ok(flow:report().failures[1]:find(path .. ":1500: ", 1, true), flow:report().failures[1])
    end
  end
  os.remove(plain .. ".gz")
end)

T.claim("many records that fail cost no more than others", function()
  local path = T.temp(lines(40000, "line number %d"))
  local flow = papy.open(path, {workers = 1}):where(function() error "always" end):on_error "skip"
  local began = papy.now()
  T.eq(flow:count(), 0)
  T.eq(flow:report().failed, 40000)
  T.ok(papy.now() - began < 5 * T.slow, papy.now() - began)
end)

T.claim("on_error('skip') leaves out records that fail, and counts them", function()
  local path = T.temp(lines(1000))
  for _, chunk in ipairs {50, 1 << 20} do
    local flow = papy.open(path, {workers = 2, chunk = chunk}):where(function(line)
      if line:find "7$" then error "seven" end
      return true
    end):on_error "skip"
    T.eq(flow:count(), 900)
    T.eq(flow:report().failed, 100)
    local list = flow:collect()
    T.eq(#list, 900)
    T.eq(list[900], "line 1000")
  end
end)

T.claim("a worker killed midway: its chunk is done again, results exactly once", function()
  local path, flag = T.temp(lines(20000)), T.temp()
  for _, kind in ipairs {"count", "groups", "rows"} do
    os.remove(flag)
    local flow = papy.open(path, {workers = 2, chunk = 4096}):where(function(line)
      if line == "line 10000" and not io.open(flag) then
        assert(io.open(flag, "w")):close()
        os.execute("kill -9 " .. T.pid())
      end
      return true
    end)
    if kind == "count" then
      T.eq(flow:count(), 20000)
    elseif kind == "rows" then
      local n = 0
      for line in flow:iter() do
        n = n + 1
        T.eq(line, "line " .. n)
      end
      T.eq(n, 20000)
    else
      local rows = flow:derive{last = function(line) return line:sub(-1) end}:group_by("last", {n = "count"}):collect()
      T.eq(#rows, 10)
      for _, row in ipairs(rows) do T.eq(row.n, 2000) end
    end
    T.ok(io.open(flag), "the worker was killed")
  end
end)

-- nothing of these steps is Lua: the host kills a worker while it hands out the chunks
T.claim("so are those of steps that run natively, whenever a worker dies", function()
  local path = T.temp(lines(20000, "k=%d v=1"))
  local function children()
    local f = assert(io.open(("/proc/%d/task/%d/children"):format(T.pid(), T.pid())))
    local pids = {}
    for pid in f:read "a":gmatch "%d+" do pids[#pids + 1] = pid end
    f:close()
    return pids
  end
  local function deadly(at)
    local i, chunks = 0, papy.chunks(path, 2000)
    local flow = papy.open(function()
      i = i + 1
      if i == at then os.execute("kill -9 " .. T.ok(children()[1], "no worker")) end
      return chunks()
    end, {workers = 2})
    return flow, function() return i > at end
  end
  for at = 20, 100, 20 do
    for name, answer in pairs {
      count = function(flow) return flow:count() end,
      pattern = function(flow) return flow:count "k=" end,
      groups = function(flow) return flow:fields("logfmt"):sum_by("v", "v"):collect()[1].sum end,
      lines = function(flow)
        local n = 0
        for line in flow:grep("k"):iter() do
          n = n + 1
          T.eq(line, ("k=%d v=1"):format(n))
        end
        return n
      end,
    } do
      local flow, killed = deadly(at)
      T.eq(answer(flow), 20000, name)
      T.ok(killed(), name)
    end
  end
end)

T.claim("a worker that always dies ends the flow with an error", function()
  local path = T.temp(lines(10))
  local e = T.raises("died", function()
    return papy.open(path, {workers = 2}):where(function() os.execute("kill -9 " .. T.pid()) end):count()
  end)
  T.ok(tostring(e):find "signal 9" or tostring(e):lower():find "kill", tostring(e))
end)

T.claim("a very long line, in small chunks", function()
  local long = ("x"):rep(20 << 20)
  local path = T.temp("before\n" .. long .. "\nafter\n")
  local flow = papy.open(path, {workers = 2, chunk = 1 << 16})
  T.eq(flow:count(), 3)
  T.eq(flow:count "^x+$", 1)
  T.eq(flow:map(function(line) return #line end):collect(), {6, 20 << 20, 5})
  T.eq(flow:where "len(line) < 10":collect(), {"before", "after"})
end)

-- 32 MB of zeros, then a line; with 12 MB of memory for each process. (A sanitizer needs more.)
T.claim("a huge line is looked at where it is; what asks for all of it needs the memory, or says that there is none", function()
  if T.slow > 1 then return end
  local path = T.temp()
  assert(os.execute(("truncate -s 32M '%s' && echo ' k=5 after' >>'%s'"):format(path, path)))
  local text = T.run(([[
    local flow = papy.open(%q, {workers = 2})
    print(flow:count(), flow:count "after", #flow:grep("^after"):collect(), flow:where "len(line) > 100":count(),
      flow:match("k=(?<k>[0-9])"):count_by("k"):collect()[1].k, flow:fields("logfmt"):sum_by("k", "k"):count())
    for _, whole in ipairs {
      function() return flow:where(function(line) return #line > 100 end):count() end,
      function() return flow:collect() end,
      function() return flow:uniq():count() end,
      function() return flow:write "/dev/null" end,
    } do
      local ok, why = pcall(whole)
      print(ok, (tostring(why):find("memory")))
    end
  ]]):format(path), "ulimit -d 12288; timeout 60")
  T.ok(text:find "^1\t1\t0\t1\t5\t1\n", text)
  T.ok(select(2, text:gsub("\nfalse\t%d+", "")) == 4, text)
end)


T.claim("binary files pass through", function()
  local bytes = {}
  for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
  local text = (table.concat(bytes) .. "\0\n\0"):rep(50)
  local path = T.temp(text)
  local expected = {}
  for line in text:gmatch "[^\n]+" do expected[#expected + 1] = (line:gsub("\r$", "")) end
  T.eq(papy.open(path, {workers = 2, chunk = 100}):collect(), expected)
end)

T.claim("a pattern that takes for ever is an error that names pattern and line, or the line is left out and counted", function()
  local path = T.temp("fine\n" .. ("a"):rep(40) .. "b\nfine\r\n")
  local flow, evil, named = papy.open(path, {workers = 2}), "^(a|aa)+$", "^(?<x>(a|aa)+)$"
  local function count(asked) return asked:count() end
  for _, case in ipairs {
    {evil, flow, function(asked) return asked:count(evil) end},
    {evil, flow:where "len(line) < 1000":grep(evil), count},
    {evil, flow:grep(evil), function(asked) return #asked:collect() end},
    {named, flow:match(named):on_mismatch "skip", count},
    {evil, flow:where(("line ~ '%s'"):format(evil)), count},
  } do
    local pattern, asked, answer = table.unpack(case)
    local text = tostring(T.raises("function", answer, asked))
    T.ok(text:find(("regex '%s"):format(pattern), 1, true) and text:find("record " .. path .. ":2", 1, true), text)
    local skipping = asked:on_error "skip"
    T.eq(answer(skipping), 0)
    T.eq(skipping:report().failed, 1)
  end
end)

T.claim("a record that is kept beyond its call says so", function()
  local path = T.temp(lines(3, "k=%d"))
  local e = T.raises("function", function()
    local before
    return papy.open(path, {workers = 1}):fields("logfmt"):where(function(r)
      local last = before
      before = r
      return last and last.k == r.k
    end):count()
  end)
  T.ok(tostring(e):find "record", tostring(e))
end)

T.claim("a field that is not there is an error that names the nearest", function()
  local path = T.temp(lines(3, "%d x"))
  local flow = papy.open(path):match "(?<status>\\d+)"
  for _, f in ipairs {
    function() return flow:where "stauts = 1":count() end,
    function() return flow:count_by "stauts":collect() end,
    function() return flow:where(function(r) return r.stauts end):count() end,
    function() return flow:select "stauts":collect() end,
  } do
    local e = T.raises({"option", "function"}, f)
    T.ok(tostring(e):find "stauts" and tostring(e):find "status", tostring(e))
  end
end)

T.claim("an iterator that raises, and one that gives no strings", function()
  local n = 0
  local flow = papy.open(function()
    n = n + 1
    if n > 3 then error "no more" end
    return "line " .. n
  end)
  T.ok(tostring(T.raises("no more", function() return flow:count() end)))
  T.raises("strings", function() return papy.open(function() return {} end):count() end)
end)

T.claim("leaving a loop early ends the work", function()
  local path = T.temp(lines(100000))
  for line in papy.open(path, {workers = 2, chunk = 4096}):iter() do
    if line == "line 10" then break end
  end
  T.eq(papy.open(path, {workers = 2, chunk = 4096}):head(3):collect(), {"line 1", "line 2", "line 3"})
end)

T.claim("on_mismatch: skip, keep, error, a function", function()
  local path = T.temp("a=1\nno pair\na=2\n")
  local flow = papy.open(path, {workers = 2, chunk = 5}):match "^a=(?<a>\\d)$"
  T.eq(flow:on_mismatch "skip":count(), 2)
  T.eq(flow:on_mismatch "keep":count(), 3)
  local e = T.raises("function", function() return flow:on_mismatch "error":count() end)
  T.ok(tostring(e):find(path .. ":2", 1, true) and tostring(e):find "no pair", tostring(e))
  local mended = flow:on_mismatch(function(line) return {a = tostring(#line)} end)
  T.eq(mended:group_by({}, {sum = "sum a"}):collect(), {{sum = 1 + 7 + 2}})
  local report = flow:on_mismatch "skip"
  report:count()
  T.eq(report:report().samples[1].text, "no pair")
  T.eq(report:report().samples[1].name, path)
end)

T.claim("on_mismatch: the table of a function is the record, for functions, rows and answers", function()
  local path = T.temp("a=1 b=2\njunk\na=3 b=4\n")
  local flow = papy.open(path, {workers = 2}):match "^a=(?<a>\\d) b=(?<b>\\d)$":on_mismatch(function(line)
    return {a = line, b = 9, more = {1, 2}}
  end)
  local fits, mended = {a = "1", b = "2"}, {a = "junk", b = 9, more = {1, 2}}
  T.eq(flow:collect(), {fits, mended, {a = "3", b = "4"}})
  T.eq(flow:head(2):collect(), {fits, mended})
  T.eq(flow:where(function(r) return r.a == "junk" and r.line == "junk" and r.more[2] == 2 end):collect(), {mended})
  T.eq(flow:map(function(r) return r end):collect()[2], mended)
  T.eq(flow:where "b > 5":collect(), {mended})
  T.eq(flow:top(1, "b"):collect(), {mended})
  T.eq(flow:derive{b = "b + 1"}:sort("-b"):collect()[1], {a = "junk", b = 10, more = {1, 2}})
  T.raises("no field 'more'", function() return flow:where(function(r) return r.more end):collect() end)
  local numbered = papy.open(path):match "^a=(\\d) b=(\\d)$"
  for _, fields in ipairs {{"x", "y"}, {["1"] = "x", ["2"] = "y"}} do
    local each = numbered:on_mismatch(function() return fields end)
    T.eq(each:collect()[2], {"x", "y"})
    T.eq(each:map(function(r) return {r[1], r["2"]} end):collect()[2], {"x", "y"})
    T.eq(each:where "$2 = 'y'":count(), 1)
  end
end)

T.claim("on_mismatch behind a map", function()
  local path = T.temp("a=1\nno pair\na=2\n")
  local flow = papy.open(path):map(function(line) return line:upper() end):match "^A=(?<a>\\d)$"
  local skipped = flow:on_mismatch "skip"
  T.eq(skipped:count(), 2)
  T.eq(skipped:report().mismatched, 1)
  T.eq(flow:on_mismatch "keep":collect()[2], {line = "NO PAIR"})
  T.raises("NO PAIR", function() return flow:on_mismatch "error":count() end)
  T.eq(flow:on_mismatch(function(line) return {a = #line} end):map(function(r) return tonumber(r.a) end):collect(), {1, 7, 2})
end)

T.claim("what does not fit is told on stderr once, unless it was asked for", function()
  local path = T.temp("a=1\nno pair\na=2\n")
  local text = T.run(("print(papy.open(%q):match '^a=(?<a>\\\\d)$':count())"):format(path))
  T.ok(text:find "1 record did not fit" and text:find "no pair" and text:find ":2", text)
  text = T.run(("print(papy.open(%q):match '^a=(?<a>\\\\d)$':on_mismatch 'skip':count())"):format(path))
  T.eq(text, "2\n")
end)

T.finish()
