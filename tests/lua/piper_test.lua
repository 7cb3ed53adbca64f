-- papy.Piper: making, connecting, starting, reading, stopping, letting go; linear and in a pool.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Piper = papy.Piper

local function same(i) return i[1] end
local function square(i) return i[1] * i[1] end
local function double(i) return 2 * i[1] end
local function sum(i) return i[1] + i[2] end

-- Run f(options) for a linear piper, one in a pool of processes and one in a pool of threads; options() makes them anew.
local function each_way(name, f)
  claim(name .. " (linear)", function() f(function() return {} end) end)
  for _, worker_type in ipairs { "process", "thread" } do
    claim(("%s (%s)"):format(name, worker_type), function()
      f(function() return { parallel = papy.NuMap { worker_type = worker_type, worker_num = 2 } } end)
    end)
  end
end

each_way("a piper gives a result for every item, in order, then nil again and again", function(options)
  local p = Piper(square, options()) { { 1, 2, 3, 4 } }
  p:start()
  for i = 1, 4 do eq(p:next(), i * i) end
  for _ = 1, 3 do eq(p:next(), nil) end
end)

each_way("the generic for reads it, an empty input is an input", function(options)
  local p = Piper({ square, double }, options()) { T.range(1, 20) }
  p:start()
  local n = 0
  for v in p do
    n = n + 1
    eq(v, 2 * n * n)
  end
  eq(n, 20)
  p = Piper(square, options()) { {} }
  eq(T.values(p:start()), {})
end)

each_way("inputs of every kind", function(options)
  local pool = papy.NuMap { worker_num = 1 }
  local task = pool:add_task(function(x) return x + 1 end, { 0, 1, 2 })
  pool:start()
  local object = { next = function(self)
    self.n = (self.n or 0) + 1
    return self.n <= 3 and self.n or nil
  end }
  local callable = setmetatable({ n = 0 }, { __call = function(self)
    self.n = self.n + 1
    return self.n <= 3 and self.n or nil
  end })
  local proxy = setmetatable({}, { __index = function(_, i) return i <= 3 and i or nil end })
  local other = papy.NuMap(function(x) return x end, { 1, 2, 3 }, { worker_num = 1 })
  for _, input in ipairs { { 1, 2, 3 }, T.counter(3), object, callable, proxy, task, other } do
    eq(T.values(Piper(double, options()) { input }:start()), { 2, 4, 6 })
  end
  local zipped = papy.zip({ 1, 2 }, { 10, 20, 30 })
  eq(T.values(Piper(function(i) return i[1][1] + i[1][2] end, options()) { zipped }:start()), { 11, 22 })
end)

each_way("several inputs are the slots of the inbox; the shortest one ends them all", function(options)
  local long, read = T.counter()
  local p = Piper(function(i) return i[1] .. i[2] .. i[3] end, options()) { { "a", "b" }, { 1, 2 }, long }
  eq(T.values(p:start()), { "a11", "b22" })
  ok(read() <= 2, read(), "inputs after the one that ended are not asked")
end)

each_way("false and null are items; a function that returns nothing gives null", function(options)
  eq(T.values(Piper(same, options()) { { false, papy.null, 0 } }:start()), { false, papy.null, 0 })
  eq(T.values(Piper(function() end, options()) { { 1 } }:start()), { papy.null })
end)

each_way("a piper is made of a function, a worker, an array of them, or another piper's worker", function(options)
  local p = Piper(papy.Worker { square, double }, options())
  ok(Piper(p).worker == p.worker and not rawequal(Piper(p), p))
  for _, what in ipairs { p, p.worker, { square, double }, { papy.Worker(square), double } } do
    eq(T.values(Piper(what, options()) { { 1, 2, 3 } }:start()), { 2, 8, 18 })
  end
end)

claim("what no worker can be made of is refused", function()
  for _, what in ipairs { 1, "f", {}, { 1 }, { Piper(square) }, true } do raises("piper", Piper, what) end
  raises("piper", Piper)
end)

