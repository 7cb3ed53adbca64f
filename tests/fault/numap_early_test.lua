-- Closing early: a consumer that leaves, an input that breaks, errors in every callback, at every moment.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lua/?.lua;" .. package.path
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

T.each_type(function(worker_type)
  local function chain(length, input, options)
    options = options or {}
    options.worker_type = worker_type
    options.worker_num = options.worker_num or 2
    local pool = papy.NuMap(options)
    local out = pool:add_task(same, input)
    for _ = 2, length do out = pool:add_task(same, out) end
    pool:start()
    return pool, out
  end

  claim("stopping after every number of results", function()
    for taken = 0, 12 do
      for _, stride in ipairs { 1, 3 } do
        local pool, out = chain(2, T.range(1, 12), { stride = stride })
        for i = 1, taken do eq(out:next(), i) end
        pool:stop()
      end
    end
  end)

  claim("killing after every number of results", function()
    for taken = 0, 12, 2 do
      local pool, out = chain(2, T.range(1, 12), { stride = 2 })
      for i = 1, taken do eq(out:next(), i) end
      pool:stop { force = true }
    end
  end)

  claim("leaving a for loop early and coming back", function()
    local pool, out = chain(2, T.range(1, 10))
    for v in out do
      if v == 4 then break end
    end
    eq(out:next(), 5)
    for v in out do
      if v == 7 then break end
    end
    eq(out:collect(), { 8, 9, 10 })
    pool:stop()
  end)

  claim("an input that raises at every place of a chain", function()
    for at = 1, 7 do
      local n = 0
      local pool, out = chain(3, function()
        n = n + 1
        if n == at then error("place " .. at) end
        return n
      end, { stride = 2 })
      for i = 1, at - 1 do eq(out:next(), i) end
      raises("place " .. at, out.next, out)
      eq(out:next(), nil)
      pool:stop()
    end
  end)

  claim("stopping a pool from inside its own input is refused or done, no crash", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 1, stride = 1 }
    local n = 0
    local task = pool:add_task(same, function()
      n = n + 1
      if n == 3 then pool:stop() end
      return n <= 5 and n or nil
    end)
    pool:start()
    local calls = 0
    repeat
      calls = calls + 1
      local good, v = pcall(task.next, task)
    until good and v == nil or calls == 20
    pool:stop()
  end)

  claim("an input that collects garbage and drops its pool", function()
    local task
    do
      local pool = papy.NuMap { worker_type = worker_type, worker_num = 1 }
      local n = 0
      task = pool:add_task(same, function()
        n = n + 1
        collectgarbage()
        return n <= 20 and n or nil
      end)
      pool:start()
    end
    collectgarbage()
    eq(task:collect(), T.range(1, 20))
  end)

  claim("an input that starts and stops other pools", function()
    local n = 0
    local pool = papy.NuMap(same, function()
      n = n + 1
      if n > 4 then return nil end
      local sum = 0
      for v in papy.NuMap(function(x) return x * n end, { 1, 2, 3 }, { worker_type = worker_type }) do sum = sum + v end
      return sum
    end, { worker_type = worker_type, worker_num = 2 })
    eq(T.values(pool), { 6, 12, 18, 24 })
  end)

  claim("an input that sleeps lets the pool work", function()
    local note, notes = T.notes()
    local n = 0
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 1 }
    local task = pool:add_task(note, function()
      n = n + 1
      if n == 3 then
        ok(T.wait_until(function() return #notes() == 2 end), notes())
      end
      return n <= 3 and n or nil
    end)
    pool:start()
    eq(task:collect(), { 1, 2, 3 })
  end)

  claim("coroutines may take results", function()
    local _, out = chain(2, T.range(1, 6))
    local got = {}
    local co = coroutine.wrap(function()
      for v in out do
        got[#got + 1] = v
        coroutine.yield()
      end
      return "end"
    end)
    repeat until co() == "end"
    eq(got, T.range(1, 6))
  end)

  claim("results of an endless input, one by one", function()
    local pool, out = chain(1, (T.counter()), { stride = 1 })
    for i = 1, 300 do
      eq(out:next { timeout = 20 }, i)
      if i % 50 == 0 then collectgarbage() end
    end
    pool:stop()
  end)
end)

T.finish()
