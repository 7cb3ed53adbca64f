-- track = true: what was delivered, by the place of its item in the input.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

T.each_type(function(worker_type)
  claim("tracked holds every delivered result at its item's index", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local task = pool:add_task(function(x) return x * 10 end, { 1, 2, 3 }, { track = true })
    pool:start()
    eq(task:next(), 10)
    eq(task.tracked, { 10 })
    eq(task:collect(), { 20, 30 })
    eq(task.tracked, { 10, 20, 30 })
  end)

  claim("the order of an unordered task can be restored from tracked", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2, buffer = 4, ordered = false }
    local task = pool:add_task(function(x)
      papy.sleep(x)
      return x
    end, { 0.5, 0, 0.01, 0.02 }, { track = true })
    pool:start()
    eq(task:collect(), { 0, 0.01, 0.02, 0.5 })
    eq(task.tracked, { 0.5, 0, 0.01, 0.02 })
  end)

  claim("errors are tracked in their place", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local task = pool:add_task(function(x)
      if x == 2 then error "two" end
      return x
    end, { 1, 2, 3 }, { track = true })
    pool:start()
    eq(#T.drain(task), 3)
    eq(task.tracked[1], 1)
    eq(task.tracked[2].kind, "function")
    eq(task.tracked[3], 3)
  end)

  claim("skipped items are not tracked", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 1, skip = true }
    local task = pool:add_task(function(x)
      papy.sleep(x)
      return x
    end, { 0.4, 0 }, { track = true })
    pool:start()
    raises("timeout", task.next, task, 0.02)
    eq(task:next(), 0)
    eq(task.tracked, { [2] = 0 })
  end)
end)

claim("false and null are tracked as they are", function()
  local pool = papy.NuMap()
  local task = pool:add_task(function(x) return x end, { false, papy.null }, { track = true })
  pool:start()
  task:collect()
  eq(task.tracked, { false, papy.null })
end)

claim("a task that does not track has nothing tracked", function()
  local pool = papy.NuMap()
  local task = pool:add_task(function(x) return x end, { 1, 2 })
  pool:start()
  task:collect()
  ok(task.tracked == nil or next(task.tracked) == nil, task.tracked)
end)

claim("every iterator of a task sees the same tracked results", function()
  local pool = papy.NuMap()
  local task = pool:add_task(function(x) return x end, { 1, 2 }, { track = true })
  pool:start()
  eq(pool:get_task(1):next(), 1)
  eq(pool:next(), 2)
  eq(task.tracked, { 1, 2 })
  eq(pool:get_task(1).tracked, { 1, 2 })
end)

T.finish()
