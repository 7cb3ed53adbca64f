-- Plumber: what goes wrong in a pipeline ends well: sources and sinks that raise, debug mode, dying workers, dead consumers of a
-- fork, shared pools, Ctrl-C.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(inbox) return inbox[1] end

local function keeper(name)
  local kept = {}
  return papy.Piper(function(inbox)
    kept[#kept + 1] = inbox[1]
    return inbox[1]
  end, { name = name or "keep" }), kept
end

-- gives 1 … last, then raises
local function broken_source(last)
  local n = 0
  return function()
    n = n + 1
    if n > last then error("the disk is gone", 0) end
    return n
  end
end

T.each_type(function(worker_type)
  local function pool_with(workers, buffer)
    return papy.NuMap { worker_num = workers or 2, worker_type = worker_type, buffer = buffer }
  end

  claim("a source that raises gives one placeholder, then the end; wait tells", function()
    for _, pool in ipairs { false, pool_with(), pool_with(1, 3) } do
      local keep, kept = keeper()
      local plumber = papy.Plumber { pipes = { { papy.Piper(same, { name = "in", parallel = pool }), keep } } }
      for _ = 1, 2 do
        plumber:start { broken_source(4) }
        plumber:run()
        local finished, err = plumber:wait()
        eq(finished, nil)
        eq(err.kind, "input")
        ok(tostring(err):find("the disk is gone", 1, true), tostring(err))
        eq(err.piper, "in")
        ok(err.traceback, "a traceback")
        eq(plumber.state, "finished")
        eq(select(2, plumber:wait(1)), err)
        eq(plumber:stats().pipers["in"], { done = 5, failed = 1 })
        plumber:stop()
      end
      eq(kept, { 1, 2, 3, 4, 1, 2, 3, 4 })
      plumber:start { { 7 } }
      plumber:run()
      eq(plumber:wait(), true)
      plumber:stop()
    end
  end)

  claim("one of two sources that raises at a join", function()
    local join = papy.Piper(function(inbox) return inbox[1] + inbox[2] end, { name = "join", parallel = pool_with(2) })
    local keep, kept = keeper()
    local a, b = papy.Piper(same, { name = "a" }), papy.Piper(same, { name = "b" })
    local plumber = papy.Plumber { pipes = { { a, join, keep }, { b, join } } }
    plumber:start { broken_source(3), (T.counter()) }
    plumber:run()
    local finished, err = plumber:wait()
    eq({ finished, err.kind }, { nil, "input" })
    plumber:stop()
    eq(kept, { 2, 4, 6 })
  end)

  claim("a sink that raises fails its items and nothing else", function()
    local seen = {}
    local function sink(inbox)
      seen[#seen + 1] = inbox[1]
      if inbox[1] % 2 == 0 then error "even" end
    end
    local plumber = papy.Plumber()
    plumber:add_pipe { papy.Piper(same, { parallel = pool_with() }), papy.Piper(sink, { name = "sink" }) }
    plumber:start { T.range(1, 6) }
    plumber:run()
    eq(plumber:wait(), true)
    eq(plumber:stats().pipers.sink, { done = 6, failed = 3 })
    plumber:stop()
    eq(seen, T.range(1, 6))
  end)

  claim("failed items pass as one placeholder and reach no function", function()
    local called = {}
    local function fail(inbox)
      if inbox[1] == 2 then error "two" end
      return inbox[1]
    end
    local pool = pool_with()
    local plumber = papy.Plumber()
    local last = papy.Piper(function(inbox)
      called[#called + 1] = inbox[1]
      return inbox[1]
    end, { name = "last", track = true })
    plumber:add_pipe { papy.Piper(fail, { parallel = pool }), papy.Piper(same, { parallel = pool }), papy.Piper(same), last }
    plumber:start { { 1, 2, 3 } }
    plumber:run()
    eq(plumber:wait(), true)
    local err = plumber:stats().tracked.last[1][2]
    eq(err.kind, "function")
    ok(tostring(err):find "two")
    plumber:stop()
    eq(called, { 1, 3 })
  end)

  claim("debug mode ends the run with the error, wherever the piper stands", function()
    for place = 1, 3 do
      local pool, stages = pool_with(), {}
      for i = 1, 3 do
        stages[i] = papy.Piper(function(inbox)
          if i == place and inbox[1] == 4 then error("four", 0) end
          return inbox[1]
        end, { parallel = i < 3 and pool, debug = i == place })
      end
      local plumber = papy.Plumber { pipes = { stages } }
      local numbers, read = T.counter()
      plumber:start { numbers }
      plumber:run()
      local finished, err = plumber:wait()
      eq(finished, nil)
      ok(tostring(err):find "four", tostring(err))
      eq(plumber.state, "finished")
      plumber:stop()
      ok(read() < 100, "it ended soon:", read())
    end
  end)

  claim("unbounded sources are stopped from any state", function()
    for _, shape in ipairs { "independent", "fork", "join" } do
      for _, state in ipairs { "started", "running", "paused", "forced" } do
        local pool = pool_with()
        local a, b = papy.Piper(same, { name = "a", parallel = pool }), papy.Piper(same, { name = "b", parallel = pool })
        local top = papy.Piper(same, { name = "top", parallel = pool })
        local plumber = papy.Plumber { pipers = { a, b } }
        if shape == "fork" then plumber:add_pipes { { top, a }, { top, b } } end
        if shape == "join" then plumber:add_pipes { { a, top }, { b, top } } end
        local inputs = {}
        for i = 1, #plumber:get_inputs() do inputs[i] = T.counter() end
        plumber:start(inputs)
        if state ~= "started" then
          plumber:run()
          papy.sleep(0.01)
        end
        if state == "paused" then plumber:pause() end
        plumber:stop { force = state == "forced" or nil }
        eq(plumber.state, "stopped", shape .. " " .. state)
        ok(not pool.started)
      end
    end
  end)

  claim("a pool shared by two pipelines is refused while it runs, and free afterwards", function()
    local pool = pool_with()
    local keep, kept = keeper()
    local one = papy.Plumber { pipers = { papy.Piper(same, { name = "one", parallel = pool }) } }
    local two = papy.Plumber { pipes = { { papy.Piper(same, { name = "two", parallel = pool }), keep } } }
    one:start { { 1 } }
    local err = raises({ "dagger", "piper" }, two.start, two, { { 2 } })
    ok(tostring(err):find(pool.name, 1, true), tostring(err))
    eq(two.state, "new")
    one:run()
    one:wait()
    one:stop()
    two:start { { 2 } }
    two:run()
    eq(two:wait(), true)
    two:stop()
    eq(kept, { 2 })
  end)

  claim("a function that waits in its worker does not run the pipeline there", function()
    local note, notes = T.notes()
    local plumber = papy.Plumber { pipes = { {
      papy.Piper(function(inbox)
        papy.sleep(0.01)
        return inbox[1]
      end, { parallel = pool_with() }),
      papy.Piper(function(inbox) note(inbox[1]) end) } } }
    plumber:start { T.range(1, 20) }
    plumber:run()
    eq(plumber:wait(), true)
    plumber:stop()
    eq(#notes(), 20)
  end)
end)

claim("a worker that dies in any stage fails its item only", function()
  for place = 1, 3 do
    local pools, stages = { papy.NuMap { worker_num = 2 }, papy.NuMap { worker_num = 1 } }, {}
    for i = 1, 3 do
      stages[i] = papy.Piper(function(inbox)
        if i == place and inbox[1] == 5 then os.exit(3) end
        return inbox[1]
      end, { parallel = pools[i % 2 + 1], name = "stage " .. i })
    end
    local keep, kept = keeper()
    stages[4] = keep
    local plumber = papy.Plumber { pipes = { stages } }
    plumber:start { T.range(1, 9) }
    plumber:run()
    eq(plumber:wait(), true)
    eq(plumber:stats().pipers.keep, { done = 9, failed = 1 })
    plumber:stop()
    eq(kept, { 1, 2, 3, 4, 6, 7, 8, 9 })
  end
end)

claim("a fork with a consumer whose workers all die goes on at the other", function()
  local top = papy.Piper(same, { name = "top", parallel = papy.NuMap { worker_num = 2 } })
  local dead = papy.Piper(function() os.exit(1) end, { name = "dead", parallel = papy.NuMap { worker_num = 1 } })
  local keep, kept = keeper()
  local alive = papy.Piper(same, { name = "alive", parallel = papy.NuMap { worker_num = 1 } })
  local plumber = papy.Plumber { pipes = { { top, dead }, { top, alive, keep } } }
  plumber:start { T.range(1, 8) }
  plumber:run()
  eq(plumber:wait(), true)
  eq(plumber:stats().pipers.dead, { done = 8, failed = 8 })
  plumber:stop()
  eq(kept, T.range(1, 8))
end)

-- In a program of its own: a second Ctrl-C in one run of a script ends the program. The workers are slow, so that it comes while
-- papy waits.
claim("Ctrl-C during wait leaves the pipeline paused and usable", function()
  local text, status = T.run [[
    local kept, read = {}, 0
    local function slow(inbox)
      papy.sleep(0.02)
      return inbox[1]
    end
    local plumber = papy.Plumber()
    plumber:add_pipe {papy.Piper(slow, {parallel = papy.NuMap {worker_num = 2}}),
      papy.Piper(function(inbox) kept[#kept + 1] = inbox[1] end)}
    plumber:start {function() read = read + 1 return read end}
    plumber:run()
    os.execute "{ sleep 0.3; kill -INT $PPID; } &"
    local good, why = pcall(plumber.wait, plumber, 30)
    print(good, tostring(why):match "interrupted", plumber.state)
    local before = #kept
    plumber:run()
    print(before > 0, plumber:wait(0.2))
    plumber:stop()
    print(#kept > before, #kept == read, kept[read] == read)]]
  eq({ text, status }, { "false\tinterrupted\tpaused\ntrue\tfalse\ntrue\ttrue\ttrue\n", 0 })
end)

claim("a program that ends with a running pipeline ends", function()
  for _, state in ipairs { "start", "run", "wait" } do
    local text, status = T.run(([[
      local n = 0
      local piper = papy.Piper(function(inbox) return inbox[1] end, {parallel = papy.NuMap {worker_num = 2}})
      local plumber = papy.Plumber {pipers = {piper}}
      plumber:start {function() n = n + 1 return n end}
      if %q ~= "start" then plumber:run() end
      if %q == "wait" then plumber:wait(0.05) end
      print "end"]]):format(state, state))
    eq({ text, status }, { "end\n", 0 })
  end
end)

T.finish()