claim("options are checked and can be read back", function()
  raises("did you mean 'produce'", Piper, square, { prodce = 2 })
  raises("consume", Piper, square, { consume = 0 })
  raises("parallel", Piper, square, { parallel = true })
  raises("parallel", Piper, square, { parallel = {} })
  raises("branch", Piper, square, { branch = {} })
  raises("option", Piper, square, 3)
  local pool = papy.NuMap()
  local p = Piper(square, { parallel = pool, consume = 2, produce = 3, spawn = 4, timeout = 5, branch = "a", debug = true,
    name = "squares", track = true, repeats = true })
  ok(rawequal(p.parallel, pool))
  eq({ p.consume, p.produce, p.spawn, p.timeout, p.branch, p.debug, p.name, p.track, p.repeats },
    { 2, 3, 4, 5, "a", true, "squares", true, true })
  p = Piper(square, { parallel = false, branch = 2 })
  eq({ p.parallel, p.consume, p.produce, p.spawn, p.debug, p.track, p.repeats, p.branch },
    { false, 1, 1, 1, false, false, false, 2 })
end)

claim("pipers have names of their own and are never equal", function()
  local a, b = Piper(string.upper), Piper(string.upper)
  ok(a ~= b and a.worker == b.worker and a.name ~= b.name)
  eq(tostring(a), a.name .. "(string.upper)")
  eq(tostring(Piper({ string.upper, math.sqrt }, { name = "x" })), "x(string.upper>math.sqrt)")
end)

claim("a linear piper is lazy: k results consume k items", function()
  local numbers, read = T.counter()
  local p = Piper(square) { numbers }
  local q = Piper(double) { p }
  q:start()
  eq(read(), 0)
  for i = 1, 5 do
    eq(q:next(), 2 * i * i)
    eq(read(), i)
  end
end)

claim("a parallel piper reads no further ahead than its pool's buffer", function()
  local numbers, read = T.counter()
  local p = Piper(square, { parallel = papy.NuMap { worker_num = 2, buffer = 4 } }) { numbers }
  p:start()
  papy.sleep(0.05)
  ok(read() <= 5, read())
  for i = 1, 3 do eq(p:next(), i * i) end
  ok(read() <= 8, read())
  p:stop { force = true }
end)

each_way("what is done out of turn is an error that says so", function(options)
  local p = Piper(square, options())
  raises("piper", p.start, p)
  raises("not connected", p.next, p)
  raises("not started", p.stop, p)
  raises("not connected", p.disconnect, p)
  p:connect { { 1, 2, 3 } }
  raises("connected already", p.connect, p, { { 1 } })
  raises("not started", p.next, p)
  raises("not started", p.stop, p)
  p:start()
  raises("started", p.connect, p, { { 1 } })
  raises("started", p.disconnect, p)
  raises("not finished", p.stop, p)
  eq(T.values(p), { 1, 4, 9 })
  p:stop()
  raises("not started", p.stop, p)
  p:disconnect()
  raises("not connected", p.next, p)
  raises("not connected", p.start, p)
end)

each_way("flags tell the state", function(options)
  local p = Piper(square, options())
  local function flags() return { p.connected, p.started, p.finished } end
  eq(flags(), { false, false, false })
  eq(rawequal(p { { 1, 2 } }, p), true)
  eq(flags(), { true, false, false })
  eq(rawequal(p:start(), p), true)
  eq(flags(), { true, true, false })
  p:next()
  p:next()
  eq(p.finished, false)
  p:next()
  eq(flags(), { true, true, true })
  p:stop()
  eq(flags(), { true, false, true })
  eq(p:next(), nil)
  p:disconnect()
  eq(flags(), { false, false, true })
  p:connect { { 3 } }
  eq(flags(), { true, false, false })
end)

each_way("starting twice changes nothing", function(options)
  local p = Piper(square, options()) { { 1, 2, 3 } }
  p:start()
  eq(p:next(), 1)
  p:start()
  eq(p:next(), 4)
end)

each_way("after disconnecting it may be used again with new input, many times", function(options)
  local p = Piper(square, options())
  for i = 1, 8 do
    p { { i, i + 1 } }
    p:start()
    eq(T.values(p), { i * i, (i + 1) * (i + 1) })
    p:stop()
    p:disconnect()
  end
end)

each_way("an unfinished piper stops when forced, and can be used again", function(options)
  local p = Piper(square, options()) { T.counter() }
  p:start()
  eq(p:next(), 1)
  p:stop { force = true }
  eq(p.finished, false)
  raises("stopped", p.next, p)
  p:disconnect()
  eq(T.values(p { { 5 } }:start()), { 25 })
end)

