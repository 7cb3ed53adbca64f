-- Tasks that feed tasks: chains, trees and joins on one pool and across pools.
local T = require "support"
local claim, eq, raises = T.claim, T.eq, T.raises

local function same(x) return x end
local function plus(x) return x + 1 end

T.each_type(function(worker_type)
  local function pool_with(options)
    options.worker_type = worker_type
    return papy.NuMap(options)
  end

  claim("chains of 2 to 5 work with a stride and a buffer of 1", function()
    for length = 2, 5 do
      for workers = 1, 2 do
        local pool = pool_with { worker_num = workers, stride = 1, buffer = 1 }
        local out = pool:add_task(plus, T.range(1, 8))
        for _ = 2, length do out = pool:add_task(plus, out) end
        pool:start()
        eq(T.values(out), T.range(1 + length, 8 + length))
        pool:stop()
      end
    end
  end)

  claim("chains work with any stride, more buffer, any number of workers", function()
    for _, stride in ipairs { 1, 2, 5, 23 } do
      for _, more in ipairs { 0, 1, 3 } do
        for _, workers in ipairs { 1, 3 } do
          local pool = pool_with { worker_num = workers, stride = stride, buffer = stride + more }
          local out = pool:add_task(plus, { 4, 17, 23, 4, 3, 2, 1 })
          for _ = 2, 4 do out = pool:add_task(plus, out) end
          pool:start()
          eq(T.values(out), { 8, 21, 27, 8, 7, 6, 5 })
          for k = 1, 3 do eq(pool:next { task = k }, nil) end
          pool:stop()
        end
      end
    end
  end)

  claim("several chains on one pool stay apart", function()
    math.randomseed(7)
    for _ = 1, 4 do
      local stride, chains = math.random(1, 5), math.random(2, 5)
      local pool = pool_with { worker_num = math.random(1, 4), stride = stride, buffer = chains * stride }
      local outs, lengths = {}, {}
      for c = 1, chains do
        lengths[c] = math.random(1, 5)
        outs[c] = pool:add_task(plus, T.range(1, 12))
        for _ = 2, lengths[c] do outs[c] = pool:add_task(plus, outs[c]) end
      end
      pool:start()
      for i = 1, 12 do
        for c = 1, chains do eq(outs[c]:next(), i + lengths[c]) end
      end
      for c = 1, chains do eq(outs[c]:next(), nil) end
      pool:stop()
    end
  end)

  claim("tables and long strings pass a chain unchanged", function()
    local pool = pool_with { worker_num = 2, stride = 1, buffer = 1 }
    local out = pool:add_task(function(n) return { text = ("x"):rep(n), n = n, list = { n, { n } } } end,
      { 1, 100, 5000, 300000 })
    for _ = 1, 3 do out = pool:add_task(same, out) end
    out = pool:add_task(function(t) return { #t.text, t.n, t.list[2][1] } end, out)
    pool:start()
    eq(T.values(out), { { 1, 1, 1 }, { 100, 100, 100 }, { 5000, 5000, 5000 }, { 300000, 300000, 300000 } })
  end)

  claim("two pools may feed each other's tasks", function()
    for stride = 1, 3 do
      local first = pool_with { worker_num = 2, stride = stride }
      local second = pool_with { worker_num = 1, stride = 1, buffer = 1 }
      local a = first:add_task(plus, T.range(1, 20))
      local b = second:add_task(plus, a)
      local c = second:add_task(plus, b)
      first:start()
      second:start()
      eq(T.values(c), T.range(4, 23))
      second:stop()
      first:stop()
    end
  end)

  claim("pools may be started in any order", function()
    local first = pool_with { worker_num = 2, stride = 1 }
    local second = pool_with { worker_num = 2, stride = 2 }
    local b = second:add_task(plus, first:add_task(plus, T.range(1, 10)))
    second:start()
    first:start()
    eq(T.values(b), T.range(3, 12))
  end)

  claim("a chain over three pools, back to the first", function()
    local p1 = pool_with { worker_num = 1, stride = 1 }
    local p2 = pool_with { worker_num = 1, stride = 1 }
    local a = p1:add_task(plus, T.range(1, 6))
    local b = p2:add_task(plus, a)
    local c = p1:add_task(plus, b)
    p2:start()
    p1:start()
    eq(T.values(c), T.range(4, 9))
  end)

  claim("an input whose pool never starts is an error, no hang", function()
    local first = pool_with { worker_num = 1 }
    local second = pool_with { worker_num = 1 }
    local b = second:add_task(plus, first:add_task(plus, { 1, 2 }))
    second:start()
    raises({ "deadlock", "closed", "input", "start" }, b.next, b)
    second:stop()
  end)

  claim("iterators may wrap tasks without the scheduler's knowing", function()
    for _, stride in ipairs { 1, 2 } do
      local pool = pool_with { worker_num = 2, stride = stride, buffer = stride }
      local out = pool:add_task(plus, T.range(1, 10))
      for _ = 2, 4 do
        local inner = out
        out = pool:add_task(plus, function()
          local v = inner:next()
          return v and v + 100
        end)
      end
      pool:start()
      eq(T.values(out), T.range(305, 314))
      pool:stop()
    end
  end)

  claim("an iterator that filters a task of another pool", function()
    local first = pool_with { worker_num = 1, stride = 1 }
    local second = pool_with { worker_num = 2, stride = 1, buffer = 1 }
    local all = first:add_task(plus, T.range(0, 9))
    local even = second:add_task(same, coroutine.wrap(function()
      for v in all do
        if v % 2 == 0 then coroutine.yield(v) end
      end
    end))
    first:start()
    second:start()
    eq(T.values(even), { 2, 4, 6, 8, 10 })
  end)

  -- to make one item of two, the second task's pull needs results of the first one, whose turn comes after that pull
  claim("an iterator that filters a task of its own pool works or is a deadlock, no hang", function()
    local pool = pool_with { worker_num = 2, stride = 1, buffer = 1 }
    local all = pool:add_task(plus, T.range(0, 9))
    local even = pool:add_task(same, function()
      local v
      repeat v = all:next() until not v or v % 2 == 0
      return v
    end)
    pool:start()
    local good, result = pcall(T.values, even)
    if good then
      eq(result, { 2, 4, 6, 8, 10 })
    else
      eq(result.kind, "deadlock")
    end
    pool:stop()
  end)

  claim("an iterator that makes several items of one", function()
    local pool = pool_with { worker_num = 2, stride = 2, buffer = 2 }
    local words = pool:add_task(string.upper, { "ab", "cde" })
    local letters = pool:add_task(string.lower, coroutine.wrap(function()
      for w in words do
        for c in w:gmatch "." do coroutine.yield(c) end
      end
    end))
    pool:start()
    eq(table.concat(T.values(letters)), "abcde")
  end)

  claim("a join of a task and what was made of it", function()
    local pool = pool_with { worker_num = 2, stride = 2 }
    local a = pool:add_task(plus, T.range(1, 10))
    local b = pool:add_task(plus, T.range(11, 20))
    local c = pool:add_task(function(x) return x[1] * x[2] end, papy.zip(a, b))
    local d = pool:add_task(function(x) return -x end, c)
    pool:start()
    local i = 0
    for v in d do
      i = i + 1
      eq(v, -(i + 1) * (i + 11))
    end
    eq(i, 10)
  end)

  claim("a join across pools", function()
    local p1 = pool_with { worker_num = 1, stride = 2 }
    local p2 = pool_with { worker_num = 1, stride = 3 }
    local p3 = pool_with { worker_num = 2, stride = 1 }
    local a, b = p1:add_task(plus, T.range(1, 10)), p2:add_task(plus, T.range(1, 10))
    local c = p3:add_task(function(x) return x[1] + x[2] end, papy.zip(a, b))
    p3:start()
    p1:start()
    p2:start()
    local i = 0
    for v in c do
      i = i + 1
      eq(v, 2 * (i + 1))
    end
    eq(i, 10)
  end)

  claim("a pool inside the function of a pool", function()
    if worker_type == "thread" then return end
    local outer = pool_with { worker_num = 2 }
    local task = outer:add_task(function(n)
      local sum = 0
      for v in papy.NuMap(function(x) return x * x end, { 1, 2, n }, { worker_num = 2 }) do sum = sum + v end
      return sum
    end, { 3, 4, 5 })
    outer:start()
    eq(T.values(task), { 14, 21, 30 })
  end)
end)

T.finish()
