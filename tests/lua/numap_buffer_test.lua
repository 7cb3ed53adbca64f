-- The buffer: how many tasklets may be between submission and delivery, and topologies that cannot work with it.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

T.each_type(function(worker_type)
  -- a pool whose tasks note what they are called with
  local function noting(options)
    options.worker_type = worker_type
    options.worker_num = options.worker_num or 1
    local note, notes = T.notes()
    return papy.NuMap(options), note, notes
  end

  -- let everything that may run have run
  local function settle(notes, n)
    T.wait_until(function() return #notes() >= n end)
    papy.sleep(0.1)
  end

  claim("at most buffer tasklets are evaluated ahead of delivery", function()
    for _, buffer in ipairs { 1, 3, 6 } do
      local pool, note, notes = noting { stride = 2, buffer = buffer, worker_num = 2 }
      local input, consumed = T.counter()
      local task = pool:add_task(note, input)
      pool:start()
      settle(notes, buffer)
      eq(#notes(), buffer)
      ok(consumed() <= buffer + 1, consumed(), "consumed for a buffer of", buffer)
      for delivered = 1, 4 do
        eq(task:next(), delivered)
        settle(notes, buffer + delivered)
        eq(#notes(), buffer + delivered)
        ok(consumed() <= buffer + delivered + 1, consumed(), "consumed after", delivered)
      end
      pool:stop()
    end
  end)

  claim("the buffer is tasks x stride if it is not given", function()
    local pool, note, notes = noting { stride = 3 }
    local a, b = (T.counter()), (T.counter())
    local first = pool:add_task(note, a)
    local second = pool:add_task(note, b)
    pool:start()
    settle(notes, 6)
    eq(notes(), { "1", "2", "3", "1", "2", "3" })
    eq(first:next(), 1)
    eq(second:next(), 1)
    settle(notes, 8)
    eq(#notes(), 8)
    pool:stop()
  end)

  claim("the buffer holds tasklets of all tasks together", function()
    local pool, note, notes = noting { stride = 2, buffer = 6 }
    local left = pool:add_task(note, { "L0", "L1", "L2", "L3" })
    local right = pool:add_task(note, { "R0", "R1", "R2", "R3" })
    pool:start()
    settle(notes, 6)
    eq(notes(), { "L0", "L1", "R0", "R1", "L2", "L3" })
    eq(left:next(), "L0")
    eq(left:next(), "L1")
    settle(notes, 8)
    eq(notes(), { "L0", "L1", "R0", "R1", "L2", "L3", "R2", "R3" })
    eq(right:collect(), { "R0", "R1", "R2", "R3" })
    eq(left:collect(), { "L2", "L3" })
  end)

  claim("an item's error leaves the buffer as a value does", function()
    local pool = noting { stride = 1, buffer = 1 }
    local task = pool:add_task(function(x) if x % 2 == 0 then error "even" end return x end, T.range(1, 9))
    pool:start()
    local got = T.drain(task)
    eq(#got, 9)
    eq({ got[1], got[2], got[9] }, { 1, { error = "function" }, 9 })
  end)

  claim("the end of an empty task takes no place in the buffer", function()
    local pool = noting { stride = 1, buffer = 1 }
    local a = pool:add_task(same, {})
    local b = pool:add_task(same, { 1, 2, 3 })
    pool:start()
    eq(b:collect(), { 1, 2, 3 })
    eq(a:next(), nil)
  end)

  claim("the end of a task takes no place in the buffer", function()
    local pool = noting { stride = 1, buffer = 1 }
    local a = pool:add_task(same, { "a" })
    local b = pool:add_task(same, { 1, 2, 3 })
    pool:start()
    eq(a:next(), "a")
    eq(b:collect(), { 1, 2, 3 })
    eq(a:next(), nil)
  end)

  claim("a chain with less buffer than stride is refused at start, the minimum named", function()
    local pool = noting { stride = 4, buffer = 3 }
    local a = pool:add_task(same, T.range(1, 9))
    pool:add_task(same, a)
    local e = tostring(raises("buffer", pool.start, pool))
    ok(e:find "4", e)
  end)

  claim("one task with less buffer than stride is fine", function()
    local pool = noting { stride = 4, buffer = 2 }
    local a = pool:add_task(same, T.range(1, 9))
    pool:start()
    eq(a:collect(), T.range(1, 9))
  end)

  claim("a join of k tasks with less buffer than k x stride is refused at start, the minimum named", function()
    for k = 2, 3 do
      for stride = 2, 3 do
        local pool = noting { stride = stride, buffer = k * stride - 1 }
        local parts = {}
        for i = 1, k do parts[i] = pool:add_task(same, T.range(1, 9)) end
        pool:add_task(same, papy.zip(table.unpack(parts)))
        local e = tostring(raises("buffer", pool.start, pool))
        ok(e:find(tostring(k * stride), 1, true), e)
      end
    end
  end)

  claim("a pool that was refused can be given other tasks and used", function()
    local pool = noting { stride = 4, buffer = 3 }
    local a = pool:add_task(same, T.range(1, 9))
    pool:add_task(same, a)
    raises("buffer", pool.start, pool)
    pool:pop_task(true)
    pool:add_task(same, { 1, 2 })
    pool:start()
    eq(T.values(pool), { 1, 2 })
  end)

  claim("a join with k x stride works", function()
    for stride = 1, 3 do
      local pool = noting { stride = stride, buffer = 3 * stride, worker_num = 2 }
      local a = pool:add_task(function(x) return x + 1 end, T.range(0, 40))
      local b = pool:add_task(function(x) return x + 1 end, T.range(100, 140))
      local c = pool:add_task(function(x) return x + 1 end, T.range(200, 240))
      local d = pool:add_task(same, papy.zip(a, b, c))
      pool:start()
      local i = 0
      for v in d do
        eq(v, { i + 1, i + 101, i + 201 })
        i = i + 1
      end
      eq(i, 41)
      for _, t in ipairs { a, b, c } do eq(t:next(), nil) end
    end
  end)

  claim("taking too much from one output is a deadlock that says what to drain", function()
    local pool = noting { stride = 2, buffer = 6 }
    local left = pool:add_task(same, T.range(1, 20), { name = "left" })
    local right = pool:add_task(same, T.range(101, 120), { name = "right" })
    pool:start()
    for i = 1, 6 do eq(left:next(), i) end
    local e = raises("deadlock", left.next, left)
    ok(tostring(e):find "right" or tostring(e):find "task 2", tostring(e))
    -- nothing is lost, and draining what it says helps
    raises("timeout", left.next, left, { timeout = 0.2 })
    raises("timeout", left.next, left, { block = false })
    eq(right:next(), 101)
    eq(left:next(), 7)
    eq(right:next(), 102)
    eq(left:next(), 8)
  end)

  claim("what a join that has ended left of its longer input is to be drained, too", function()
    for _, hidden in ipairs { false, true } do
      local pool = noting { stride = 1, buffer = 4 }
      local long, short = pool:add_task(same, T.range(1, 20)), pool:add_task(same, { 1, 2 })
      local input = papy.zip(long, short)
      if hidden then
        input = function()
          local x, y = long:next(), short:next()
          return x and y and { x, y } or nil
        end
      end
      local join, other = pool:add_task(same, input), pool:add_task(same, T.range(1, 20))
      pool:start()
      eq(#join:collect(), 2)
      local e = raises("deadlock", other.collect, other)
      ok(tostring(e):find("take those of task 1 first", 1, true), tostring(e))
      local taken = #e.results
      local rest = long:next()
      ok(rest == 3 or hidden and rest == 4, rest)
      eq(other:next(), taken + 1)
    end
  end)

  claim("when the pool of the input has to be drained, the deadlock says so", function()
    local first, second = noting { stride = 1, buffer = 2, name = "first" }, noting {}
    local left, right = first:add_task(same, T.range(1, 20)), first:add_task(same, T.range(1, 20))
    local chain = second:add_task(same, second:add_task(same, left))
    second:start()
    first:start()
    local e = raises("deadlock", chain.collect, chain)
    ok(tostring(e):find("the buffer of pool 'first' is full of results nobody took; take those of task 2 first", 1, true), e)
    right:next()
    eq(chain:next(), #e.results + 1)
  end)

  claim("and so it does when it is the pool of a reader", function()
    local first, second = noting { stride = 1, buffer = 2 }, noting { stride = 1, buffer = 2, name = "second" }
    local left, right = first:add_task(same, T.range(1, 20)), first:add_task(same, T.range(1, 20))
    second:add_task(same, second:add_task(same, left))
    first:start()
    second:start()
    local e = raises("deadlock", right.collect, right)
    ok(tostring(e):find("the buffer of pool 'second' is full of results nobody took; take those of task 2 first", 1, true), e)
    second:next { task = 2 }
    eq(right:next(), #e.results + 1)
  end)

  claim("a deadlock is seen whenever the last worker comes to rest", function()
    for _ = 1, 100 do
      local pool = noting { stride = 2, buffer = 6 }
      local left = pool:add_task(same, T.range(1, 20))
      pool:add_task(same, T.range(1, 20))
      pool:start()
      for i = 1, 6 do eq(left:next(), i) end
      raises("deadlock", left.next, left)
      pool:stop { force = true }
    end
  end)

  claim("a join hidden in an iterator with too little buffer is a deadlock, no hang", function()
    local pool = noting { stride = 2, buffer = 3 }
    local a = pool:add_task(same, T.range(1, 9))
    local b = pool:add_task(same, T.range(1, 9))
    local c = pool:add_task(same, function()
      local x = a:next()
      local y = b:next()
      return x and y and { x, y } or nil
    end)
    pool:start()
    raises("deadlock", function()
      for _ = 1, 9 do c:next() end
    end)
    pool:stop()
  end)

  claim("a join hidden in an iterator with enough buffer works", function()
    local pool = noting { stride = 2, buffer = 6 }
    local a = pool:add_task(same, T.range(1, 9))
    local b = pool:add_task(same, T.range(1, 9))
    local c = pool:add_task(same, function()
      local x = a:next()
      local y = b:next()
      return x and y and { x, y } or nil
    end)
    pool:start()
    local i = 0
    for v in c do
      i = i + 1
      eq(v, { i, i })
    end
    eq(i, 9)
  end)

  claim("an input that is its own output is a deadlock, no hang", function()
    local pool = noting { stride = 1, buffer = 2 }
    local a
    a = pool:add_task(same, function() return a:next() end)
    local ran = pcall(pool.start, pool)
    if ran then raises({ "deadlock", "input" }, a.next, a) end
    pool:stop()
  end)
end)

claim("the host's memory does not grow with the number of items", function()
  local function kilobytes()
    local f = assert(io.open "/proc/self/status")
    local kb = tonumber(f:read("a"):match "VmRSS:%s+(%d+)")
    f:close()
    return kb
  end
  local pool = papy.NuMap { worker_num = 2, stride = 16 }
  local task = pool:add_task(function(x) return x end, (T.counter()))
  pool:start()
  for _ = 1, 3000 do task:next() end
  collectgarbage()
  local before = kilobytes()
  for _ = 1, 30000 do task:next() end
  collectgarbage()
  local grown = kilobytes() - before
  ok(grown < 4096, "grown by", grown, "kB")
  pool:stop()
end)

T.finish()