claim("forgetting the outer array is an error that shows how", function()
  local p = Piper(square)
  for _, inbox in ipairs { { 1, 2, 3 }, { "a" }, {}, 5, "abc", T.counter(3), Piper(square), papy.NuMap() } do
    local e = raises("piper", p.connect, p, inbox)
    ok(e.message:find("piper{{1, 2, 3}}", 1, true), e)
  end
  eq(p.connected, false)
  raises("piper", p.connect, p)
end)

claim("a refused connect leaves nothing behind", function()
  local a, b = Piper(square), Piper(double)
  raises("piper", b.connect, b, { a, 5 })
  a { { 1 } }
  a:start()
  eq(a:next(), 1)
end)

claim("next may wait for a limited time; nothing is lost", function()
  local pool = papy.NuMap { worker_num = 1 }
  local p = Piper(function(i)
    papy.sleep(0.2)
    return i[1]
  end, { parallel = pool }) { { 1, 2 } }
  p:start()
  raises("timeout", p.next, p, 0.01)
  raises("timeout", p.next, p, { timeout = 0.01 })
  eq(p:next { timeout = 10 }, 1)
  eq(p:next(10), 2)
  eq(p:next(0), nil)
end)

-- ---- pipers of pipers ----

local function pool_pairs()
  local function pool() return papy.NuMap { worker_num = 2 } end
  local shared = pool()
  return { { false, false }, { shared, shared }, { pool(), pool() }, { false, pool() }, { pool(), false } }
end

claim("two in a row: linear, on one pool, on two, mixed", function()
  for k, pools in ipairs(pool_pairs()) do
    local a, b = Piper(double, { parallel = pools[1] }), Piper(square, { parallel = pools[2] })
    b { a { T.range(0, 9) } }
    a:start()
    b:start()
    local want = {}
    for i = 0, 9 do want[i + 1] = 4 * i * i end
    eq(T.values(b), want, "pair " .. k)
    eq({ a.finished, b.finished, a.started, b.started }, { true, true, true, true })
    for _, p in ipairs { a, b } do p:stop() end
    for _, pool in pairs { pools[1] or nil, pools[2] or nil } do eq(pool.started, false) end
    for _, p in ipairs { b, a } do p:disconnect() end
  end
end)

claim("starting the last one starts those before it", function()
  for _, pools in ipairs(pool_pairs()) do
    local a = Piper(double, { parallel = pools[1] }) { { 1, 2 } }
    local b = Piper(square, { parallel = pools[2] }) { a }
    b:start()
    eq(a.started, true)
    eq(T.values(b), { 4, 16 })
  end
end)

claim("a piper may be connected before those it reads are", function()
  for _, pools in ipairs(pool_pairs()) do
    local a, b = Piper(double, { parallel = pools[1] }), Piper(square, { parallel = pools[2] })
    b { a }
    raises("not connected", b.start, b)
    a { { 1, 2 } }
    eq(T.values(b:start()), { 4, 16 })
  end
end)

claim("a piper that others read gives them its results, not its caller", function()
  for _, pools in ipairs(pool_pairs()) do
    local a = Piper(double, { parallel = pools[1] }) { { 1, 2 } }
    local b = Piper(square, { parallel = pools[2], name = "reader" }) { a }
    b:start()
    raises("reader", a.next, a)
    eq(T.values(b), { 4, 16 })
    eq(a:next(), nil) -- once they are read to the end, that is the end for the caller too
    eq(a:next(1), nil)
    eq(T.values(a), {})
  end
end)

claim("a started piper takes no more readers", function()
  local a = Piper(double) { { 1, 2 } }
  a:start()
  local b = Piper(square)
  raises("started", b.connect, b, { a })
  eq(b.connected, false)
end)

claim("chains of any length on one pool need no more buffer than one stride", function()
  for stride = 1, 3 do
    local pool = papy.NuMap { worker_num = 2, stride = stride, buffer = stride }
    local p = Piper(same, { parallel = pool }) { T.range(1, 10) }
    for _ = 1, 5 do p = Piper(function(i) return i[1] + 1 end, { parallel = pool }) { p } end
    eq(T.values(p:start()), T.range(6, 15))
  end
end)

