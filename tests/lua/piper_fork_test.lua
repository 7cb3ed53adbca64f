-- Forks and joins: every reader gets every item once, in order; in any order of reading; only as much is kept as the readers
-- are apart.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local Piper = papy.Piper

local function same(i) return i[1] end
local function square(i) return i[1] * i[1] end
local function double(i) return 2 * i[1] end
local function both(i) return { i[1], i[2] } end

-- pools for a fork of four: linear, all on one, each its own, mixed
local function each_choice(stride, f)
  local function pool() return papy.NuMap { stride = stride, worker_num = 2 } end
  local one, two, three = pool(), pool(), pool()
  f {}
  f { one, one, one, one }
  f { pool(), pool(), pool(), pool() }
  f { pool(), nil, nil, pool() }
  f { nil, two, two, two }
  f { three, three, pool(), three }
  f { nil, nil, pool(), nil }
end

claim("a fork, two branches and a join: pairs of the same item, for every stride and length", function()
  for stride = 1, 4 do
    for _, length in ipairs { 0, 1, 2, 3, 7, 12 } do
      each_choice(stride, function(pools)
        local a = Piper(same, { parallel = pools[1] }) { T.range(1, length) }
        local b, c = Piper(square, { parallel = pools[2] }) { a }, Piper(double, { parallel = pools[3] }) { a }
        local d = Piper(both, { parallel = pools[4] }) { b, c }
        local want = {}
        for i = 1, length do want[i] = { i * i, 2 * i } end
        eq(T.values(d:start()), want)
        for _, p in ipairs { d, c, b, a } do
          eq(p.finished, true)
          p:stop()
        end
      end)
    end
  end
end)

-- a fork without a join, its ends read in some order
local function fork(pools, length)
  local a = Piper(same, { parallel = pools[1] }) { T.range(1, length) }
  local b, c = Piper(square, { parallel = pools[2] }) { a }, Piper(double, { parallel = pools[3] }) { a }
  b:start()
  c:start()
  return b, c, a
end

claim("the ends of a fork may be read one after the other, in either order", function()
  for stride = 1, 3 do
    each_choice(stride, function(pools)
      for turn = 1, 2 do
        local b, c, a = fork(pools, 40)
        local ends = turn == 1 and { b, c } or { c, b }
        for _, p in ipairs(ends) do
          local n = 0
          for v in p do
            n = n + 1
            eq(v, p == b and n * n or 2 * n)
          end
          eq(n, 40)
        end
        for _, p in ipairs { c, b, a } do p:stop() end
        for _, p in ipairs { c, b, a } do p:disconnect() end
      end
    end)
  end
end)

