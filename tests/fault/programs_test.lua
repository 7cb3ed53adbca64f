-- Programs that a worker runs (os.execute, io.popen) end with it, however it ends; one that made a session of its own does not.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lua/?.lua;" .. package.path
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

-- the process ids a file has, once there are n
local function pids_in(path, n)
  local pids = {}
  ok(T.wait_until(function()
    pids = {}
    for line in io.lines(path) do pids[#pids + 1] = tonumber(line) end
    return #pids >= n
  end, 20), "programs that started:", #pids)
  return pids
end

local function all_gone(pids, what)
  for _, pid in ipairs(pids) do
    ok(T.wait_until(function() return not T.alive(pid) end, 5), "left behind:", pid, what or "")
  end
end

-- a command that notes its process id, and that of a child in its background, and takes a minute
local function long(path)
  return ("sh -c 'sleep 60 & echo $! >> %s; echo $$ >> %s; wait'"):format(path, path)
end

-- a script whose two workers run such commands; `rest` is what it does when they are under way
local function script(path, rest, before)
  return ([[
%s
local function run(x)
  if x == 1 then os.execute(%q) else io.popen(%q):read "a" end
end
local pool = papy.NuMap { worker_num = 2 }
local task = pool:add_task(run, { 1, 2 })
pool:start()
local n
repeat
  papy.sleep(0.01)
  n = 0
  for _ in io.lines(%q) do n = n + 1 end
until n == 4
%s
]]):format(before or "", long(path), long(path), path, rest)
end

local function ended(what, rest, before)
  claim(what .. " ends the programs of workers", function()
    local path = T.temp()
    local text, _, seconds = T.run(script(path, rest), before)
    all_gone(pids_in(path, 4), text)
    ok(seconds < 15 * T.slow, "seconds", seconds)
  end)
end

local self = [[local me = require "papy.core".sys.getpid() ]]
ended("the end of the script", "")
ended("an uncaught error", "error 'on purpose'")
ended("os.exit", "os.exit(3)")
ended("stop{force = true}", "pool:stop { force = true } io.write 'stopped'")
ended("stop with a timeout", "pool:stop { timeout = 0.1 }")
ended("SIGINT", self .. "os.execute('(sleep 0.1; kill -INT ' .. me .. ') &') papy.sleep(20)")
ended("SIGTERM", self .. "os.execute('kill -TERM ' .. me) papy.sleep(20)")
ended("SIGKILL of the host", self .. "os.execute('kill -KILL ' .. me) papy.sleep(20)")
ended("SIGKILL of the host while its workers are stopped", self .. [[
for _, w in ipairs(pool:stats().workers) do
  os.execute('kill -STOP -' .. w.pid)
  repeat until io.open('/proc/' .. w.pid .. '/stat'):read 'a':find '%) T ' -- a signal takes its time
end
os.execute('kill -KILL ' .. me)
papy.sleep(20)]])

claim("in the workers of workers, too", function()
  local path = T.temp()
  local text = T.run(([[
local outer = papy.NuMap(function() %s end, { 1 }, { worker_num = 1 })
papy.sleep(0.1)
local n
repeat
  papy.sleep(0.01)
  n = 0
  for _ in io.lines(%q) do n = n + 1 end
until n == 4
require "papy.core"
os.execute("kill -KILL " .. outer:stats().workers[1].pid)
print(pcall(outer))
]]):format(script(path, "papy.sleep(20)"), path))
  all_gone(pids_in(path, 4), text)
  ok(text:find "killed by signal 9", text)
end)

claim("task_timeout ends the programs of that tasklet, and no others", function()
  local slow, steady = T.temp(), T.temp()
  local pool = papy.NuMap { worker_num = 2, buffer = 4 }
  local a = pool:add_task(function() os.execute(long(slow)) end, { 1 }, { task_timeout = 1 })
  local b = pool:add_task(function() os.execute(long(steady)) end, { 1 })
  pool:start()
  local first, second = pids_in(slow, 2), pids_in(steady, 2)
  eq(raises("timeout", a).kind, "timeout")
  all_gone(first)
  for _, pid in ipairs(second) do ok(T.alive(pid), "ended with another worker's", pid) end
  raises("timeout", b.next, b, 0)
  pool:stop { force = true }
  all_gone(second)
end)

claim("a worker that is killed takes its programs with it", function()
  for _, signal in ipairs { "KILL", "SEGV", "TERM", "HUP" } do
    local path = T.temp()
    local pool = papy.NuMap(function() os.execute(long(path)) end, { 1 }, { worker_num = 1 })
    local programs = pids_in(path, 2)
    os.execute(("kill -%s %d"):format(signal, pool:stats().workers[1].pid))
    local e = raises("died", pool)
    ok(e.message:find "killed by signal", e.message)
    if signal == "HUP" then ok(e.message:find "Hangup", e.message) end
    all_gone(programs, signal)
    pool:stop()
  end
end)

claim("what a program was told is read before its worker leaves, what it left in the background is not waited for", function()
  local out, path = T.temp(), T.temp()
  local pool = papy.NuMap { worker_num = 1 }
  local task = pool:add_task(function()
    os.execute("sleep 60 & echo $! >> " .. path)
    local p = io.popen("sleep 0.2; cat > " .. out, "w")
    p:write(("x"):rep(1000))
    _G.kept = p -- as a program may: it is never closed
    return true
  end, { 1 })
  pool:start()
  eq(task(), true)
  local t0 = papy.now()
  pool:stop()
  ok(papy.now() - t0 < 1.5 * T.slow, "stop took", papy.now() - t0)
  eq(io.open(out):read "a", ("x"):rep(1000))
  all_gone(pids_in(path, 1))
end)

claim("a program with a session of its own is left alone", function()
  local path = T.temp()
  local pool = papy.NuMap { worker_num = 1 }
  local task = pool:add_task(function()
    os.execute(("setsid sh -c 'echo $$ >> %s; exec sleep 60' & sleep 60"):format(path))
  end, { 1 })
  pool:start()
  local daemon = pids_in(path, 1)[1]
  pool:stop { force = true }
  raises("closed", task)
  papy.sleep(0.1)
  local lives = T.alive(daemon)
  os.execute("kill " .. daemon)
  ok(lives, "ended with the pool")
end)

claim("a program of a worker that asks the terminal fails rather than stops", function()
  local pool = papy.NuMap(function()
    local f = io.open "/dev/tty"
    if not f then return "no terminal" end
    return f:read "l" or "nothing"
  end, { 1 }, { worker_num = 1, timeout = 20 })
  ok(({ ["no terminal"] = true, nothing = true })[pool()])
  pool:stop()
end)

T.finish()
