-- However a program ends, it ends at once and leaves no process behind. Every claim runs a papy of its own.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- A script whose workers write their process ids to a file, and work for a minute. `rest` is what it does then.
local function script(pids, rest, options)
  return ([[
local function pid()
  local f = assert(io.open("/proc/self/stat"))
  local n = f:read "n"
  f:close()
  return n
end
local function note(path)
  local f = assert(io.open(path, "a"))
  f:write(pid(), "\n")
  f:close()
end
local pool = papy.NuMap { worker_num = 2, stride = 2, buffer = 8 %s }
local task = pool:add_task(function(x)
  note %q
  papy.sleep(x > 2 and 60 or 0)
  return x
end, { 1, 2, 3, 4, 5, 6, 7, 8 })
pool:start()
-- both workers are at work
local function both()
  local seen, n = {}, 0
  for line in io.lines %q do
    if not seen[line] then n = n + 1 end
    seen[line] = true
  end
  return n == 2
end
local deadline = papy.now() + 20
while not both() and papy.now() < deadline do papy.sleep(0.02) end
%s
]]):format(options or "", pids, pids, rest)
end

-- run it; what it printed, its status; its workers are gone and it took seconds, not the minute
local function ended(rest, before, options)
  local pids = T.temp()
  local text, status, seconds = T.run(script(pids, rest, options), before)
  ok(seconds < 15 * T.slow, "seconds", seconds, text)
  local n = 0
  for pid in io.lines(pids) do
    n = n + 1
    -- those whose parent was killed may need a moment
    ok(T.wait_until(function() return not T.alive(tonumber(pid)) end, 5), "worker left behind", pid, text)
  end
  ok(n >= 2, "no workers:", text)
  return text, status
end

claim("the script ends with results nobody took", function()
  local text, status = ended [[assert(task:next() == 1)]]
  eq(text, "")
  eq(status, 0)
end)

claim("the script ends right after start", function()
  local _, status = ended ""
  eq(status, 0)
end)

claim("an uncaught error", function()
  local text, status = ended [[error "on purpose"]]
  eq(status, 1)
  ok(text:find "on purpose", text)
  ok(text:find "traceback", text)
end)

claim("the uncaught error of an item names the user's file", function()
  local text, status, seconds = T.run [[
local pool = papy.NuMap(function(x) error("item " .. x) end, { 1, 2, 3 })
print(pool:next())
]]
  eq(status, 1)
  ok(text:find ":1: item 1", text)
  ok(seconds < 15 * T.slow, "seconds", seconds)
end)

claim("os.exit with a status", function()
  local _, status = ended "os.exit(7)"
  eq(status, 7)
end)

claim("os.exit closing the state", function()
  local _, status = ended "os.exit(5, true)"
  eq(status, 5)
end)

claim("os.exit inside a function called by the pool's input", function()
  local _, status = ended [[
local other = papy.NuMap { worker_num = 1 }
other:add_task(function(x) return x end, function() os.exit(9) end)
other:start()
other:next()]]
  eq(status, 9)
end)

claim("SIGINT to the whole group, as Ctrl-C does, while it waits", function()
  local _, status = ended("task:collect()", "timeout --preserve-status -k 20 -s INT 1.5")
  ok(status ~= 0, "status", status)
end)

claim("SIGINT to the host alone", function()
  ended("task:collect()", "timeout --foreground -k 20 -s INT 1.5")
end)

claim("SIGINT while Lua computes", function()
  ended("while true do end", "timeout --foreground -k 20 -s INT 1.5")
end)

claim("SIGTERM while it waits", function()
  ended("task:collect()", "timeout --foreground -k 20 -s TERM 1.5")
end)

claim("SIGTERM while Lua computes", function()
  ended("while true do end", "timeout --foreground -k 20 -s TERM 1.5")
end)

claim("SIGHUP, as when the terminal goes", function()
  ended("task:collect()", "timeout --foreground -k 20 -s HUP 1.5")
end)

claim("SIGKILL of the host", function()
  ended("task:collect()", "timeout --foreground -s KILL 1.5")
end)

claim("SIGKILL of the host while workers compute without looking", function()
  local pids = T.temp()
  local _, _, seconds = T.run(([[
local function busy(path)
  local f = assert(io.open "/proc/self/stat")
  local pid = f:read "n"
  f:close()
  f = assert(io.open(path, "a"))
  f:write(pid, "\n")
  f:close()
  while true do end
end
local pool = papy.NuMap { worker_num = 2 }
pool:add_task(function() busy %q end, { 1, 2 })
pool:start()
pool:next()
]]):format(pids), "timeout --foreground -s KILL 1.5")
  ok(seconds < 15 * T.slow, "seconds", seconds)
  local n = 0
  for pid in io.lines(pids) do
    n = n + 1
    ok(T.wait_until(function() return not T.alive(tonumber(pid)) end, 5), "worker left behind", pid)
  end
  eq(n, 2)
end)

claim("workers that compute without looking end with the script", function()
  local _, status, seconds = T.run [[
local pool = papy.NuMap { worker_num = 2 }
pool:add_task(function() while true do end end, { 1, 2 })
pool:start()
papy.sleep(0.2)
]]
  eq(status, 0)
  ok(seconds < 15 * T.slow, "seconds", seconds)
end)

claim("threads: the script ends with results nobody took", function()
  local text, status, seconds = T.run [[
local pool = papy.NuMap { worker_type = "thread", worker_num = 2 }
pool:add_task(function(x) papy.sleep(60) return x end, { 1, 2, 3 })
pool:start()
papy.sleep(0.2)
]]
  eq(status, 0)
  eq(text, "")
  ok(seconds < 15 * T.slow, "seconds", seconds)
end)

claim("threads: an uncaught error", function()
  local text, status, seconds = T.run [[
local pool = papy.NuMap { worker_type = "thread", worker_num = 2 }
pool:add_task(function() while true do end end, { 1, 2, 3 })
pool:start()
papy.sleep(0.2)
error "on purpose"
]]
  eq(status, 1)
  ok(text:find "on purpose", text)
  ok(seconds < 15 * T.slow, "seconds", seconds)
end)

claim("a pool that finished, and one forgotten", function()
  local text, status = T.run [[
for v in papy.NuMap(function(x) return x end, { 1, 2 }) do io.write(v, " ") end
papy.NuMap(function(x) return x end, { 1, 2 })
print "end"
]]
  eq(text, "1 2 end\n")
  eq(status, 0)
end)

claim("what the host printed before the fork is printed once", function()
  local text, status = T.run [[
io.write "before "
for v in papy.NuMap(function(x) return x end, { 1, 2 }, { worker_num = 2 }) do io.write(v, " ") end
print "after"
]]
  eq(text, "before 1 2 after\n")
  eq(status, 0)
end)

claim("what workers print arrives in whole lines", function()
  local text, status = T.run [[
local pool = papy.NuMap { worker_num = 2 }
local items = {}
for i = 1, 200 do items[i] = i end
pool:add_task(function(x)
  io.write("item ", x, " of ")
  print "many"
  return x
end, items)
pool:start()
for _ in pool do end
pool:stop()
]]
  eq(status, 0)
  local n = 0
  for line in text:gmatch "[^\n]+" do
    n = n + 1
    ok(line:find "^item %d+ of many$", line)
  end
  eq(n, 200)
end)

T.finish()