claim("a join on a pool with too small a buffer is refused at the start, and nothing is left of the try", function()
  local pool = papy.NuMap { worker_num = 2, stride = 2, buffer = 3 }
  local a, b = Piper(square, { parallel = pool }) { { 1, 2 } }, Piper(double, { parallel = pool }) { { 1, 2 } }
  local c = Piper(sum, { parallel = pool }) { a, b }
  for _ = 1, 2 do
    local e = raises("pool", c.start, c)
    ok(e.message:find "4", e)
    eq({ pool.started, c.started }, { false, false })
  end
end)

claim("pipers that share a pool are let go last first, unless forced; after a run in any order", function()
  local pool = papy.NuMap()
  local a, b = Piper(square, { parallel = pool }) { { 7, 2 } }, Piper(double, { parallel = pool }) { { 7, 2 } }
  raises("pool", a.disconnect, a)
  b:disconnect()
  a:disconnect()
  b { { 7 } }
  a { { 1 } }
  b:disconnect { force = true }
  a:disconnect()
  b { { 7 } }
  a { { 1 } }
  a:start()
  b:start()
  eq({ a:next(), b:next() }, { 1, 14 })
  raises("started", function() Piper(square, { parallel = pool }) { { 1 } } end)
  a:stop { force = true }
  eq(pool.started, false)
  b:stop { force = true }
  b:disconnect()
  a:disconnect()
end)

claim("stopping one of two on a pool leaves the other its work", function()
  local pool = papy.NuMap { worker_num = 2 }
  local a, b = Piper(square, { parallel = pool }) { { 1 } }, Piper(double, { parallel = pool }) { T.range(1, 20) }
  a:start()
  b:start()
  eq(T.values(a), { 1 })
  a:stop()
  eq(pool.started, true)
  eq(#T.values(b), 20)
  b:stop()
  eq(pool.started, false)
end)

claim("pools that feed each other may be started again", function()
  local p1, p2 = papy.NuMap { worker_num = 1 }, papy.NuMap { worker_num = 1 }
  local a, b = Piper(double, { parallel = p1 }), Piper(double, { parallel = p2 })
  local l, d = Piper(same), Piper(same)
  for _ = 1, 3 do
    d { l { b { a { { 1, 2, 3 } } } } }
    d:start()
    eq(T.values(d), { 4, 8, 12 })
    for _, p in ipairs { d, l, b, a } do p:stop() end
    for _, p in ipairs { d, l, b, a } do p:disconnect() end
  end
end)

claim("a piper that starts again reads an array from its beginning, what cannot be read again from where it was", function()
  for _, options in ipairs { {}, { parallel = papy.NuMap { worker_num = 1, buffer = 1 } },
    { parallel = papy.NuMap { stride = 1, buffer = 2 }, spawn = 2 } } do
    local p = Piper(same, options) { { 1, 2, 3 } }
    for _ = 1, 2 do
      p:start()
      eq({ p:next(), p:next() }, { 1, 2 })
      p:stop { force = true }
    end
    eq(T.values(p:start()), { 1, 2, 3 })
    p:stop()
    p:disconnect()
  end
  local p = Piper(same) { (T.counter(3)) }
  eq(p:start():next(), 1)
  p:stop { force = true }
  eq(T.values(p:start()), { 2, 3 })
end)

claim("track keeps results by their place, one table per spawned task", function()
  local p = Piper(square, { parallel = papy.NuMap(), track = true }) { { 1, 2, 3 } }
  T.values(p:start())
  eq(p.tracked, { { 1, 4, 9 } })
  p = Piper(double, { parallel = papy.NuMap { stride = 1 }, track = true, spawn = 2 }) { { 1, 10, 2, 20, 3, 30 } }
  T.values(p:start())
  eq(p.tracked, { { 2, 4, 6 }, { 20, 40, 60 } })
  p = Piper(double, { track = true }) { { 1, "x", 3 } }
  T.values(p:start())
  eq({ p.tracked[1][1], p.tracked[1][2].kind, p.tracked[1][3] }, { 2, "function", 6 })
end)

claim("a run that nobody finishes does not keep the program", function()
  local text, status = T.run [[
    local p = papy.Piper(function(i) return i[1] end, {parallel = papy.NuMap()})
    p {function() return 1 end}
    p:start()
    print(p:next())]]
  eq(text, "1\n")
  eq(status, 0)
end)

T.finish()
