-- Plumber: what is allowed when; run, pause, wait, stop, start again; what stats() tells.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function square(inbox) return inbox[1] * inbox[1] end
local function add(inbox) return inbox[1] + inbox[2] end

-- a piper that keeps what it gets, and the list
local function keeper(name)
  local kept = {}
  local piper = papy.Piper(function(inbox)
    kept[#kept + 1] = inbox[1]
    return inbox[1]
  end, { name = name or "keep" })
  return piper, kept
end

local function all_squares(last)
  local out = {}
  for i = 1, last do out[i] = i * i end
  return out
end

local function has(err, word)
  ok(tostring(err):find(word, 1, true), tostring(err), "names", word)
end

T.each_type(function(worker_type)
  local function pool_with(workers, buffer)
    return papy.NuMap { worker_num = workers or 2, worker_type = worker_type, buffer = buffer }
  end

  local function chain(pool, name)
    local keep, kept = keeper()
    local piper = papy.Piper(square, { parallel = pool, name = name or "square", track = pool and true })
    return papy.Plumber { pipes = { { piper, keep } } }, kept
  end

  claim("a pipeline goes from new to stopped, and again", function()
    for _, pool in ipairs { false, pool_with(), pool_with(3, 7) } do
      local plumber, kept = chain(pool)
      for round = 1, 3 do
        eq(plumber.state, round == 1 and "new" or "stopped")
        plumber:start { T.range(1, 20 * round) }
        eq(plumber.state, "started")
        plumber:run()
        eq(plumber.state, "running")
        eq(plumber:wait(), true)
        eq(plumber.state, "finished")
        eq(plumber:wait(1), true)
        plumber:stop()
        eq(plumber.state, "stopped")
        eq(kept, all_squares(20 * round))
        eq(plumber:stats().pipers.keep, { done = 20 * round, failed = 0 })
        for i = #kept, 1, -1 do kept[i] = nil end
      end
    end
  end)

  claim("calls out of turn are errors that name the state and what is allowed", function()
    local plumber = chain(pool_with())
    local function refused(state, ...)
      eq(plumber.state, state)
      for _, call in ipairs { ... } do
        local err = raises("plumber", plumber[call], plumber, call == "start" and { { 1 } } or nil)
        has(err, state)
        has(err, "allowed now")
        has(err, call .. ":")
      end
      eq(plumber.state, state)
    end
    refused("new", "run", "wait", "pause", "stop")
    plumber:start { (T.counter()) }
    refused("started", "start", "wait", "pause")
    plumber:run()
    refused("running", "start", "run")
    plumber:pause()
    refused("paused", "start", "wait", "pause")
    plumber:stop()
    refused("stopped", "run", "wait", "pause")
    plumber:stop()
    plumber:start { { 1, 2 } }
    plumber:run()
    plumber:wait()
    refused("finished", "start", "run")
    plumber:pause()
    eq(plumber.state, "finished")
    plumber:stop()
  end)

  claim("missing and superfluous data leave the pipeline as it was", function()
    local plumber, kept = chain(pool_with())
    has(raises("dagger", plumber.start, plumber, {}), "'square'")
    has(raises("dagger", plumber.start, plumber, { { 1 }, { 2 } }), "superfluous")
    raises("dagger", plumber.start, plumber)
    raises("dagger", plumber.start, plumber, { 1, 2, 3 })
    eq(plumber.state, "new")
    plumber:start { { 3 } }
    plumber:run()
    plumber:wait()
    plumber:stop()
    eq(kept, { 9 })
    plumber:connect { { 4 } }
    has(raises("dagger", plumber.start, plumber, { { 5 } }), "superfluous")
    plumber:start {}
    plumber:run()
    eq(plumber:wait(), true)
    plumber:stop()
    eq(kept, { 9, 16 })
    raises("plumber", function() papy.Plumber():start {} end)
  end)

  claim("wait with a time tells finished from not", function()
    local plumber = papy.Plumber()
    plumber:add_pipe { papy.Piper(function(inbox)
      papy.sleep(0.3)
      return inbox[1]
    end, { parallel = pool_with(1) }) }
    plumber:start { { 1, 2 } }
    plumber:run()
    eq(plumber:wait(0), false)
    eq(plumber:wait { timeout = 0.05 }, false)
    eq(plumber.state, "running")
    eq(plumber:wait(20), true)
    raises("option", plumber.wait, plumber, "long")
    plumber:stop()
  end)

  claim("run returns at once; the pipeline moves in sleep, in the wait and in the next of others", function()
    local plumber, kept = chain(pool_with())
    plumber:start { (T.counter()) }
    plumber:run()
    papy.sleep(0.05)
    local after_sleep = #kept
    ok(after_sleep > 0, after_sleep)
    local other = papy.NuMap(function(x)
      papy.sleep(0.1)
      return x
    end, { 1 }, { worker_num = 1 })
    eq(other:next(), 1)
    local after_next = #kept
    ok(after_next > after_sleep, after_next)
    other:stop()
    local second = chain(pool_with(1))
    second:start { { 1, 2, 3 } }
    second:run()
    eq(second:wait(), true)
    second:stop()
    plumber:stop()
    eq(kept, all_squares(#kept))
  end)

  claim("finished means that all outputs have ended", function()
    local pool, a, b = pool_with(), keeper "a", keeper "b"
    local plumber = papy.Plumber { pipes = {
      { papy.Piper(square, { parallel = pool, name = "first" }), a },
      { papy.Piper(square, { parallel = pool, name = "second" }), b },
    } }
    plumber:start { T.range(1, 2), T.range(1, 50) }
    plumber:run()
    eq(plumber:wait(), true)
    local stats = plumber:stats()
    eq(stats.pipers.a.done, 2)
    eq(stats.pipers.b.done, 50)
    plumber:stop()
  end)

  claim("inputs of different length at a join end cleanly", function()
    for _, pools in ipairs { { false, false }, { pool_with(), pool_with() }, { pool_with(), false } } do
      local keep, kept = keeper()
      local join = papy.Piper(add, { name = "join", parallel = pools[1] })
      local plumber = papy.Plumber { pipes = {
        { papy.Piper(square, { name = "short", parallel = pools[1] }), join, keep },
        { papy.Piper(square, { name = "long", parallel = pools[2] }), join },
      } }
      for _, data in ipairs { { T.range(1, 3), (T.counter()) }, { (T.counter()), T.range(1, 3) }, { {}, { 1 } } } do
        plumber:start(data)
        plumber:run()
        eq(plumber:wait(), true)
        plumber:stop()
      end
      eq(kept, { 2, 8, 18, 2, 8, 18 })
    end
  end)

  claim("pause and run again, a hundred times, lose and double nothing", function()
    local plumber, kept = chain(pool_with(2, 5))
    local numbers, read = T.counter()
    plumber:start { numbers }
    for _ = 1, 100 do
      plumber:run()
      papy.sleep(0.001)
      plumber:pause()
      eq(plumber.state, "paused")
    end
    local before = #kept
    papy.sleep(0.02)
    eq(#kept, before)
    plumber:stop()
    eq(kept, all_squares(read()))
  end)

  claim("stop from any state accounts for everything consumed", function()
    local pools = { false, pool_with(), pool_with(3), pool_with(1, 4) }
    for a = 1, 4 do
      for b = 1, 4 do
        for _, state in ipairs { "started", "running", "paused" } do
          local keep, kept = keeper()
          local plumber = papy.Plumber { pipes = { {
            papy.Piper(square, { parallel = pools[a], name = "first" }),
            papy.Piper(square, { parallel = pools[b], name = "second", track = true }), keep } } }
          local numbers, read = T.counter()
          plumber:start { numbers }
          if state ~= "started" then
            plumber:run()
            papy.sleep(0.003)
          end
          if state == "paused" then plumber:pause() end
          plumber:stop()
          eq(#kept, read(), state)
          local stats = plumber:stats()
          eq(stats.pipers.first.done, read())
          eq(#stats.tracked.second[1], read())
          for i, v in ipairs(kept) do eq(v, i ^ 4 // 1 | 0) end
        end
      end
    end
  end)

  claim("stop{force = true} ends at once what would take long", function()
    local plumber = papy.Plumber()
    plumber:add_pipe { papy.Piper(function() papy.sleep(60) end, { parallel = pool_with() }) }
    if worker_type == "process" then
      plumber:start { (T.counter()) }
      plumber:run()
      eq(plumber:wait(0.1), false)
      local t0 = papy.now()
      plumber:stop { force = true }
      ok(papy.now() - t0 < 5 * T.slow, papy.now() - t0)
      eq(plumber.state, "stopped")
      raises("option", plumber.stop, plumber, { forced = true })
    end
  end)

  claim("endless inputs that wait in their pull, tasks among them, can be stopped", function()
    local outer = papy.NuMap { worker_num = 1, worker_type = worker_type }
    local task = outer:add_task(math.abs, (T.counter()))
    outer:start()
    local n = 0
    local function slow()
      papy.sleep(0.001)
      n = n + 1
      return n
    end
    for _, data in ipairs { slow, task } do
      local plumber, kept = chain(pool_with())
      plumber:start { data }
      plumber:run()
      eq(plumber:wait(0.1), false)
      plumber:stop()
      ok(#kept > 0)
      eq(kept, all_squares(#kept))
    end
    outer:stop()
  end)

  claim("the pipeline can be changed between runs", function()
    local plumber, kept = chain(pool_with())
    plumber:start { { 1, 2 } }
    has(raises("dagger", plumber.add_pipe, plumber, { "square", square }), "stop()")
    has(raises("dagger", plumber.del_piper, plumber, "keep"), "stop()")
    plumber:run()
    raises("dagger", plumber.add_piper, plumber, square)
    plumber:wait()
    raises("dagger", plumber.add_piper, plumber, square)
    plumber:stop()
    eq(kept, { 1, 4 })
    plumber:del_pipe { "square", "keep" }
    local keep, again = keeper()
    plumber:add_pipe { square, square, keep }
    plumber:start { { 1, 2 } }
    plumber:run()
    plumber:wait()
    plumber:stop()
    eq(again, { 1, 16 })
  end)

  claim("stats has times, counts and tracked results per spawn, in a fresh table", function()
    local plumber = papy.Plumber()
    eq(plumber:stats(), { pipers = {}, tracked = {} })
    local before = os.time()
    local function fail_on_3(inbox)
      if inbox[1] == 3 then error "three" end
      return inbox[1] * 10
    end
    plumber:add_pipe { papy.Piper(fail_on_3, { name = "ten", parallel = pool_with(1), track = true, spawn = 2 }) }
    plumber:start { { 1, 2, 3, 4, 5 } }
    local early = plumber:stats()
    plumber:run()
    plumber:wait()
    local stats = plumber:stats()
    ok(early ~= stats and early.pipers ~= stats.pipers)
    ok(stats.start_time >= before and stats.start_time <= os.time())
    ok(stats.run_time > 0 and stats.run_time < 20)
    papy.sleep(0.01)
    eq(plumber:stats().run_time, stats.run_time)
    eq(stats.pipers, { ten = { done = 5, failed = 1 } })
    local tracked = stats.tracked.ten
    eq(#tracked, 2)
    eq({ tracked[1][1], tracked[2][1], tracked[2][2] }, { 10, 20, 40 })
    ok(tostring(tracked[1][2]):find "three")
    tracked[1][1] = "changed"
    plumber:stop()
    eq(plumber:stats().tracked.ten[1][1], 10)
    eq(plumber:stats().pipers.ten.done, 5)
  end)
end)

claim("a paused pipeline is paused at the item that paused it", function()
  local plumber, seen, errors = nil, {}, {}
  local function watch(inbox)
    seen[#seen + 1] = inbox[1]
    if inbox[1] ~= 3 then return end
    for _, call in ipairs { "wait", "stop" } do
      local good, err = pcall(plumber[call], plumber)
      errors[#errors + 1] = not good and err.kind
    end
    plumber:pause()
  end
  plumber = papy.Plumber { pipers = { papy.Piper(watch) } }
  plumber:start { T.range(1, 6) }
  plumber:run()
  eq(plumber:wait(), false)
  eq(plumber.state, "paused")
  eq(seen, { 1, 2, 3 })
  eq(errors, { "plumber", "plumber" })
  plumber:run()
  eq(plumber:wait(), true)
  eq(seen, T.range(1, 6))
  plumber:stop()
end)

T.finish()
