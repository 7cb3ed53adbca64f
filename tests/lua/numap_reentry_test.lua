-- User code that runs in a pull and does there what pulls are not made for: stops, starts anew, throws away and collects
-- pools, its own among them.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

local function collect()
  for _ = 1, 3 do collectgarbage() end
end

claim("an input may stop its pool and start it anew", function()
  local pool = papy.NuMap { worker_num = 1, buffer = 2 }
  local n = 0
  pool:add_task(same, function()
    n = n + 1
    if n == 2 then
      pool:stop { force = true }
      pool:add_task(function(x) return x * 10 end, { 1, 2, 3 })
      pool:start()
    end
    return n < 5 and n or nil
  end)
  pool:start()
  for _, expected in ipairs { 10, 20, 30 } do eq(pool:next(2), expected) end
  eq(pool:next(2), nil)
  eq(n, 2)
  pool:stop()
end)

claim("a next whose pool is started anew with fewer tasks meanwhile is refused", function()
  local pool = papy.NuMap { worker_num = 1 }
  pool:add_task(same, {})
  local second = pool:add_task(function(x) papy.sleep(0.2) return x end, { 1, 2, 3 })
  pool:start()
  local other = papy.NuMap { worker_num = 1, buffer = 1 }
  local slow = papy.NuMap(function(x) papy.sleep(0.1) return x end, { 1 })
  other:add_task(same, slow)
  other:add_task(same, function()
    pool:stop { force = true }
    pool:add_task(same, { 1 })
    pool:start()
  end)
  other:start()
  raises("closed", second)
  eq(pool:next(2), 1)
  pool:stop()
  other:stop()
end)

claim("an input may stop a pool that is being stopped", function()
  local pool = papy.NuMap { worker_num = 1 }
  pool:add_task(function(x) papy.sleep(0.2) return x end, { 1, 2, 3 })
  pool:start()
  local other = papy.NuMap { worker_num = 1, buffer = 1 }
  other:add_task(same, papy.NuMap(function(x) papy.sleep(0.1) return x end, { 1, 2, 3 }))
  local stopped = 0
  other:add_task(same, function()
    stopped = stopped + 1
    pool:stop()
  end)
  other:start()
  pool:stop()
  eq(stopped, 1)
  other:stop()
end)

claim("a running pool nobody holds any more may be collected in the middle of its own pull", function()
  local feeder = papy.NuMap { worker_num = 1, stride = 1, buffer = 4 }
  local results = feeder:add_task(function(x) papy.sleep(0.02) return x end, { 1, 2, 3, 4, 5 })
  feeder:start()
  local pulls = 0
  do
    local pool = papy.NuMap { worker_num = 1, stride = 1, buffer = 8 }
    pool:add_task(same, results)
    pool:add_task(same, function()
      pulls = pulls + 1
      collect()
      return { pulls }
    end)
    pool:start()
  end
  papy.sleep(0.3 * T.slow)
  ok(pulls > 0)
  feeder:stop { force = true }
end)

claim("an input may draw on pools that it throws away", function()
  local n = 0
  local pool = papy.NuMap { worker_num = 1, stride = 1, buffer = 6 }
  local task = pool:add_task(same, function()
    n = n + 1
    if n > 5 then return nil end
    local value = papy.NuMap(function(x) return x + n end, { 10 })()
    collect()
    return value
  end)
  pool:start()
  for expected = 11, 15 do eq(task(), expected) end
  eq(task(), nil)
end)

claim("a task whose pool was started anew without it has ended for its readers", function()
  local source = papy.NuMap { worker_num = 1 }
  source:add_task(same, { 1, 2, 3 })
  local second = source:add_task(same, { 4, 5, 6 })
  source:start()
  local reader = papy.NuMap { worker_num = 1 }
  local task = reader:add_task(same, second)
  reader:start()
  eq(task(), 4)
  source:stop { force = true }
  source:add_task(same, { 7 })
  source:start()
  repeat local value = task() until value == nil
  source:stop()
end)

claim("an input whose __index raises fails as an input does", function()
  local looks = 0
  local input = setmetatable({}, { __index = function(_, key)
    if key ~= "next" then return nil end
    looks = looks + 1
    if looks > 2 then error "boom" end
    return function() return looks end
  end })
  local pool = papy.NuMap(same, input, { worker_num = 1, buffer = 1 })
  eq(pool(), 2)
  raises("boom", pool)
  eq(pool(), nil)
end)

claim("a worker cannot read the tasks it inherited, and does them no harm", function()
  local source = papy.NuMap { worker_num = 1 }
  local task = source:add_task(function(x) return ("x"):rep(9000) .. x end, { 1, 2, 3, 4 }) -- out of line: shared blocks
  source:start()
  papy.sleep(0.1)
  local thief = papy.NuMap(function()
    return papy.NuMap(same, task, { worker_num = 1 })()
  end, { 1, 2 }, { worker_num = 1 })
  for _ = 1, 2 do raises("another process", thief) end
  for i = 1, 4 do eq(task():sub(-2), "x" .. i) end
  eq(task(), nil)
end)

claim("a pipeline that never rests does not keep a timeout from being kept", function()
  local n = 0
  local busy = papy.Plumber()
  local function first(inbox) return inbox[1] end
  busy:add_pipe { papy.Piper(papy.Worker(first)), papy.Piper(papy.Worker(first)) }
  busy:start { function() n = n + 1 return n end }
  busy:run()
  local slow = papy.NuMap(function(x) papy.sleep(2 * T.slow) return x end, { 1 }, { worker_num = 1 })
  local began = papy.now()
  raises("timeout", function() slow:next(0.1) end)
  raises("timeout", function() slow:next { block = false } end)
  slow:stop { timeout = 0.1 }
  ok(papy.now() - began < 1 * T.slow)
  ok(n > 0)
  busy:stop()
end)

-- items big enough to be collected among, with a collector that never rests; act runs in each n-th finalizer
local function among_finalizers(n, act)
  local made, runs, last = 0, 0, 0
  local pool = papy.NuMap { worker_num = 1, stride = 1, buffer = 50 }
  pool:add_task(same, function()
    made = made + 1
    if made > 300 then return nil end
    local item = { made }
    for k = 2, 40 do item[k] = { tostring(k) .. made } end
    return item
  end)
  local function litter()
    setmetatable({}, { __gc = function()
      runs = runs + 1
      if runs % n == 0 then act(pool) end
      if runs < 20000 then litter() end
    end })
  end
  pool:start()
  collectgarbage("incremental", 100, 10000, 0)
  litter()
  local good, why = pcall(function()
    for item in pool do
      eq(item[1], last + 1)
      last = last + 1
    end
  end)
  collectgarbage "generational"
  pool:stop { force = true }
  return good and last or why
end

claim("a finalizer may stop a pool in the middle of an item", function()
  for n = 20, 29 do
    local why = among_finalizers(n, function(pool) pool:stop { force = true } end)
    ok(why == 300 or tostring(why):find "pool '.*' is stopped", why)
  end
end)

claim("a finalizer cannot wait for a pool, nor start one", function()
  local refused, taken = 0, 0
  local last = among_finalizers(100, function(pool)
    for _, f in ipairs { pool, function() papy.NuMap(same, { 1 }) end, function() papy.sleep(0) end } do
      local good, why = pcall(f)
      if good then taken = taken + 1 elseif tostring(why):find "finalizer" then refused = refused + 1 end
    end
  end)
  eq(last, 300)
  eq(taken, 0)
  ok(refused > 0)
end)

T.finish()