claim("they may be read in turns of any length", function()
  math.randomseed(11)
  each_choice(2, function(pools)
    local b, c, a = fork(pools, 60)
    local read = { [b] = 0, [c] = 0 }
    while not (b.finished and c.finished) do
      local p = math.random(2) == 1 and b or c
      for _ = 1, math.random(1, 9) do
        local v = p:next()
        if v then
          read[p] = read[p] + 1
          eq(v, p == b and read[p] ^ 2 // 1 | 0 or 2 * read[p])
        end
      end
    end
    eq({ read[b], read[c] }, { 60, 60 })
    for _, p in ipairs { c, b, a } do p:stop() end
  end)
end)

claim("only as much is kept as the readers are apart", function()
  local a = Piper(function(i) return { i[1], ("x"):rep(1000) } end) { T.range(1, 20000) }
  local b, c = Piper(function(i) return i[1][1] end) { a }, Piper(function(i) return i[1][1] end) { a }
  b:start()
  c:start()
  collectgarbage()
  local before, most = collectgarbage "count", 0
  for i = 1, 20000 do
    eq(b:next(), i)
    eq(c:next(), i)
    if i % 1000 == 0 then
      collectgarbage()
      most = math.max(most, collectgarbage "count" - before)
    end
  end
  ok(most < 500, most, "kB kept")
end)

claim("a reader that stops keeps nothing and holds up nobody", function()
  for _, pooled in ipairs { false, true } do
    local function pool() return pooled and papy.NuMap { worker_num = 1 } end
    local b, c, a = fork({ pool(), pool(), pool() }, 3000)
    eq(c:next(), 2)
    c:stop { force = true }
    local n = 0
    for _ in b do n = n + 1 end
    eq(n, 3000)
    eq(a.finished or b.finished, true)
    c:disconnect()
    b:stop()
  end
end)

claim("on a shared pool, too: whoever is not read or has stopped holds up nobody", function()
  for stride = 1, 3 do
    local pool = papy.NuMap { worker_num = 2, stride = stride }
    local a = Piper(same, { parallel = pool }) { T.range(1, 500) }
    local b, unread = Piper(double, { parallel = pool }) { a }, Piper(square, { parallel = pool }) { a }
    local c = Piper(square) { a }
    for _, p in ipairs { b, unread, c } do p:start() end
    eq(c:next(), 1)
    c:stop { force = true }
    for i = 1, 500 do eq(b:next(), 2 * i) end
    eq(b:next(), nil)
    eq(unread:next(), 1)
    unread:stop { force = true }
  end
end)

claim("forks of forks and joins of joins, on one pool and on two", function()
  for _, kinds in ipairs { { 1, 1, 1 }, { 1, 2, 1 }, { 0, 1, 0 }, { 1, 0, 2 } } do
    local pools = { papy.NuMap { worker_num = 2 }, papy.NuMap { worker_num = 3, stride = 2 } }
    local function on(k) return { parallel = pools[kinds[k]] or nil } end
    local a = Piper(same, on(1)) { T.range(1, 25) }
    local layer = { a }
    for _ = 1, 3 do
      local l, r = Piper(double, on(2)) { layer[#layer] }, Piper(square, on(3)) { layer[#layer] }
      layer[#layer + 1] = Piper(function(i) return (i[1] + i[2]) % 1000 end, on(1)) { l, r }
    end
    local want = {}
    for i = 1, 25 do
      local v = i
      for _ = 1, 3 do v = (2 * v + v * v) % 1000 end
      want[i] = v
    end
    eq(T.values(layer[4]:start()), want)
  end
end)

-- pool 2 gives its second task no turn before the first has its third item, which pool 1 makes only after what it needs of
-- that second task
claim("pools that feed each other in strides that do not fit end in an error with a name", function()
  local one, two = papy.NuMap { stride = 2 }, papy.NuMap { stride = 3 }
  local p = Piper(same, { parallel = one }) { T.range(1, 9) }
  for _ = 1, 2 do
    local l, r = Piper(double, { parallel = two }) { p }, Piper(square, { parallel = one }) { p }
    p = Piper(both, { parallel = one }) { l, r }
    p = Piper(function(i) return i[1][1] end, { parallel = one }) { p }
  end
  p:start()
  local good, e = pcall(T.values, p)
  ok(good or e.kind == "deadlock", e)
end)

claim("a join of a piper and what was made of it", function()
  for _, pool in ipairs { false, papy.NuMap { worker_num = 2 } } do
    local a = Piper(double, { parallel = pool }) { T.range(1, 10) }
    local b = Piper(double, { parallel = pool }) { a }
    local c = Piper(function(i) return i[1] - i[2] end, { parallel = pool }) { b, a }
    local want = {}
    for i = 1, 10 do want[i] = 2 * i end
    eq(T.values(c:start()), want)
  end
end)

claim("the same piper may fill several slots", function()
  for _, pool in ipairs { false, papy.NuMap { worker_num = 2 } } do
    local a = Piper(double, { parallel = pool }) { T.range(1, 10) }
    local b = Piper(function(i) return i[1] == i[2] end, { parallel = pool }) { a, a }
    eq(#T.values(b:start()), 10)
  end
end)

claim("one iterator given twice is shared out, one array is read twice", function()
  local numbers, list = T.counter(6), { 1, 2, 3 }
  eq(T.values(Piper(both) { numbers, numbers }:start()), { { 1, 2 }, { 3, 4 }, { 5, 6 } })
  eq(T.values(Piper(both) { list, list }:start()), { { 1, 1 }, { 2, 2 }, { 3, 3 } })
end)

claim("inputs of different length at a join end cleanly", function()
  each_choice(2, function(pools)
    local a = Piper(same, { parallel = pools[2] }) { T.range(1, 50) }
    local b = Piper(same, { parallel = pools[3] }) { T.range(1, 7) }
    local c = Piper(both, { parallel = pools[4] }) { a, b }
    eq(#T.values(c:start()), 7)
    for _, p in ipairs { c, b, a } do p:stop() end
    for _, p in ipairs { c, b, a } do p:disconnect() end
  end)
end)

claim("a piper may have hundreds of readers and hundreds of inputs", function()
  for _, pool in ipairs { false, papy.NuMap { worker_num = 2 } } do
    local a = Piper(same) { { 1, 2, 3 } }
    local readers = {}
    for i = 1, 100 do readers[i] = Piper(same, { parallel = pool }) { a } end
    local sum = Piper(function(i)
      local s = 0
      for _, v in ipairs(i) do s = s + v end
      return s
    end, { parallel = pool })(readers)
    eq(T.values(sum:start()), { 100, 200, 300 })
  end
end)

claim("a stack of many diamonds starts, runs and stops in no time", function()
  local p, all = Piper(same) { { 1, 2 } }, {}
  for _ = 1, 40 do
    local l, r = Piper(same) { p }, Piper(same) { p }
    p = Piper(function(i) return i[1] + i[2] - i[1] end) { l, r }
    all[#all + 1] = p
  end
  eq(T.values(p:start()), { 1, 2 })
  eq(all[1].finished, true)
  p:stop()
end)

-- ---- what pipelines use ----

claim("an outlet is ready when a pull would not wait", function()
  local go = T.temp()
  os.remove(go)
  local p = Piper(function(i)
    while not io.open(go) do papy.sleep(0.01) end
    return i[1]
  end, { parallel = papy.NuMap { worker_num = 1 } }) { { 1 } }
  local q = Piper(double) { p }
  local outlet = q:_outlet()
  q:start()
  eq(outlet:ready(), false)
  T.temp()
  io.open(go, "w"):close()
  local function is_ready() return outlet:ready() end
  ok(T.wait_until(is_ready))
  eq(outlet:pull(), 2)
  ok(T.wait_until(is_ready))
  eq(outlet:pull(), nil)
  eq(outlet:pull(), nil)
  os.remove(go)
end)

claim("what one task reads as another gives it is never decoded here, also of a fork and in a join", function()
  local pool, other = papy.NuMap { worker_num = 2 }, papy.NuMap { worker_num = 1 }
  local a = Piper(same, { parallel = pool, fuse = false }) { { 1, 2 } }
  local b = Piper(double, { parallel = pool, fuse = false }) { a }
  local c, d = Piper(double, { parallel = pool }) { b }, Piper(square, { parallel = other }) { b }
  local e = Piper(both, { parallel = other }) { c, d }
  e:start()
  for _, p in ipairs { b, c, d, e } do
    local definition = p.parallel.tasks[p:_tasks()[1].number]
    ok(definition.kind == "task" or definition.kind == "zip", definition.kind)
  end
  eq(T.values(e), { { 4, 4 }, { 8, 16 } })
end)

T.finish()
