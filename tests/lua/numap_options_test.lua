-- The constructor: defaults, options that can be read back, options that are refused.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

claim("an empty constructor has the documented defaults", function()
  local pool = papy.NuMap()
  eq(pool.worker_type, "process")
  eq(pool.worker_num, papy.cpus())
  eq(pool.stride, papy.cpus())
  eq(pool.ordered, true)
  eq(pool.skip, false)
  eq(pool.buffer, nil)
  ok(pool.name:find "^numap_", pool.name)
end)

claim("an empty table of options is the same as none", function()
  local pool = papy.NuMap {}
  eq(pool.worker_num, papy.cpus())
  eq(pool.skip, false)
end)

claim("worker_num is the stride if only that is given", function()
  local pool = papy.NuMap { stride = 5 }
  eq({ pool.worker_num, pool.stride }, { 5, 5 })
end)

claim("stride is worker_num if only that is given", function()
  local pool = papy.NuMap { worker_num = 3 }
  eq({ pool.worker_num, pool.stride }, { 3, 3 })
end)

claim("both given are both kept", function()
  local pool = papy.NuMap { worker_num = 3, stride = 1 }
  eq({ pool.worker_num, pool.stride }, { 3, 1 })
end)

claim("every option can be read back", function()
  local options = {
    worker_type = "process", worker_num = 2, stride = 3, buffer = 9, ordered = false, skip = true, name = "reads",
    transport = "pipe", batch = 4,
  }
  local pool = papy.NuMap(options)
  for option, value in pairs(options) do eq(pool[option], value, option) end
  eq(papy.NuMap { worker_type = "thread" }.worker_type, "thread")
  eq(papy.NuMap { batch = "auto" }.batch, "auto")
end)

claim("the transport comes from the environment if it is not given", function()
  eq(papy.NuMap().transport, os.getenv "PAPY_TRANSPORT" or "shm")
  eq(papy.NuMap { transport = "shm" }.transport, "shm")
end)

claim("names of pools differ", function()
  ok(papy.NuMap().name ~= papy.NuMap().name, "two pools of one name")
end)

claim("tostring says that it is a NuMap", function()
  ok(tostring(papy.NuMap()):find "NuMap", tostring(papy.NuMap()))
end)

claim("IMap is the same constructor", function()
  eq(papy.IMap, papy.NuMap)
end)

claim("an unknown option is refused and the nearest named", function()
  local e = tostring(raises("worker_nun", papy.NuMap, { worker_nun = 2 }))
  ok(e:find "worker_num", e)
  e = tostring(raises("bufer", papy.NuMap, { bufer = 2 }))
  ok(e:find "buffer", e)
  e = tostring(raises("strides", papy.NuMap, { strides = 2 }))
  ok(e:find "stride", e)
end)

claim("the error of a misused call is at the caller's line", function()
  local e = raises("worker_nun", function() papy.NuMap { worker_nun = 2 } end)
  ok(tostring(e):find "numap_options_test%.lua:%d+", tostring(e))
end)

claim("options of a wrong type or value are refused by name", function()
  local wrong = {
    worker_num = { 0, -1, 1.5, "two", {}, true },
    stride = { 0, -3, 0.5, "x", {} },
    buffer = { 0, -1, 2.5, "much", {} },
    worker_type = { "fork", 1, {} },
    transport = { "tcp", 1, true },
    batch = { 0, -1, 1.5, "big", {} },
    ordered = { "yes", 1 },
    skip = { "no", 0 },
    name = { 5, {} },
  }
  for option, values in pairs(wrong) do
    for _, v in ipairs(values) do
      local good, e = pcall(papy.NuMap, { [option] = v })
      ok(not good, option, "=", v, "is accepted")
      ok(tostring(e):find(option, 1, true), "the message for", option, "=", v, "is", tostring(e))
    end
  end
end)

