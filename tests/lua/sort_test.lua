-- Sorting, in memory and on disk, whole and merged, against table.sort.
local T = require "support"
local core = require "papy.core"

math.randomseed(7)
local random = math.random


local function some_key()
  local kind = random(6)
  if kind == 1 then return nil end
  if kind == 2 then return random(20) end
  if kind == 3 then return random(20) + 0.5 end
  if kind == 4 then return tostring(random(20)) end
  return ("text %d"):format(random(20))
end


-- missing ones last, numbers before text
local function compare(a, b, falling)
  if a == nil or b == nil then return a == b and 0 or a == nil and 1 or -1 end
  local x, y = tonumber(a), tonumber(b)
  if (x == nil) ~= (y == nil) then return (x and -1 or 1) * (falling and -1 or 1) end
  x, y = x or a, y or b
  if x == y then return 0 end
  return (x < y and -1 or 1) * (falling and -1 or 1)
end


local function expected(entries, descending)
  local sorted = table.move(entries, 1, #entries, 1, {})
  table.sort(sorted, function(a, b)
    for i, falling in ipairs(descending) do
      local order = compare(a.keys[i], b.keys[i], falling)
      if order ~= 0 then return order < 0 end
    end
    return a.n < b.n
  end)
  local bytes = {}
  for i, e in ipairs(sorted) do bytes[i] = e.bytes end
  return bytes
end


local function some_entries(n)
  local entries = {}
  for i = 1, n do
    entries[i] = {keys = {some_key(), some_key()}, n = i, bytes = ("%d %s"):format(i, ("x"):rep(random(0, 60)))}
  end
  return entries
end


local function all(s)
  local bytes = {}
  for b in s.next, s do bytes[#bytes + 1] = b end
  return bytes
end


T.claim("entries come in order, from memory and from disk", function()
  for _, memory in ipairs {0, 20000, 300} do
    for _, descending in ipairs {{false, false}, {true, false}, {true}, {false, true}} do
      local entries = some_entries(500)
      local s = core.sort.new {keys = #descending, descending = descending, memory = memory}
      for _, e in ipairs(entries) do s:add(e.keys, e.bytes) end
      T.eq(#s, 500)
      T.eq(s:spilled(), memory > 0)
      T.eq(all(s), expected(entries, descending), "memory " .. memory)
      s:add({1, 2}, "again")
      T.eq(all(s), {"again"}, "filled again")
    end
  end
end)


T.claim("sorters of parts merge to the same, whichever comes first", function()
  for _, memory in ipairs {0, 500} do
    local entries, parts = some_entries(400), {}
    local one = core.sort.new {keys = 2, descending = {false, true}}
    for item = 1, 8 do
      one:clear()
      for i = item * 50 - 49, item * 50 do one:add(entries[i].keys, entries[i].bytes) end
      parts[item] = one:encode()
    end
    local s = core.sort.new {keys = 2, descending = {false, true}, memory = memory}
    for _, item in ipairs {3, 1, 8, 2, 7, 4, 6, 5} do s:merge(parts[item], item) end
    T.eq(all(s), expected(entries, {false, true}))
  end
end)


T.claim("an entry longer than a piece goes to disk and back", function()
  local s = core.sort.new {keys = 1, memory = 1000}
  local long = ("long"):rep(300000)
  for i = 1, 5 do s:add({-i}, i .. long) end
  for i = 5, 1, -1 do T.eq(s:next(), i .. long) end
  T.eq(s:next(), nil)
end)


T.claim("what is not to be sorted is an error", function()
  local s = core.sort.new {keys = 1}
  s:add({1}, "x")
  local bytes = s:encode()
  T.raises("nothing to sort", s.merge, s, "what?")
  T.raises("damaged", s.merge, s, bytes:sub(1, -2))
  T.raises("damaged", s.merge, s, bytes .. "\5\1\1")
  T.raises("other keys", core.sort.new {keys = 2}.merge, core.sort.new {keys = 2}, bytes)
  T.raises("no value to sort by", s.add, s, {{}}, "x")
  T.raises("at most 16", core.sort.new, {keys = 17})
  s:next()
  T.raises("takes no more", s.add, s, {1}, "x")
end)


T.claim("damaged bytes are an error or other entries, never worse", function()
  local s = core.sort.new {keys = 2}
  for _, e in ipairs(some_entries(20)) do s:add(e.keys, e.bytes) end
  local bytes = s:encode()
  for _ = 1, 500 do
    local at, damaged = random(5, #bytes), bytes
    for _ = 1, random(3) do
      local with = random(4) == 1 and "" or string.char(random(0, 255))
      damaged = damaged:sub(1, at - 1) .. with .. damaged:sub(at + 1)
    end
    local other = core.sort.new {keys = 2, memory = random(2) == 1 and 100 or 0}
    local ok, why = pcall(other.merge, other, damaged)
    if ok then all(other) else T.ok(tostring(why):find "damaged" or tostring(why):find "other keys", why) end
  end
end)


T.claim("a full disk is an error that says where", function()
  local text = T.run([[
    local s = require "papy.core".sort.new {keys = 1, memory = 10000}
    print(pcall(function() for i = 1, 100000 do s:add({i}, "some text") end end))
  ]], "trap '' XFSZ; ulimit -f 64; timeout 30")
  T.ok(text:find "false.*cannot write to a temporary file in /.*: File too large", text)
end)


local sort = require "papy.sort"


T.claim("a full disk is given back: nothing is left, and what fits is sorted as before", function()
  local text = T.run([[
    local fs, sort = papy.fs, require "papy.sort"
    local function falling(n)
      local i = n + 1
      return function()
        i = i - 1
        return i > 0 and i or nil
      end
    end
    local function left() -- temporary files with or without a name
      local n = 0
      for fd = 0, 20 do
        local where = fs.readlink("/proc/self/fd/" .. fd)
        if where and where:find "deleted" then n = n + 1 end
      end
      return n
    end
    collectgarbage "stop"
    print(left())
    print(pcall(sort.sorted, falling(100000), nil, {memory = 10000}))
    print(left())
    for row in sort.sorted(falling(1000), nil, {memory = 10000}) do
      print(row, left())
      break
    end
    print(left())
  ]], "trap '' XFSZ; ulimit -f 64; timeout 30")
  T.ok(text:find "^0\nfalse\t[^\n]*cannot write to a temporary file in /[^\n]*: File too large\n0\n1\t1\n0\n$", text)
end)


T.claim("rows of any kind are sorted by fields, falling or not, or by a function", function()
  local rows = {{n = 3, s = "b"}, {n = 1, s = "a"}, {s = "c"}, {n = 3, s = "a"}, {n = 2.5, list = {1, {2}}}}
  local function order(by)
    local out = {}
    for row in sort.sorted(rows, by) do out[#out + 1] = row end
    return out
  end
  T.eq(order "n", {rows[2], rows[5], rows[1], rows[4], rows[3]})
  T.eq(order {"-n", "s"}, {rows[4], rows[1], rows[5], rows[2], rows[3]})
  T.eq(order(function(row) return -(row.n or -9) end), {rows[1], rows[4], rows[5], rows[2], rows[3]})
  local words = {}
  for word in sort.sorted {"b", "10", "a", "9"} do words[#words + 1] = word end
  T.eq(words, {"9", "10", "a", "b"})
  T.raises("by a field", sort.sorted, rows, {{}})
  T.raises("unknown option 'memry'", sort.sorted, rows, "n", {memry = 1})
end)


T.claim("groups of a tally come in order, from memory and from disk", function()
  local groups = {}
  for i = 1, 500 do groups[i] = {key = i, n = 1} end
  for _, memory in ipairs {0, 5000} do
    local t = core.tally.new {keys = {"key"}, args = 0, columns = {{name = "n", kind = "count"}}, memory = memory}
    for i = 500, 1, -1 do t:add({i}) end
    local rows = {}
    for row in sort.groups(t, "key") do rows[#rows + 1] = row end
    T.eq(rows, groups)
    rows = {}
    for row in sort.groups(t, "-key", 2) do rows[#rows + 1] = row.key end
    T.eq(rows, {500, 499})
  end
end)


local join = require "papy.join"


T.claim("rows are joined with those that have the same key", function()
  local hosts = {{ip = "1", host = "a"}, {ip = "2", host = "b"}, {ip = 2, host = "c"}, {host = "nobody"}}
  local index = join.index(hosts, "ip")
  T.eq(join.rows(index, {ip = "1", n = 5}), {{ip = "1", n = 5, host = "a"}})
  T.eq(join.rows(index, {ip = 2.0}), {{ip = 2.0, host = "b"}, {ip = 2.0, host = "c"}})
  T.eq(join.rows(index, {ip = "3"}), {})
  T.eq(join.rows(index, {}), {})
  T.eq(join.rows(join.index(hosts, {client = "ip"}, {left = true}), {client = "9"}), {{client = "9"}})
  T.eq(join.rows(join.index(hosts, {client = "ip"}, {prefix = "h_"}), {client = 1}), {{client = 1, h_host = "a"}})
  local two = join.index({{a = "x:1", b = "", v = 1}, {a = "x", b = ":1", v = 2}}, {"a", "b"})
  T.eq(join.rows(two, {a = "x", b = ":1"}), {{a = "x", b = ":1", v = 2}})
  T.raises("both have a field 'host'", join.rows, index, {ip = "1", host = "mine"})
  T.raises("the key must be a field", join.index, hosts, {})
  T.raises("rows with fields expected", join.index, {1, 2}, "ip")
end)


T.claim("flows are sorted and joined", function()
  local lines, in_order = {}, {}
  for i = 1, 300 do lines[i] = ("u%d %d"):format(random(50), i) end
  local path = T.temp(table.concat(lines, "\n") .. "\n")
  for i, line in ipairs(lines) do in_order[i] = line end
  table.sort(in_order)
  T.eq(papy.open(path):sort():collect(), in_order)
  local users = {{user = "u1", team = "red"}, {user = "u1", team = "blue"}, {user = "u2", team = "red"}}
  local count = {}
  for _, line in ipairs(lines) do
    local user = line:match "^%S+"
    if user == "u1" then count.red, count.blue = (count.red or 0) + 1, (count.blue or 0) + 1 end
    if user == "u2" then count.red = (count.red or 0) + 1 end
  end
  local got = {}
  local joined = papy.open(path):fields("words"):join(users, {["1"] = "user"})
  for _, row in ipairs(joined:count_by("team"):collect()) do got[row.team] = row.count end
  T.eq(got, count)
end)


T.finish()
