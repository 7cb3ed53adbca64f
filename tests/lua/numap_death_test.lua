-- A worker that dies costs its item and nothing else. Processes only: a thread that dies takes the program with it.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end
-- ends the process that calls it
local function kill_me(signal) os.execute("kill -" .. signal .. " $PPID") end

local function task_of(f, input, options)
  local pool = papy.NuMap { worker_num = 2 }
  local task = pool:add_task(f, input, options)
  pool:start()
  return task, pool
end

-- item 2 dies of f: the others come, in order; the error
local function dying(f)
  local task = task_of(function(x)
    if x == 2 then f() end
    return x
  end, { 1, 2, 3, 4, 5 })
  eq(task:next(), 1)
  local e = raises("died", task.next, task)
  eq(e.kind, "died")
  eq(task:collect(), { 3, 4, 5 })
  eq(task:next(), nil)
  eq({ e.task, e.index }, { 1, 2 })
  ok(tostring(e.item):find "2", e.item)
  return tostring(e)
end

-- the text holds one of the words
local function says(text, ...)
  for _, word in ipairs { ... } do
    if text:find(word) then return end
  end
  error("message: " .. text, 2)
end

claim("killed by SIGKILL", function()
  says(dying(function() kill_me "KILL" end), "SIGKILL", "[Kk]illed")
end)

claim("killed by SIGSEGV", function()
  says(dying(function() kill_me "SEGV" end), "SIGSEGV", "[Ss]egmentation")
end)

claim("killed by SIGTERM", function()
  says(dying(function() kill_me "TERM" end), "SIGTERM", "[Tt]erminated")
end)

claim("os.exit in the function, with its status", function()
  says(dying(function() os.exit(3) end), "exit.*3")
end)

claim("os.exit(0) in the function is a death, too", function()
  says(dying(function() os.exit(true, true) end), "exit.*0")
end)

claim("an item that dies in the middle of a chain", function()
  local pool = papy.NuMap { worker_num = 2, stride = 2, buffer = 2 }
  local a = pool:add_task(same, T.range(1, 8))
  local b = pool:add_task(function(x)
    if x == 3 then kill_me "KILL" end
    return x
  end, a)
  local c = pool:add_task(same, b)
  pool:start()
  eq(T.drain(c), { 1, 2, { error = "died" }, 4, 5, 6, 7, 8 })
end)

claim("many deaths: every item comes once, in its place", function()
  local task = task_of(function(x)
    if x % 3 == 0 then os.exit(1) end
    return x
  end, T.range(1, 60))
  for i = 1, 60 do
    if i % 3 == 0 then
      local e = raises("died", task.next, task)
      eq(e.index, i)
    else
      eq(task:next(), i)
    end
  end
  eq(task:next(), nil)
end)

