-- Thread workers: fresh Lua states in threads of the host; functions are shipped with their upvalues.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function map(f, input, options)
  options = options or {}
  options.worker_type, options.worker_num = "thread", options.worker_num or 2
  return T.values(papy.NuMap(f, input, options))
end

claim("the workers are threads of the host", function()
  eq(map(function() return require("support").pid() end, { 1, 2, 3 }), { T.pid(), T.pid(), T.pid() })
end)

claim("upvalues travel, tables and functions included", function()
  local config = { by = 3, f = function(x) return x + 1 end }
  config.self = config
  eq(map(function(x) return config.self.f(x) * config.by end, { 1, 2 }), { 6, 9 })
end)

claim("functions that share an upvalue share it in the worker", function()
  local n = 0
  local function bump() n = n + 1 end
  eq(map(function(x)
    bump()
    return n + x
  end, { 10, 20 }, { worker_num = 1 }), { 11, 22 })
  eq(n, 0)
end)

claim("workers have states of their own", function()
  local pool = papy.NuMap { worker_type = "thread", worker_num = 2, stride = 2 }
  local task = pool:add_task(function(x)
    COUNT = (COUNT or 0) + 1 -- luacheck: ignore
    papy.sleep(0.05)
    return { x, COUNT } -- luacheck: ignore
  end, T.range(1, 8))
  pool:start()
  local most = 0
  for _, pair in ipairs(task:collect()) do most = math.max(most, pair[2]) end
  ok(most >= 4 and most <= 8, "calls in one state", most)
  eq(rawget(_G, "COUNT"), nil)
end)

claim("an upvalue that cannot be sent is named with its path", function()
  local cfg = { out = io.stdout }
  local pool = papy.NuMap { worker_type = "thread", worker_num = 1 }
  local e = raises("cfg", function()
    pool:add_task(function(x) return cfg.out and x end, { 1 })
    pool:start()
  end)
  local text = tostring(e)
  ok(text:find "cfg%.out", text)
  ok(text:find "file", text)
  ok(text:find "numap_threads_test%.lua:%d+", text)
  pool:stop()
end)

claim("so is a coroutine deep inside", function()
  local deep = { list = { 1, { co = coroutine.create(print) } } }
  local pool = papy.NuMap { worker_type = "thread", worker_num = 1 }
  local e = raises("deep", function()
    pool:add_task(function(x) return deep and x end, { 1 })
    pool:start()
  end)
  ok(tostring(e):find("deep.list[2].co", 1, true), tostring(e))
  pool:stop()
end)

claim("a pool whose function could not be sent can be used again", function()
  local file = io.stdout
  local pool = papy.NuMap { worker_type = "thread", worker_num = 1 }
  raises("file", function()
    pool:add_task(function() return file end, { 1 })
    pool:start()
  end)
  pool:stop()
  pool:pop_task(true)
  pool:add_task(function(x) return x end, { 1, 2 })
  pool:start()
  eq(T.values(pool), { 1, 2 })
  pool:stop()
end)

claim("threads compute at the same time as the host waits", function()
  local note, notes = T.notes()
  local pool = papy.NuMap { worker_type = "thread", worker_num = 4 }
  local task = pool:add_task(function(x)
    note "+"
    papy.sleep(0.2)
    note "-"
    return x
  end, T.range(1, 4))
  pool:start()
  eq(task:collect(), T.range(1, 4))
  local marks = notes()
  eq({ marks[1], marks[2], marks[3], marks[4] }, { "+", "+", "+", "+" })
end)

claim("processes and threads feed each other", function()
  local processes = papy.NuMap { worker_num = 2 }
  local threads = papy.NuMap { worker_type = "thread", worker_num = 2 }
  local a = processes:add_task(function(x) return { x, ("x"):rep(x * 1000) } end, T.range(1, 10))
  local b = threads:add_task(function(t) return { t[1] + 1, t[2] } end, a)
  local c = processes:add_task(function(t) return t[1] * 1000000 + #t[2] end, b)
  processes:start()
  threads:start()
  for i = 1, 10 do eq(c:next(), (i + 1) * 1000000 + i * 1000) end
  eq(c:next(), nil)
end)

claim("many thread pools one after the other", function()
  for i = 1, 20 do eq(map(function(x) return x + i end, { 1, 2, 3 }), { 1 + i, 2 + i, 3 + i }) end
end)

claim("threads may come to life after the end of their pool", function()
  for _ = 1, 3 do
    local pool = papy.NuMap { worker_type = "thread", worker_num = 60 }
    pool:add_task(function(x) return x end, { 1, 2, 3 })
    pool:start()
    pool:stop { force = true }
    pool = nil -- luacheck: ignore (what matters is that it goes)
    for _ = 1, 3 do collectgarbage() end
  end
  papy.sleep(0.5) -- a sanitizer sees them read what is gone
  eq(papy.NuMap(function(x) return x end, { 1 }, { worker_type = "thread" })(), 1)
end)

T.finish()
