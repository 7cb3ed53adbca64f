-- papy.Piper: failed items, debug mode, timeouts: what comes in the item's place, and how often.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Piper = papy.Piper

local function square(i) return i[1] * i[1] end
local function double(i) return 2 * i[1] end

-- everything a piper gives, errors as "!kind" when they are given and "^kind" when they are raised
local function told(p)
  local out = {}
  while true do
    local good, v = pcall(p.next, p)
    if good and v == nil then return out end
    if getmetatable(v) == papy.Error then v = (good and "!" or "^") .. v.kind end
    out[#out + 1] = v
    assert(#out < 100, "no end")
  end
end

local function each_way(name, f)
  claim(name .. " (linear)", function() f(function() return nil end) end)
  for _, worker_type in ipairs { "process", "thread" } do
    claim(("%s (%s)"):format(name, worker_type), function()
      f(function(stride) return papy.NuMap { worker_type = worker_type, worker_num = 2, stride = stride } end)
    end)
  end
end

each_way("a failed item is a papy.Error in its place; debug raises it, and the next call goes on", function(pool)
  eq(told(Piper(square, { parallel = pool() }) { { 1, "a", 3 } }:start()), { 1, "!function", 9 })
  eq(told(Piper(square, { parallel = pool(), debug = true }) { { 1, "a", 3 } }:start()), { 1, "^function", 9 })
end)

each_way("two pipers downstream it is the same error, without a layer for each", function(pool)
  local shared = pool()
  local first = Piper(square, { parallel = shared }) { { 1, {}, 3 } }
  local last = Piper(double, { parallel = shared }) { Piper(double, { parallel = shared }) { first } }
  last:start()
  eq(last:next(), 4)
  local e = last:next()
  eq({ getmetatable(e) == papy.Error, e.kind, e.causes }, { true, "function", nil })
  ok(e.message:find "piper_failures_test.lua:%d+: attempt to perform arithmetic" and e.traceback, e.message)
  ok(e.name:find "piper_failures_test.lua:", e.name)
  eq(e.item, '{{}}')
  eq(last:next(), 36)
  eq(last:next(), nil)
end)

each_way("an error says which piper it is of, and in a pool which task", function(pool)
  for _, fuse in ipairs { true, false } do
    local shared = pool()
    local a = Piper(double, { parallel = shared, name = "a", fuse = fuse }) { { 1, 2 } }
    local b = Piper({ double, function(i) error(i[1] > 4 and "large" or nil) end }, { parallel = shared, name = "b" }) { a }
    local c = Piper(double, { parallel = shared, name = "c" }) { b }
    c:start()
    c:next()
    local e = c:next()
    eq({ e.piper, e.task, e.index, e.item }, { "b", shared and (fuse and 1 or 2), 2, "{8}" })
    local sentence = ("large (item 2 of piper 'b', function '%s'%s: {8})"):format(e.name,
      shared and " of pool '" .. shared.name .. "'" or "")
    eq(tostring(e):sub(-#sentence), sentence)
  end
  local short = Piper(function() return {} end, { parallel = pool(), produce = 2, name = "short" }) { { 1 } }
  short:start()
  eq(short:next().piper, "short")
end)

claim("when a worker dies the error says in which piper, and whose item it shows", function()
  local pool = papy.NuMap { worker_num = 1, name = "p" }
  local function die(i) if i[1] == 8 then os.exit(3) end return i[1] end
  local a = Piper({ double, double }, { parallel = pool, name = "a" }) { { 1, 2 } }
  local b = Piper(die, { parallel = pool, name = "b" }) { a }
  local c = Piper({ double, die }, { parallel = pool, name = "c", fuse = false }) { { 3, 4 } }
  b:start()
  c:start()
  eq({ b:next(), c:next() }, { 4, 6 })
  local e = b:next()
  eq({ e.kind, e.piper, e.task, e.index, e.item }, { "died", "b", 1, 2, "{2}, as piper 'a' got it" })
  ok(tostring(e):find("(item 2 of piper 'b', function '" .. e.name .. "' of pool 'p': {2}, as piper 'a' got it)", 1, true), e)
  e = c:next()
  eq(e.piper, "c")
  ok(e.item:find "^{4}, as function '.*piper_failures_test.lua:%d+' got it$", e.item)
end)

each_way("a join of two failed inputs keeps both", function(pool)
  local a = Piper(square, { parallel = pool() }) { { 1, {}, 3 } }
  local b = Piper(double, { parallel = pool() }) { { 1, { 0 }, {} } }
  local join = Piper(function(i) return i[1] + i[2] end, { parallel = pool() }) { a, b }
  join:start()
  eq(join:next(), 3)
  local both = join:next()
  eq(#both.causes, 2)
  eq({ both.causes[1].item, both.causes[2].item }, { "{{}}", "{{0}}" })
  ok(tostring(both):find "arithmetic")
  local one = join:next()
  eq({ one.causes, one.item }, { nil, "{{}}" })
end)

each_way("placeholders among consumed items make one placeholder of the row, and reach no function", function(pool)
  local called = T.temp()
  local first = Piper(square, { parallel = pool(1) }) { { 1, "a", 3, 4, 5 } }
  local rows = Piper(function(inbox)
    local f = assert(io.open(called, "a"))
    f:write(#inbox, "\n")
    f:close()
    local sum = 0
    for _, row in ipairs(inbox) do sum = sum + row[1] end
    return sum
  end, { parallel = pool(1), consume = 2 }) { first }
  eq(told(rows:start()), { "!function", 25, 25 })
  eq(T.read_all("cat " .. called), "2\n1\n")
end)

each_way("a failing item of a producing piper fails in all its places", function(pool)
  local function pair(i) return { i[1] * i[1], i[1] * i[1] } end
  local input = { 0, 1, "z", 3, 4, 5, 6 }
  for _, debug in ipairs { false, true } do
    local e = debug and "^function" or "!function"
    local strided = { 0, 1, e, 0, 1, e, 9, 16, 25, 9, 16, 25, 36, 36 }
    local one_by_one = { 0, 0, 1, 1, e, e, 9, 9, 16, 16, 25, 25, 36, 36 }
    local expected = pool() and strided or one_by_one
    eq(told(Piper(pair, { parallel = pool(3), produce = 2, debug = debug }) { input }:start()), expected)
    eq(told(Piper(square, { parallel = pool(3), produce = 2, repeats = true, debug = debug }) { input }:start()), expected)
  end
  local two = Piper(pair, { parallel = pool(1), produce = 2 }) { { "z" } }
  local e = Piper(double, { parallel = pool(1), consume = 2 }) { two }:start():next()
  eq(#e.causes, 2)
  eq(select(2, e.message:gsub("attempt to", "")), 1, "how often the message says the same")
end)

claim("an input that raises gives one error in the place of the missing item, then the end", function()
  for _, pool in ipairs { false, papy.NuMap { worker_num = 2 } } do
    local n = 0
    local p = Piper(square, { parallel = pool }) { function()
      n = n + 1
      if n == 3 then error("no more", 0) end
      return n
    end }
    eq(told(p:start()), { 1, 4, "!input" })
    eq(p:next(), nil)
    eq(p.finished, true)
  end
end)

-- ---- timeouts: only parallel pipers have them ----

-- The first item is ready long before its timeout, the second long after. `go` lets it end.
local function slow_second(skip)
  local go = T.temp()
  os.remove(go)
  local pool = papy.NuMap { worker_num = 1, skip = skip }
  local p = Piper(function(i)
    if i[1] == 2 then T.wait_until(function() return io.open(go) end) end
    return i[1]
  end, { parallel = pool, timeout = 0.3 })
  return p, function() assert(io.open(go, "w")):close() end
end

claim("a timeout gives an error in the place of its item, and the late result is dropped", function()
  for _, skip in ipairs { false, true } do
    local p, go = slow_second(skip)
    p { { 1, 2, 3 } }:start()
    eq(p:next(), 1)
    local e = p:next()
    eq({ e.kind, e.index }, { "timeout", 2 })
    go()
    eq(told(p), { 3 })
    p:stop()
  end
end)

claim("a timeout in debug mode is raised, a linear piper has none", function()
  local pool = papy.NuMap { worker_num = 1 }
  local p = Piper(function() papy.sleep(0.3) end, { parallel = pool, timeout = 0.01, debug = true }) { { 1 } }
  p:start()
  raises("timeout", p.next, p)
  p:stop { force = true }
  eq(told(Piper(function(i)
    papy.sleep(0.02)
    return i[1]
  end, { timeout = 0.001 }) { { 1, 2 } }:start()), { 1, 2 })
end)

T.finish()
