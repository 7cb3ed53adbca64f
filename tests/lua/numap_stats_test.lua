-- pool:stats(), and the small things: papy.sleep, papy.now, papy.cpus, papy.version.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

claim("stats is a fresh table that counts", function()
  local pool = papy.NuMap { worker_num = 2 }
  local task = pool:add_task(function(x)
    if x == 2 then error "two" end
    return x
  end, { 1, 2, 3 })
  pool:start()
  local before = pool:stats()
  eq(#T.drain(task), 3)
  local after = pool:stats()
  ok(before ~= after, "the same table twice")
  eq(after.submitted, 3)
  eq(after.failed, 1)
  eq(after.delivered, 3)
  pool:stop()
end)

for _, ordered in ipairs { true, false } do
  claim("done counts what is finished, taken or not, ordered = " .. tostring(ordered), function()
    local pool = papy.NuMap { worker_num = 2, buffer = 6, ordered = ordered }
    local task = pool:add_task(function(x) return x end, T.range(1, 6))
    pool:start()
    ok(T.wait_until(function() return pool:stats().done == 6 end), pool:stats())
    eq(pool:stats().delivered, 0)
    eq(pool:stats().tasks[1].done, 6)
    task:next()
    eq(pool:stats().done, 6)
    eq(#task:collect(), 5)
    eq(pool:stats().done, 6)
    pool:stop()
  end)
end

claim("stats of a pool that has not started, or is stopped, is no error", function()
  local pool = papy.NuMap()
  eq(type(pool:stats()), "table")
  pool:add_task(function(x) return x end, { 1 })
  pool:start()
  pool:stop()
  eq(type(pool:stats()), "table")
end)

claim("the numbers of a run are there after its end, until the next one", function()
  local pool = papy.NuMap { worker_num = 1 }
  eq(pool:stats().submitted, 0)
  eq(pool:stats().tasks, {})
  local task = pool:add_task(function(x) return x end, { 1, 2, 3 })
  pool:add_task(function(x) return x end, { 1 })
  pool:start()
  task:collect()
  pool:stop()
  local s = pool:stats()
  eq({ s.submitted, s.done, s.alive, s.in_flight, s.workers }, { 4, 4, 0, 0, {} })
  eq({ s.tasks[1].done, s.tasks[2].done, #s.tasks }, { 3, 1, 2 })
  pool:add_task(function(x) return x end, {})
  pool:start()
  eq(pool:stats().submitted, 0)
  eq(#pool:stats().tasks, 1)
  pool:stop()
end)

claim("now does not go back", function()
  local last = papy.now()
  eq(math.type(last), "float")
  for _ = 1, 1000 do
    local t = papy.now()
    ok(t >= last, t, last)
    last = t
  end
end)

claim("sleep sleeps at least that long", function()
  local t0 = papy.now()
  papy.sleep(0.1)
  ok(papy.now() - t0 >= 0.099, papy.now() - t0)
  papy.sleep(0)
end)

claim("sleep refuses what is no time", function()
  raises("number", papy.sleep, "long")
  raises("number", papy.sleep)
  raises("", papy.sleep, -1)
end)

claim("the pools work on while the host sleeps", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_num = 1, stride = 2 }
  local a = pool:add_task(function(x) return x end, { 1, 2 })
  local b = pool:add_task(note, a)
  pool:start()
  ok(T.wait_until(function() return #notes() == 2 end), notes())
  eq(b:collect(), { 1, 2 })
end)

claim("cpus is the number of usable processors", function()
  eq(math.type(papy.cpus()), "integer")
  ok(papy.cpus() >= 1 and papy.cpus() <= tonumber((T.read_all "nproc")), papy.cpus())
end)

claim("papy has a version and is the module papy", function()
  eq(type(papy.version), "string")
  eq(require "papy", papy)
end)

claim("an idle pool uses no processor time", function()
  local pool = papy.NuMap { worker_num = 8 }
  pool:add_task(function(x) return x end, { 1, 2 })
  pool:start()
  papy.sleep(0.3)
  -- clock ticks of the host and its children, all of them
  local function ticks()
    local sum = 0
    for pid in T.read_all("ls /proc"):gmatch "%d+" do
      local f = io.open("/proc/" .. pid .. "/stat")
      local text = f and f:read "a" or ""
      if f then f:close() end
      local parent, user, system = text:match "%) %a (%d+) %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ (%d+) (%d+)"
      if tonumber(pid) == T.pid() or tonumber(parent) == T.pid() then sum = sum + user + system end
    end
    return sum
  end
  local before = ticks()
  papy.sleep(2)
  local used = ticks() - before
  ok(used <= 10, "clock ticks in two idle seconds", used)
  pool:stop()
end)

T.finish()
