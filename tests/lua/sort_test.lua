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


T.claim("a full disk is an error that says where", function()
  local text = T.run([[
    local s = require "papy.core".sort.new {keys = 1, memory = 10000}
    print(pcall(function() for i = 1, 100000 do s:add({i}, "some text") end end))
  ]], "trap '' XFSZ; ulimit -f 64; timeout 30")
  T.ok(text:find "false.*cannot write to a temporary file in /.*: File too large", text)
end)


T.finish()
