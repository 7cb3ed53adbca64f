-- Workers are killed at random moments, from outside, while thousands of items pass: every item comes out exactly once,
-- as its value or as the error that its worker died, and in order.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lua/?.lua;" .. package.path
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local ITEMS = 2000

-- Kills one of the workers noted last in the file, again and again, until the returned function is called
-- (or the temporary files are removed). It kills children of this program only.
local function killer(pids, pause)
  local going = T.temp()
  local script = T.temp(([[
while [ -e %s ]; do
  victim=$(tail -n 6 %s | shuf -n 1)
  grep -q "^PPid:.%d$" "/proc/$victim/status" 2>/dev/null && kill -9 "$victim"
  sleep %s
done
]]):format(going, pids, T.pid(), pause))
  os.execute("sh " .. script .. " >/dev/null 2>&1 &")
  return function() os.remove(going) end
end

-- each worker notes its process id once, with its first item
local function known(path)
  local mine
  return function()
    if mine then return end
    mine = T.pid()
    local f = assert(io.open(path, "a"))
    f:write(mine, "\n")
    f:close()
  end
end

-- ITEMS items under fire; how many died
local function under_fire(options, task_options, work)
  local pids = T.temp()
  local note = known(pids)
  local pool = papy.NuMap(options)
  local task = pool:add_task(function(x)
    note()
    return work(x)
  end, (T.counter(ITEMS)), task_options)
  pool:start()
  local cease = killer(pids, "0.004")
  local seen, last, deaths, values = {}, 0, 0, 0
  while true do
    local good, v = pcall(task.next, task, { timeout = 30 * T.slow })
    if good and v == nil then break end
    if good then
      values = values + 1
      ok(not seen[v[1]], "twice", v[1])
      seen[v[1]] = true
      eq(v[2], ("x"):rep(v[1] % 5000))
      if options.ordered ~= false then ok(v[1] > last, "order", last, v[1]) end
      last = v[1]
    else
      if v.kind ~= "died" then
        cease()
        error(v)
      end
      deaths = deaths + 1
      ok(v.index and not seen[v.index], "twice", v.index)
      seen[v.index] = true
      if options.ordered ~= false then eq(v.index, last + 1) end
      last = v.index
    end
  end
  cease()
  eq(values + deaths, ITEMS)
  eq(#seen, ITEMS)
  print(("# %d deaths"):format(pool:stats().deaths))
  pool:stop()
  return deaths
end

-- some work that takes long enough to be killed in it
local function work(x)
  local n = 0
  for i = 1, 200000 do n = n + i end
  return { x, ("x"):rep(x % 5000), n }
end

claim("ordered, one by one", function()
  local deaths = under_fire({ worker_num = 2, stride = 8 }, {}, work)
  ok(deaths > 0, "nobody died")
end)

claim("unordered", function()
  under_fire({ worker_num = 3, stride = 12, ordered = false }, {}, work)
end)

claim("in batches", function()
  under_fire({ worker_num = 2, stride = 64, batch = "auto" }, {}, work)
end)

claim("with retries nearly everything comes as a value", function()
  local deaths = under_fire({ worker_num = 2, stride = 8 }, { retries = 50 }, work)
  eq(deaths, 0)
end)

claim("a chain under fire", function()
  local pids = T.temp()
  local note = known(pids)
  local pool = papy.NuMap { worker_num = 2, stride = 4 }
  local out = pool:add_task(function(x)
    note()
    return work(x)[1]
  end, (T.counter(600)))
  for _ = 1, 2 do
    out = pool:add_task(function(x)
      note()
      return work(x)[1]
    end, out)
  end
  pool:start()
  local cease = killer(pids, "0.03")
  local n = 0
  for i = 1, 600 do
    local good, v = pcall(out.next, out, { timeout = 30 * T.slow })
    n = n + 1
    if good then
      eq(v, i)
    elseif v.kind ~= "died" then
      cease()
      error(v)
    end
  end
  cease()
  eq(out:next(), nil)
  eq(n, 600)
  pool:stop()
end)

claim("stop under fire ends", function()
  for _ = 1, 5 do
    local pids = T.temp()
    local note = known(pids)
    local pool = papy.NuMap { worker_num = 3, stride = 6 }
    local a = pool:add_task(function(x)
      note()
      return work(x)[1]
    end, (T.counter()))
    local b = pool:add_task(function(x) return work(x)[1] end, a)
    pool:start()
    local cease = killer(pids, "0.01")
    for _ = 1, 50 do pcall(b.next, b) end
    local t0 = papy.now()
    pool:stop()
    cease()
    ok(papy.now() - t0 < 10 * T.slow, "seconds", papy.now() - t0)
  end
end)

T.finish()
