-- Waiting no longer than some seconds, with and without skipping. Only orders and causes are checked, no durations: a
-- timeout is much shorter than the sleep it interrupts. numap_timeout_thread_test.lua runs this file for threads.
local T = require "support"
T.types = T.types or { "process" }
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

-- all sleeps and short timeouts below are in units of so many seconds
local UNIT = 0.6

local function sleeper(units)
  papy.sleep(units * UNIT)
  return units
end

-- next() of `stream` times out
local function late(stream, options)
  if type(options) == "number" then
    options = options * UNIT
  elseif options and options.timeout then
    options.timeout = options.timeout * UNIT
  end
  local e = raises("timeout", stream.next, stream, options)
  eq(e.kind, "timeout")
  return e
end

T.each_type(function(worker_type)
  local function pool_with(options)
    options.worker_type = worker_type
    return papy.NuMap(options)
  end

  claim("one task, ordered: a timeout loses nothing", function()
    local pool = pool_with { worker_num = 1 }
    pool:add_task(sleeper, { 0.5, 0.3, 0.5, 0.001 })
    pool:start()
    late(pool, { timeout = 0.1 })
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.5)
    late(pool, { timeout = 0.001 })
    eq(pool:next(), 0.3)
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.5)
    eq(pool:next(), 0.001)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("a finished result is given however short the timeout", function()
    local pool = pool_with { worker_num = 2 }
    pool:add_task(sleeper, { 0.5, 0.1, 0.5, 0.001 })
    pool:start()
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.5)
    eq(pool:next { timeout = 0.001 }, 0.1)
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.5)
    eq(pool:next(), 0.001)
    pool:stop()
  end)

  claim("next takes a plain number of seconds", function()
    local pool = pool_with { worker_num = 1 }
    local task = pool:add_task(sleeper, { 0.4 })
    pool:start()
    late(pool, 0.05)
    late(task, 0.05)
    eq(task:next(30), 0.4)
  end)

  claim("timeout and block of the one-shot form are heard by the generic for", function()
    local options = { worker_type = worker_type, worker_num = 1, timeout = 0.05 * UNIT }
    local pool = papy.NuMap(sleeper, { 1 }, options)
    raises("timeout", function() for _ in pool do error "a result" end end)
    raises("timeout", pool)
    eq(pool:next(30), 1)
    pool:stop()
    options.timeout, options.block = nil, false
    local impatient = papy.NuMap(sleeper, { 1 }, options)
    raises("timeout", function() for _ in impatient do error "a result" end end)
    eq(impatient:next { block = true }, 1)
    impatient:stop()
  end)

  claim("block = false does not wait", function()
    local pool = pool_with { worker_num = 1 }
    local task = pool:add_task(sleeper, { 1 })
    pool:start()
    local t0 = papy.now()
    late(pool, { block = false })
    late(task, { block = false })
    ok(papy.now() - t0 < 0.9 * UNIT, "waited", papy.now() - t0)
    eq(task:next(), 1)
    eq(task:next { block = false }, nil)
  end)

  claim("a task remembers the timeout it was added with", function()
    local pool = pool_with { worker_num = 1 }
    local task = pool:add_task(sleeper, { 0.5, 0 }, { timeout = 0.05 * UNIT })
    pool:start()
    late(task)
    eq(pool:next(), 0.5)
    eq(task:next { timeout = 30 }, 0)
    eq(task:next(), nil)
  end)

  claim("a task remembers that it does not block", function()
    local pool = pool_with { worker_num = 1 }
    local task = pool:add_task(sleeper, { 0.5 }, { block = false })
    pool:start()
    late(task)
    eq(task:next { block = true }, 0.5)
  end)

  claim("get_task makes an iterator with a timeout of its own", function()
    local pool = pool_with { worker_num = 1 }
    local patient = pool:add_task(sleeper, { 0.4, 0 })
    local hasty = pool:get_task(1, { timeout = 0.05 })
    pool:start()
    late(hasty)
    eq(patient:next(), 0.4)
    eq(patient:next(), 0)
  end)

  claim("two tasks, ordered: timeouts of both lose nothing", function()
    local pool = pool_with { worker_num = 1 }
    local times = { 0.5, 0.3, 0.5, 0.001 }
    pool:add_task(sleeper, times)
    pool:add_task(sleeper, times)
    pool:start()
    late(pool, { timeout = 0.1 })
    late(pool, { task = 2, timeout = 0.1 })
    eq(pool:next(), 0.5)
    eq(pool:next { task = 2 }, 0.5)
    late(pool, { timeout = 0.001 })
    late(pool, { task = 2, timeout = 0.001 })
    eq(pool:next(), 0.3)
    eq(pool:next { task = 2 }, 0.3)
    late(pool, { timeout = 0.1 })
    late(pool, { task = 2, timeout = 0.1 })
    eq(pool:next(), 0.5)
    eq(pool:next { task = 2 }, 0.5)
    pool:stop()
  end)

  claim("one task, unordered: what is finished comes, the late one last", function()
    local pool = pool_with { worker_num = 2, stride = 2, ordered = false }
    pool:add_task(sleeper, { 1.5, 0.8, 0.2 })
    pool:start()
    late(pool, { timeout = 0.3 })
    eq(pool:next { timeout = 20 }, 0.8)
    eq(pool:next { timeout = 20 }, 0.2)
    eq(pool:next(), 1.5)
    eq(pool:next(), nil)
  end)

  claim("a chain: a timeout at its end loses nothing", function()
    local pool = pool_with { worker_num = 1 }
    pool:add_task(sleeper, { 0.5, 0.3, 0.4, 0.001 })
    pool:add_task(sleeper, pool)
    pool:start()
    late(pool, { task = 2, timeout = 0.5 })
    late(pool, { task = 2, timeout = 0.1 })
    eq(pool:next { task = 2 }, 0.5)
    eq(pool:next { task = 2 }, 0.3)
    eq(pool:next { task = 2 }, 0.4)
    eq(pool:next { task = 2 }, 0.001)
    eq(pool:next { task = 2 }, nil)
    pool:stop()
  end)

  claim("skip, one worker: each timeout gives up the next item", function()
    local pool = pool_with { worker_num = 1, skip = true }
    pool:add_task(sleeper, { 0.5, 0.3, 0.5, 0.5, 0.1 })
    pool:start()
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.3)
    late(pool, { timeout = 0.1 })
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.1)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("skip, two workers: two timeouts give up two items", function()
    local pool = pool_with { worker_num = 2, skip = true }
    pool:add_task(sleeper, { 0.5, 0.3, 0.4 })
    pool:start()
    late(pool, { timeout = 0.1 })
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.4)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("skip, two tasks: each gives up its own items", function()
    local pool = pool_with { worker_num = 1, skip = true }
    local times = { 0.5, 0.3, 0.5, 0.5, 0.1 }
    pool:add_task(sleeper, times)
    pool:add_task(sleeper, times)
    pool:start()
    late(pool, { timeout = 0.1 })
    late(pool, { task = 2, timeout = 0.1 })
    eq(pool:next(), 0.3)
    eq(pool:next { task = 2 }, 0.3)
    late(pool, { timeout = 0.001 })
    late(pool, { task = 2, timeout = 0.001 })
    late(pool, { timeout = 0.001 })
    late(pool, { task = 2, timeout = 0.001 })
    eq(pool:next(), 0.1)
    eq(pool:next { task = 2 }, 0.1)
    pool:stop()
  end)

  claim("skip, unordered: the lowest item that is not out is given up", function()
    local pool = pool_with { worker_num = 4, ordered = false, skip = true }
    pool:add_task(sleeper, { 1.5, 0.6, 0.8, 0 })
    pool:start()
    eq(pool:next(), 0)
    late(pool, { timeout = 0.1 })
    eq(pool:next(), 0.6)
    eq(pool:next(), 0.8)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("skip, chain: an item given up at the end is not seen", function()
    local pool = pool_with { worker_num = 1, skip = true }
    pool:add_task(sleeper, { 0.5, 0.3, 0.4, 0.001 })
    pool:add_task(sleeper, pool)
    pool:start()
    late(pool, { task = 2, timeout = 0.5 })
    late(pool, { task = 2, timeout = 0.1 })
    eq(pool:next { task = 2 }, 0.4)
    eq(pool:next { task = 2 }, 0.001)
    eq(pool:next { task = 2 }, nil)
    pool:stop()
  end)

  claim("skip, unordered chain", function()
    local pool = pool_with { stride = 3, worker_num = 3, buffer = 3, ordered = false, skip = true }
    pool:add_task(sleeper, { 1.2, 0.6, 0.1 })
    pool:add_task(sleeper, pool)
    pool:start()
    eq(pool:next { task = 2 }, 0.1)
    late(pool, { task = 2, timeout = 0.2 })
    eq(pool:next { task = 2 }, 1.2)
    eq(pool:next { task = 2 }, nil)
    pool:stop()
  end)

  claim("more timeouts than items end the stream", function()
    local pool = pool_with { worker_num = 1, skip = true }
    pool:add_task(sleeper, { 0.4, 0.4 })
    pool:start()
    late(pool, { timeout = 0.05 })
    late(pool, { timeout = 0.05 })
    eq(pool:next { timeout = 20 }, nil)
    eq(pool:next { timeout = 0.05 }, nil)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("a timeout that finds nothing to skip gives up nothing later", function()
    local pool = pool_with { worker_num = 1, skip = true }
    pool:add_task(sleeper, { 0.01, 0.01, 0.01 })
    pool:start()
    eq(pool:next { timeout = 20 }, 0.01)
    eq(pool:next { timeout = 20 }, 0.01)
    eq(pool:next { timeout = 20 }, 0.01)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("a skipped item frees its place in the buffer", function()
    local pool = pool_with { worker_num = 2, stride = 1, buffer = 1, skip = true }
    pool:add_task(sleeper, { 1.2, 0, 0.01, 0.02 })
    pool:start()
    late(pool, { timeout = 0.1 })
    eq(pool:next { timeout = 0.9 * UNIT }, 0)
    eq(pool:next(), 0.01)
    eq(pool:next(), 0.02)
    eq(pool:next(), nil)
    pool:stop()
  end)

  claim("a timeout does not stop the computation", function()
    local note, notes = T.notes()
    local pool = pool_with { worker_num = 1, skip = true }
    local task = pool:add_task(function(x)
      papy.sleep(x)
      note(x)
      return x
    end, { 0.3, 0 })
    pool:start()
    late(task, 0.02)
    eq(task:next(), 0)
    eq(#notes(), 2)
  end)

  claim("errors are not timeouts, and a timeout leaves the error in its place", function()
    local pool = pool_with { worker_num = 1 }
    local task = pool:add_task(function(x)
      papy.sleep(0.3)
      error("bad " .. x)
    end, { 1 })
    pool:start()
    late(task, 0.02)
    raises("bad 1", task.next, task)
    eq(task:next(), nil)
  end)
end)

T.finish()
