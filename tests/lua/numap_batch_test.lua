-- batch: how many tasklets are handed over at once. It changes the cost, never a result or an order.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local BATCHES = { 1, 2, 3, 7, 64, "auto" }

local function same(x) return x end

T.each_type(function(worker_type)
  -- f(make): make builds pools that differ in their batch only
  local function for_each_batch(f)
    for _, batch in ipairs(BATCHES) do
      f(function(options)
        options.worker_type, options.batch = worker_type, batch
        options.worker_num = options.worker_num or 2
        return papy.NuMap(options)
      end, batch)
    end
  end

  claim("results and their order do not depend on batch", function()
    for_each_batch(function(make)
      for _, stride in ipairs { 1, 4, 64 } do
        for _, n in ipairs { 0, 1, 5, 64, 200 } do
          local pool = make { stride = stride }
          local task = pool:add_task(function(x) return x * 2 end, T.range(1, n))
          pool:start()
          local i = 0
          for v in task do
            i = i + 1
            eq(v, 2 * i)
          end
          eq(i, n)
          pool:stop()
        end
      end
    end)
  end)

  claim("the weave does not depend on batch", function()
    for_each_batch(function(make)
      local note, notes = T.notes()
      local pool = make { stride = 2, worker_num = 1, buffer = 8 }
      local left = pool:add_task(note, { "L0", "L1", "L2", "L3" })
      local right = pool:add_task(note, { "R0", "R1", "R2", "R3" })
      pool:start()
      left:collect()
      right:collect()
      eq(notes(), { "L0", "L1", "R0", "R1", "L2", "L3", "R2", "R3" })
    end)
  end)

  claim("the buffer does not depend on batch", function()
    for_each_batch(function(make)
      local note, notes = T.notes()
      local pool = make { stride = 4, buffer = 6 }
      local input, consumed = T.counter()
      local task = pool:add_task(note, input)
      pool:start()
      ok(T.wait_until(function() return #notes() == 6 end), "evaluated", notes())
      papy.sleep(0.05)
      eq(#notes(), 6)
      ok(consumed() <= 7, "consumed", consumed())
      eq(task:next(), 1)
      pool:stop()
    end)
  end)

  claim("a batch that is never filled is handed over all the same", function()
    for_each_batch(function(make)
      local pool = make { stride = 2, buffer = 2 }
      local task = pool:add_task(same, T.range(1, 9))
      pool:start()
      eq(task:collect(), T.range(1, 9))
    end)
  end)

  claim("a slow input is not waited for by what came before", function()
    for_each_batch(function(make)
      local note, notes = T.notes()
      local pool = make { stride = 8, worker_num = 1 }
      local n = 0
      local task = pool:add_task(note, function()
        n = n + 1
        if n == 4 then return nil end
        return n
      end)
      pool:start()
      eq(task:next(), 1)
      ok(T.wait_until(function() return #notes() == 3 end), "evaluated", notes())
      eq(task:collect(), { 2, 3 })
    end)
  end)

  claim("chains of batches", function()
    for_each_batch(function(make)
      for _, stride in ipairs { 1, 5, 32 } do
        local pool = make { stride = stride, buffer = stride }
        local out = pool:add_task(function(x) return x + 1 end, T.range(1, 60))
        for _ = 1, 2 do out = pool:add_task(function(x) return x + 1 end, out) end
        pool:start()
        eq(out:collect(), T.range(4, 63))
        pool:stop()
      end
    end)
  end)

  claim("errors in the middle of a batch stay with their items", function()
    for_each_batch(function(make)
      local pool = make { stride = 16 }
      local inner = pool:add_task(function(x)
        if x % 5 == 3 then error("bad " .. x) end
        return x
      end, T.range(1, 50))
      local task = pool:add_task(same, inner)
      pool:start()
      for i = 1, 50 do
        if i % 5 == 3 then
          local e = raises("bad " .. i, task.next, task)
          eq(e.index, i)
        else
          eq(task:next(), i)
        end
      end
      eq(task:next(), nil)
    end)
  end)

  claim("an item that cannot be sent in the middle of a batch", function()
    for_each_batch(function(make)
      local pool = make { stride = 8 }
      local task = pool:add_task(same, { 1, 2, { io.stdout }, 4, coroutine.create(print), 6 })
      pool:start()
      eq(T.drain(task), { 1, 2, { error = "codec" }, 4, { error = "codec" }, 6 })
    end)
  end)

  claim("large and small items in one batch", function()
    for_each_batch(function(make)
      local pool = make { stride = 8 }
      local sizes = { 1, 100000, 2, 5000, 3, 300000, 4, 0, 70000 }
      local task = pool:add_task(function(s) return { #s, s } end, (function()
        local i = 0
        return function()
          i = i + 1
          return sizes[i] and ("x"):rep(sizes[i])
        end
      end)())
      pool:start()
      for _, size in ipairs(sizes) do eq(task:next(), { size, ("x"):rep(size) }) end
      eq(task:next(), nil)
    end)
  end)

  claim("unordered batches deliver everything once", function()
    for_each_batch(function(make)
      local pool = make { stride = 16, ordered = false, worker_num = 3 }
      local task = pool:add_task(same, T.range(1, 300))
      pool:start()
      local got = task:collect()
      table.sort(got)
      eq(got, T.range(1, 300))
    end)
  end)

  claim("skipping in the middle of a batch", function()
    for_each_batch(function(make)
      local pool = make { stride = 4, worker_num = 1, skip = true }
      local task = pool:add_task(function(x)
        if x == 2 then papy.sleep(0.5) end
        return x
      end, { 1, 2, 3, 4 })
      pool:start()
      local got, timeouts = {}, 0
      while true do
        local good, v = pcall(task.next, task, { timeout = timeouts == 0 and 0.1 or 20 })
        if good and v == nil then break end
        if good then
          got[#got + 1] = v
        else
          eq(v.kind, "timeout")
          timeouts = timeouts + 1
        end
      end
      ok(timeouts == 1 and #got == 3, timeouts, got)
      eq(got[#got], 4)
    end)
  end)
end)

claim("a death in the middle of a batch costs exactly its item", function()
  for _, batch in ipairs(BATCHES) do
    local pool = papy.NuMap { worker_num = 2, stride = 16, batch = batch }
    local task = pool:add_task(function(x)
      if x % 10 == 7 then os.execute "kill -9 $PPID" end
      return x
    end, T.range(1, 40))
    pool:start()
    for i = 1, 40 do
      if i % 10 == 7 then
        local e = raises("died", task.next, task)
        eq(e.index, i)
      else
        eq(task:next(), i)
      end
    end
    eq(task:next(), nil)
    pool:stop()
  end
end)

claim("a task_timeout in the middle of a batch costs exactly its item", function()
  for _, batch in ipairs { 4, 64, "auto" } do
    local pool = papy.NuMap { worker_num = 2, stride = 16, batch = batch }
    local task = pool:add_task(function(x)
      while x == 6 do x = 6 end
      return x
    end, T.range(1, 12), { task_timeout = 0.4 * T.slow })
    pool:start()
    local got = T.drain(task)
    eq(got[6], { error = "timeout" })
    got[6] = 6
    eq(got, T.range(1, 12))
    pool:stop()
  end
end)

claim("the time limit is an item's, not its batch's", function()
  for _, batch in ipairs { 8, "auto" } do
    local pool = papy.NuMap { worker_num = 1, stride = 8, batch = batch }
    local task = pool:add_task(function(x)
      papy.sleep(0.15)
      return x
    end, T.range(1, 8), { task_timeout = 0.8 * T.slow })
    pool:start()
    eq(task:collect(), T.range(1, 8))
    pool:stop()
  end
end)

claim("auto spreads slow items over the workers", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_num = 2, stride = 8, batch = "auto" }
  local task = pool:add_task(function(x)
    papy.sleep(0.05)
    note(T.pid())
    return x
  end, T.range(1, 24))
  pool:start()
  eq(task:collect(), T.range(1, 24))
  local pids = {}
  for _, pid in ipairs(notes()) do pids[pid] = (pids[pid] or 0) + 1 end
  local n = 0
  for _, count in pairs(pids) do
    n = n + 1
    ok(count >= 3, pids)
  end
  eq(n, 2)
end)

T.finish()