claim("an option of add_task is checked as well", function()
  local pool = papy.NuMap()
  local e = tostring(raises("timeot", pool.add_task, pool, same, {}, { timeot = 1 }))
  ok(e:find "timeout", e)
  raises("timeout", pool.add_task, pool, same, {}, { timeout = "soon" })
  raises("timeout", pool.add_task, pool, same, {}, { timeout = -1 })
  raises("task_timeout", pool.add_task, pool, same, {}, { task_timeout = {} })
  raises("retries", pool.add_task, pool, same, {}, { retries = -1 })
  raises("args", pool.add_task, pool, same, {}, { args = 7 })
end)

claim("an option of next is checked as well", function()
  local pool = papy.NuMap(same, { 1 })
  local e = tostring(raises("tsk", pool.next, pool, { tsk = 1 }))
  ok(e:find "task", e)
  eq(pool:next(), 1)
end)

claim("a missing function is refused", function()
  raises("function", papy.NuMap, nil, { 1 })
  local pool = papy.NuMap()
  raises("function", pool.add_task, pool, nil, { 1 })
  raises("function", pool.add_task, pool, 5, { 1 })
end)

claim("a missing input is refused", function()
  raises("input", papy.NuMap, same)
  local pool = papy.NuMap()
  raises("input", pool.add_task, pool, same)
  raises("input", pool.add_task, pool, same, 42)
  raises("input", pool.add_task, pool, same, "text")
end)

claim("next on a pool that has not started is refused", function()
  local pool = papy.NuMap()
  local task = pool:add_task(same, { 1 })
  raises("start", pool.next, pool)
  raises("start", task.next, task)
end)

T.each_type(function(worker_type)
  claim("one shot runs at once and iterates its only task", function()
    local pool = papy.NuMap(function(x) return x * x end, { 1, 2, 3 }, { worker_type = worker_type })
    eq(T.values(pool), { 1, 4, 9 })
    eq(pool:next(), nil)
  end)

  claim("one shot with an empty table ends at once", function()
    local pool = papy.NuMap(same, {}, { worker_type = worker_type })
    eq(pool:next(), nil)
    eq(pool:next(), nil)
  end)

  claim("one shot with an empty iterator ends at once", function()
    local pool = papy.NuMap(same, function() return nil end, { worker_type = worker_type })
    eq(pool:next(), nil)
  end)

  claim("one shot takes options of pool and task in one table", function()
    local pool = papy.NuMap(function(x, y) return x + y end, { 1, 2 },
      { worker_type = worker_type, stride = 1, worker_num = 2, args = { 10 }, track = true, timeout = 30 })
    eq(T.values(pool), { 11, 12 })
    eq(pool.stride, 1)
    eq(pool:get_task(1).tracked, { 11, 12 })
  end)

  claim("many combinations of workers, stride and length work", function()
    for _, workers in ipairs { 1, 2, 5 } do
      for _, stride in ipairs { 1, 2, 7 } do
        for _, length in ipairs { 0, 1, 2, 9, 30 } do
          local input = T.range(1, length)
          local pool = papy.NuMap { worker_type = worker_type, worker_num = workers, stride = stride }
          pool:add_task(same, input)
          pool:start()
          eq(T.values(pool), input)
          pool:stop()
        end
      end
    end
  end)
end)

claim("a limit beyond counting is none, a stride or buffer beyond it is refused", function()
  eq(papy.NuMap(function(x) papy.sleep(0.01) return x end, { 1 }, { task_timeout = math.huge, worker_num = 1 })(), 1)
  raises("option", papy.NuMap, { buffer = math.maxinteger })
  raises("option", papy.NuMap, { buffer = (1 << 31) - 1 })
  raises("option", papy.NuMap, { stride = (1 << 31) - 1 })
end)

claim("a pool given as input counts for the least buffer as its first task does", function()
  local pool = papy.NuMap { worker_num = 1, stride = 3, buffer = 1 }
  pool:add_task(function(x) return x end, { 1, 2, 3 })
  pool:add_task(function(x) return x end, pool)
  raises("too small", pool.start, pool)
end)

claim("a method called with a dot says so", function()
  local pool = papy.NuMap()
  local task = pool:add_task(print, {})
  for _, call in ipairs { pool.next, pool.stats, pool.stop, pool.start, pool.get_task, task.next, task.collect } do
    raises("colon", call)
    raises("colon", call, 5)
  end
end)

T.finish()