claim("every item dies", function()
  local task = task_of(function() os.exit(1) end, T.range(1, 20))
  local got = T.drain(task)
  eq(#got, 20)
  for i = 1, 20 do eq(got[i], { error = "died" }) end
end)

claim("deaths while unordered", function()
  local pool = papy.NuMap(function(x)
    if x % 5 == 0 then os.exit(1) end
    return x
  end, T.range(1, 50), { worker_num = 3, stride = 6, ordered = false })
  local values, deaths = 0, 0
  for _, v in ipairs(T.drain(pool)) do
    if type(v) == "table" then
      eq(v, { error = "died" })
      deaths = deaths + 1
    else
      values = values + v
    end
  end
  eq({ values, deaths }, { 50 * 51 // 2 - 5 * 55, 10 })
end)

claim("an endless loop ends with task_timeout", function()
  T.each_type(function(worker_type)
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local task = pool:add_task(function(x)
      while x == 2 do x = 2 end
      return x
    end, { 1, 2, 3, 4 }, { task_timeout = 0.3 })
    pool:start()
    eq(task:next(), 1)
    local e = raises("timeout", task.next, task)
    eq({ e.kind, e.task, e.index }, { "timeout", 1, 2 })
    eq(task:collect(), { 3, 4 })
    pool:stop()
  end)
end)

claim("a tasklet over its limit is found whenever it was claimed, and nothing it says then counts", function()
  T.each_type(function(worker_type)
    for _ = 1, 20 do
      local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
      local task = pool:add_task(function(x)
        while x == 2 do x = 2 end
        return x
      end, { 1, 2, 3 }, { task_timeout = 0.05 * T.slow })
      pool:start()
      eq(T.drain(task), { 1, { error = "timeout" }, 3 })
      pool:stop()
    end
  end)
end)

claim("a long sleep ends with task_timeout", function()
  local task = task_of(function(x)
    if x == 1 then papy.sleep(60) end
    return x
  end, { 1, 2 }, { task_timeout = 0.3 })
  local t0 = papy.now()
  raises("timeout", task.next, task)
  ok(papy.now() - t0 < 10 * T.slow, "seconds", papy.now() - t0)
  eq(task:next(), 2)
end)

claim("quick items are not touched by a task_timeout", function()
  local task = task_of(same, T.range(1, 500), { task_timeout = 20 })
  eq(task:collect(), T.range(1, 500))
end)

claim("waiting for a worker does not count for task_timeout", function()
  local pool = papy.NuMap { worker_num = 1, stride = 6 }
  local task = pool:add_task(function(x)
    papy.sleep(0.2)
    return x
  end, T.range(1, 6), { task_timeout = 0.9 * T.slow })
  pool:start()
  eq(task:collect(), T.range(1, 6))
end)

claim("a timeout of the waiting is not a timeout of the item", function()
  local task = task_of(function(x)
    papy.sleep(30)
    return x
  end, { 1 }, { task_timeout = 0.6 })
  local e = raises("timeout", task.next, task, { timeout = 0.05 })
  eq(e.index, nil)
  e = raises("timeout", task.next, task)
  eq(e.index, 1)
  eq(task:next(), nil)
end)

claim("retries start the item again in another worker", function()
  local note, notes = T.notes()
  local task = task_of(function(x)
    if x == 2 then
      note(x)
      if #notes() < 3 then os.exit(1) end
    end
    return x * 10
  end, { 1, 2, 3 }, { retries = 2 })
  eq(task:collect(), { 10, 20, 30 })
  eq(#notes(), 3)
end)

claim("retries after deaths run out", function()
  local note, notes = T.notes()
  local task = task_of(function(x)
    if x == 2 then
      note(x)
      kill_me "KILL"
    end
    return x
  end, { 1, 2, 3 }, { retries = 1 })
  eq(T.drain(task), { 1, { error = "died" }, 3 })
  eq(#notes(), 2)
end)

claim("retries after a task_timeout", function()
  local note, notes = T.notes()
  local task = task_of(function(x)
    note(x)
    if #notes() == 1 then papy.sleep(60) end
    return x
  end, { 1 }, { retries = 1, task_timeout = 0.4 })
  eq(task:collect(), { 1 })
  eq(#notes(), 2)
end)

claim("a worker that dies while it has nothing to do costs nothing", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_num = 1, stride = 1, buffer = 1 }
  local task = pool:add_task(function(x)
    note(T.pid())
    return x
  end, T.range(1, 5))
  pool:start()
  eq(task:next(), 1)
  T.wait_until(function() return #notes() == 2 end)
  papy.sleep(0.2)
  os.execute("kill -9 " .. notes()[2])
  T.wait_until(function() return not T.alive(tonumber(notes()[2])) end)
  papy.sleep(0.1)
  eq(task:collect(), { 2, 3, 4, 5 })
  ok(notes()[3] ~= notes()[2], "the same worker?", notes())
end)

claim("workers that died before the host looked again are replaced", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_num = 2, stride = 2 }
  local task = pool:add_task(function(x)
    note(T.pid())
    papy.sleep(0.05)
    return x
  end, T.range(1, 12))
  pool:start()
  eq(task:next(), 1)
  T.wait_until(function() return #notes() >= 2 end)
  for _, pid in ipairs(notes()) do os.execute("kill -9 " .. pid .. " 2>/dev/null") end
  local got = T.drain(task)
  eq(#got, 11)
  for i, v in ipairs(got) do ok(v == i + 1 or type(v) == "table" and v.error == "died", i, v) end
  eq(got[11], 12)
end)

claim("a death in one task leaves the tasks beside it alone", function()
  local pool = papy.NuMap { worker_num = 2, stride = 2 }
  local a = pool:add_task(function() os.exit(1) end, T.range(1, 6))
  local b = pool:add_task(same, T.range(1, 6))
  pool:start()
  for i = 1, 6 do
    raises("died", a.next, a)
    eq(b:next(), i)
  end
  eq(a:next(), nil)
  eq(b:next(), nil)
end)

claim("results finished before the death are kept", function()
  local pool = papy.NuMap { worker_num = 1, stride = 4, buffer = 4 }
  local task = pool:add_task(function(x)
    if x == 4 then os.exit(1) end
    return ("x"):rep(x * 1000)
  end, { 1, 2, 3, 4 })
  pool:start()
  papy.sleep(0.4)
  for i = 1, 3 do eq(#task:next(), i * 1000) end
  raises("died", task.next, task)
  eq(task:next(), nil)
end)

T.finish()
