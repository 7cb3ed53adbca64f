-- Stopping, and starting again.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end
local CLOSED = { "closed", "stop", "start" }

T.each_type(function(worker_type)
  local function pool_with(options)
    options.worker_type = worker_type
    options.worker_num = options.worker_num or 2
    return papy.NuMap(options)
  end

  claim("stop of a pool that was never started, or is stopped, does nothing", function()
    local pool = pool_with {}
    pool:stop()
    pool:stop()
    pool:stop { force = true }
    pool:add_task(same, { 1 })
    pool:start()
    pool:stop()
    pool:stop()
  end)

  claim("next after stop is refused, for every task", function()
    local pool = pool_with {}
    local a = pool:add_task(same, { 1, 2, 3 })
    pool:add_task(same, { 1, 2, 3 })
    pool:start()
    eq(a:next(), 1)
    pool:stop()
    raises(CLOSED, pool.next, pool)
    raises(CLOSED, pool.next, pool, { task = 2 })
    raises(CLOSED, a.next, a)
    raises(CLOSED, T.values, pool)
  end)

  claim("next after stop is refused even if the stream had ended", function()
    local pool = papy.NuMap(same, { 1 }, { worker_type = worker_type })
    eq(pool:next(), 1)
    eq(pool:next(), nil)
    pool:stop()
    raises(CLOSED, pool.next, pool)
  end)

  claim("a task of an earlier run is not taken for the one that has its number now", function()
    local pool = pool_with {}
    local old = pool:add_task(same, { 1, 2 })
    pool:start()
    eq(old:next(), 1)
    pool:stop()
    local new = pool:add_task(same, { 10, 20 })
    raises("pool", function() papy.NuMap(same, old, { worker_type = worker_type }) end)
    pool:start()
    raises("earlier run", old)
    raises("earlier run", old.next, old)
    raises("earlier run", old.collect, old)
    raises("pool", function() papy.NuMap(same, papy.zip(old, new), { worker_type = worker_type }) end)
    eq(new:collect(), { 10, 20 })
    pool:stop()
  end)

  claim("a task that was taken out is not taken for the one that came instead", function()
    local pool = pool_with {}
    local out = pool:add_task(same, { 1 })
    pool:pop_task(1)
    local reader = papy.NuMap { worker_num = 1, worker_type = worker_type }
    reader:add_task(same, out)
    raises("no longer", reader.start, reader)
    local new = pool:add_task(same, { 2 })
    pool:start()
    raises("taken out", out)
    eq(new(), 2)
    eq(pool:get_task(1)(), nil)
    pool:stop()
  end)

  claim("a reader of a task whose pool runs anew with another one under its number has come to the end", function()
    local pool = pool_with {}
    local old = pool:add_task(same, { 1, 2, 3 })
    local reader = pool_with { worker_num = 1, buffer = 1, stride = 1 }
    local read = reader:add_task(same, old)
    pool:start()
    reader:start()
    eq(read(), 1)
    pool:stop { force = true }
    local new = pool:add_task(same, { 10, 20, 30 })
    pool:start()
    repeat
      local value = read()
      ok(value == nil or value < 10, value)
    until value == nil
    eq(new:collect(), { 10, 20, 30 })
    reader:stop()
    pool:stop()
  end)

  claim("stop right after start, after some results, after the end", function()
    for _, stride in ipairs { 1, 2, 7, 22 } do
      for _, taken in ipairs { 0, 1, 5, 600 } do
        local pool = pool_with { stride = stride }
        pool:add_task(same, T.range(1, 500))
        pool:start()
        for i = 1, taken do
          local expected = i <= 500 and i or nil
          eq(pool:next(), expected)
        end
        pool:stop()
        raises(CLOSED, pool.next, pool)
      end
    end
  end)

  claim("a stopped pool takes new tasks and starts again", function()
    local pool = pool_with {}
    for round = 1, 5 do
      local task = pool:add_task(function(x) return x * round end, { 1, 2, 3, 4, 5 })
      pool:start()
      eq(task:next(), round)
      if round % 2 == 0 then eq(task:collect(), { 2 * round, 3 * round, 4 * round, 5 * round }) end
      pool:stop()
    end
  end)

  claim("a stopped pool forgets its tasks", function()
    local pool = pool_with {}
    pool:add_task(same, { 1 })
    pool:add_task(same, { 2 })
    pool:start()
    pool:stop()
    pool:add_task(same, { 3 })
    pool:start()
    eq(pool:next(), 3)
    raises("2", pool.next, pool, { task = 2 })
    pool:stop()
  end)

  claim("after the end of all input, stop is still needed before new tasks", function()
    local pool = pool_with {}
    pool:add_task(same, { 1 })
    pool:start()
    eq(T.values(pool), { 1 })
    raises({ "start", "stop", "running" }, pool.add_task, pool, same, { 2 })
    pool:stop()
    pool:add_task(same, { 2 })
    pool:start()
    eq(T.values(pool), { 2 })
  end)

  claim("stop ends with endless independent inputs", function()
    local pool = pool_with { stride = 3 }
    local ones, read_ones = T.counter()
    local twos, read_twos = T.counter()
    local a = pool:add_task(same, ones)
    pool:add_task(same, twos)
    pool:start()
    eq(a:next(), 1)
    local t0 = papy.now()
    pool:stop()
    ok(papy.now() - t0 < 10 * T.slow, "seconds", papy.now() - t0)
    ok(read_ones() <= 1 + 6 + 1 and read_twos() <= 1 + 6 + 1, "consumed", read_ones(), read_twos())
  end)

  claim("stop: every consumed item has passed its whole chain", function()
    for _, stride in ipairs { 1, 2, 4 } do
      local note_first, firsts = T.notes()
      local note_last, lasts = T.notes()
      local pool = pool_with { stride = stride }
      local input, consumed = T.counter()
      local a = pool:add_task(function(x)
        note_first(x)
        return x
      end, input)
      local b = pool:add_task(same, a)
      local c = pool:add_task(function(x)
        note_last(x)
        return x
      end, b)
      pool:start()
      for i = 1, 3 do eq(c:next(), i) end
      pool:stop()
      local n = consumed()
      local begun, ended = firsts(), lasts()
      for _, list in ipairs { begun, ended } do
        table.sort(list, function(x, y) return tonumber(x) < tonumber(y) end)
      end
      eq(#begun, n)
      eq(ended, begun)
    end
  end)

  claim("stop: consumed items pass the whole chain over two pools' inputs and joins", function()
    local note, notes = T.notes()
    local pool = pool_with { stride = 2 }
    local left, read_left = T.counter()
    local right, read_right = T.counter()
    local a = pool:add_task(same, left)
    local b = pool:add_task(same, right)
    local c = pool:add_task(function(x)
      note(x[1])
      return x
    end, papy.zip(a, b))
    pool:start()
    eq(c:next(), { 1, 1 })
    pool:stop()
    ok(#notes() >= math.min(read_left(), read_right()), #notes(), "of", read_left(), read_right())
  end)

  claim("stop does not wait for somebody to take results", function()
    local pool = pool_with { stride = 2, buffer = 2 }
    pool:add_task(same, T.range(1, 10))
    pool:add_task(same, T.range(1, 10))
    pool:start()
    papy.sleep(0.1)
    pool:stop()
  end)

  claim("stop with items that fail", function()
    local pool = pool_with { stride = 4 }
    pool:add_task(function() error "x" end, (T.counter()))
    pool:add_task(same, pool)
    pool:start()
    pool:stop()
  end)

  claim("stop lets what was submitted finish", function()
    local note, notes = T.notes()
    local pool = pool_with { stride = 4 }
    pool:add_task(function(x)
      papy.sleep(0.1)
      note(x)
      return x
    end, { 1, 2, 3, 4 })
    pool:start()
    pool:stop()
    eq(#notes(), 4)
  end)

  claim("stop of an inner pool ends the outer one's input or is an error there, no hang", function()
    local first = pool_with {}
    local second = pool_with {}
    local b = second:add_task(same, first:add_task(same, (T.counter())))
    first:start()
    second:start()
    eq(b:next(), 1)
    first:stop()
    local calls = 0
    repeat
      calls = calls + 1
      local good, v = pcall(b.next, b)
    until not good or v == nil or calls > 100
    ok(calls <= 100, "results after the end")
    second:stop()
  end)

  claim("a pool forgotten while it works does no harm", function()
    for _ = 1, 4 do
      local pool = pool_with { stride = 2 }
      pool:add_task(same, (T.counter()))
      pool:start()
      eq(pool:next(), 1)
    end
    collectgarbage()
    collectgarbage()
    eq(T.values(papy.NuMap(same, { 1, 2 }, { worker_type = worker_type })), { 1, 2 })
  end)
end)

claim("pools nobody holds do not gather workers, however large the heap", function()
  local text, status = T.run [[
local big, most = {}, 0
for i = 1, 300000 do big[i] = { i } end
collectgarbage()
collectgarbage()
for i = 1, 30 do
  local pool = papy.NuMap(function(x) return x end, { 1 }, { worker_num = 5 })
  pool()
  local me = require "papy.core".sys.getpid()
  local children = io.open(("/proc/%d/task/%d/children"):format(me, me))
  most = math.max(most, select(2, children:read "a":gsub("%d+", "")))
  children:close()
end
print(most)]]
  eq(status, 0, text)
  ok(tonumber(text) < 80, "children:", text)
end)

claim("stop{force = true} does not wait for the workers", function()
  local pool = papy.NuMap { worker_num = 2 }
  pool:add_task(function(x)
    papy.sleep(60)
    return x
  end, { 1, 2, 3 })
  pool:start()
  papy.sleep(0.1)
  local t0 = papy.now()
  pool:stop { force = true }
  ok(papy.now() - t0 < 10 * T.slow, "seconds", papy.now() - t0)
  raises(CLOSED, pool.next, pool)
  pool:add_task(same, { 1, 2 })
  pool:start()
  eq(T.values(pool), { 1, 2 })
end)

claim("stop{force = true} ends endless loops", function()
  T.each_type(function(worker_type)
    local pool = papy.NuMap { worker_num = 2, worker_type = worker_type }
    pool:add_task(function() while true do end end, { 1, 2, 3 })
    pool:start()
    papy.sleep(0.1)
    local t0 = papy.now()
    pool:stop { force = true }
    ok(papy.now() - t0 < 10 * T.slow, "seconds", papy.now() - t0)
  end)
end)

claim("a stopped pool leaves no process behind", function()
  for _, force in ipairs { false, true } do
    local note, notes = T.notes()
    local pool = papy.NuMap { worker_num = 3, stride = 6 }
    pool:add_task(function(x)
      note(T.pid())
      papy.sleep(0.05)
      return x
    end, T.range(1, 6))
    pool:start()
    T.wait_until(function() return #notes() >= 3 end)
    pool:stop { force = force }
    for _, pid in ipairs(notes()) do ok(not T.alive(tonumber(pid)), "alive", pid) end
  end
end)

claim("many pools one after the other leave no descriptors behind", function()
  local function descriptors()
    return tonumber((T.read_all "ls /proc/$PPID/fd | wc -l"))
  end
  local before
  for round = 1, 12 do
    local pool = papy.NuMap { worker_num = 2 }
    pool:add_task(same, { 1, 2, 3 })
    pool:start()
    eq(pool:next(), 1)
    pool:stop()
    if round == 2 then before = descriptors() end
  end
  ok(descriptors() <= before, descriptors(), "instead of", before)
end)

claim("a pool stops at once, also before those that were started after it", function()
  for _, transport in ipairs { "shm", "pipe" } do
    local pools = {}
    for k = 1, 3 do
      pools[k] = papy.NuMap { worker_num = 2, transport = transport }
      pools[k]:add_task(same, T.range(1, 10))
      pools[k]:start()
    end
    local t0 = papy.now()
    for k = 1, 3 do pools[k]:stop() end
    ok(papy.now() - t0 < 1 * T.slow, papy.now() - t0)
  end
end)

claim("several pools run side by side", function()
  local pools, tasks = {}, {}
  for i = 1, 5 do
    pools[i] = papy.NuMap { worker_num = 1, stride = i }
    tasks[i] = pools[i]:add_task(function(x) return x * i end, T.range(1, 10))
    pools[i]:start()
  end
  for n = 1, 10 do
    for i = 1, 5 do eq(tasks[i]:next(), n * i) end
  end
  for i = 5, 1, -1 do pools[i]:stop() end
end)

claim("a pool closed at the end of its block has no tasks left, as after stop", function()
  local pool = papy.NuMap { worker_num = 1 }
  do
    local closed <close> = pool
    closed:add_task(same, { 1, 2, 3 })
    eq(closed:start():next(), 1)
  end
  pool:add_task(same, { 7 })
  eq(pool:start():next(), 7)
  pool:stop()
end)

T.finish()
