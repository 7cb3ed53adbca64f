-- ordered = false: results come as they are finished.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local function sleeper(seconds)
  papy.sleep(seconds)
  return seconds
end

local function sorted(list)
  table.sort(list)
  return list
end

T.each_type(function(worker_type)
  claim("ordered results wait for the slow one before them", function()
    local pool = papy.NuMap(sleeper, { 0.4, 0, 0.01, 0.02 }, { worker_type = worker_type, worker_num = 2, buffer = 4 })
    eq(T.values(pool), { 0.4, 0, 0.01, 0.02 })
  end)

  claim("unordered results overtake the slow one", function()
    local pool = papy.NuMap(sleeper, { 0.6, 0, 0.01, 0.02 },
      { worker_type = worker_type, worker_num = 2, buffer = 4, ordered = false })
    eq(T.values(pool), { 0, 0.01, 0.02, 0.6 })
  end)

  claim("with a stride of one, or one worker, unordered is in order", function()
    for _, options in ipairs { { worker_num = 1, stride = 3 }, { worker_num = 3, stride = 1 } } do
      options.worker_type, options.ordered = worker_type, false
      local pool = papy.NuMap(sleeper, { 0.1, 0.05, 0 }, options)
      eq(T.values(pool), { 0.1, 0.05, 0 })
    end
  end)

  claim("unordered: every item once, whatever the order", function()
    local pool = papy.NuMap(function(x) return x end, T.range(1, 2000),
      { worker_type = worker_type, worker_num = 3, stride = 7, ordered = false })
    eq(sorted(T.values(pool)), T.range(1, 2000))
    eq(pool:next(), nil)
  end)

  claim("unordered holds for every task by itself", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 3, stride = 3, ordered = false }
    local a = pool:add_task(sleeper, { 0.5, 0.01, 0 })
    local b = pool:add_task(function(x) return x end, { 1, 2, 3 })
    pool:start()
    local got = a:collect()
    eq(got[3], 0.5)
    eq(sorted(b:collect()), { 1, 2, 3 })
  end)

  claim("unordered chains deliver everything", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 3, stride = 3, buffer = 3, ordered = false }
    local out = pool:add_task(function(x) return x + 1 end, T.range(1, 50))
    for _ = 1, 3 do out = pool:add_task(function(x) return x + 1 end, out) end
    pool:start()
    eq(sorted(out:collect()), T.range(5, 54))
  end)

  claim("an unordered error comes when its item is finished", function()
    local pool = papy.NuMap(function(x)
      if x == 1 then
        papy.sleep(0.5)
        error "slow"
      end
      return x
    end, { 1, 2, 3 }, { worker_type = worker_type, worker_num = 2, buffer = 3, ordered = false })
    eq(T.drain(pool), { 2, 3, { error = "function" } })
  end)
end)

claim("the buffer holds for unordered pools, too", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_num = 2, stride = 2, buffer = 3, ordered = false }
  local task = pool:add_task(note, (T.counter()))
  pool:start()
  T.wait_until(function() return #notes() >= 3 end)
  papy.sleep(0.1)
  eq(#notes(), 3)
  ok(task:next() <= 3, "one of the first three")
  pool:stop()
end)

T.finish()
