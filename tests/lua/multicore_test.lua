-- multicore: lists of calls on workers that stay (semantics, section 17).
-- luacheck: globals visits helper
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises
local multicore = require "multicore"

local function double(x) return 2 * x end

-- the results of one call
local function call(f, ...)
  local task = multicore.Task()
  task:run(f, ...)
  return task:get { timeout = 20 * T.slow }[1]
end

-- every claim begins without workers
local function claim_with(workers, name, f)
  claim(name, function()
    multicore.shutdown { force = true }
    if workers > 0 then multicore.initialize { number_of_workers = workers } end
    f()
  end)
end

local function seconds(f, ...)
  local t0 = papy.now()
  f(...)
  return papy.now() - t0
end

local function pids_of(n)
  local task = multicore.Task()
  for _ = 1, n do
    task:run(function()
      papy.sleep(0.2)
      return T.pid()
    end)
  end
  local pids = {}
  for _, pid in ipairs(task:get()) do pids[pid] = true end
  return pids
end


-- ---- initialize, shutdown, Task ----

claim_with(0, "without initialize there is no task, and a reason", function()
  local task, why = multicore.Task()
  eq(task, nil)
  ok(why:find "not initialized", why)
end)

claim_with(2, "initialize a second time changes nothing, force makes new workers", function()
  local first = call(T.pid)
  multicore.initialize { number_of_workers = 1 }
  multicore.initialize()
  ok(T.alive(first))
  eq(multicore.shutdown(), nil)
  multicore.initialize(1)
  first = call(T.pid)
  eq(call(T.pid), first)
  multicore.initialize { force = true, number_of_workers = 1 }
  local second = call(T.pid)
  ok(second ~= first and not T.alive(first))
end)

claim_with(3, "as many workers as were asked for", function()
  local n = 0
  for _ in pairs(pids_of(6)) do n = n + 1 end
  eq(n, 3)
end)

claim_with(2, "shutdown leaves no process, may be repeated, initialize may follow", function()
  local pids = pids_of(2)
  multicore.shutdown()
  multicore.shutdown()
  for pid in pairs(pids) do ok(not T.alive(pid)) end
  eq(multicore.Task(), nil)
  multicore.initialize()
  eq(call(double, 4), 8)
end)

claim_with(2, "shutdown waits for what is outstanding, and get still gives it", function()
  local task = multicore.Task()
  for i = 1, 4 do task:run(function() papy.sleep(0.1) return i end) end
  multicore.shutdown()
  eq(task:get(), { 1, 2, 3, 4 })
end)

claim_with(1, "a forced shutdown does not wait; what is lost says so", function()
  local task = multicore.Task()
  task:run(double, 1)
  papy.sleep(0.3)
  task:run(papy.sleep, 60)
  ok(seconds(multicore.shutdown, { force = true }) < 5 * T.slow)
  local err = raises("closed", task.get, task)
  ok(err.message:find "shut down")
  raises("complete", task.run, task, double, 1)
  multicore.initialize(1)
  task = multicore.Task()
  task:run(papy.sleep, 60)
  ok(seconds(multicore.shutdown, { timeout = 0.1 }) < 5 * T.slow)
  eq(task:get { errors = "return" }[1].kind, "closed")
end)

claim_with(1, "a task made before the shutdown runs nothing", function()
  local task = multicore.Task()
  multicore.shutdown()
  raises("closed", task.run, task, double, 1)
  eq(task:get(), {})
end)

claim_with(1, "the load of the machine may forbid a task", function()
  ok(multicore.Task { max_load_average = 1e6 })
  ok(multicore.Task(1e6))
  ok(multicore.Task {})
  local file = assert(io.open "/proc/loadavg")
  local load = file:read "n"
  file:close()
  if load > 0.1 then
    local task, why = multicore.Task { max_load_average = 0 }
    eq(task, nil)
    ok(why:find "load average", why)
    eq(multicore.Task(0), nil)
  end
  raises("option", multicore.Task, "much")
  raises("max_load_average", multicore.Task, { max_load_average = -1 })
  raises("did you mean 'max_load_average'", multicore.Task, { max_loadaverage = 1 })
  raises("a whole number", multicore.initialize, 0)
end)


-- ---- run and get ----

claim_with(2, "results come in the order of the runs", function()
  local task = multicore.Task()
  task:run(function() papy.sleep(0.2) return "slow" end)
  for i = 1, 20 do task:run(double, i) end
  local results = task:get()
  eq(#results, 21)
  eq(results[1], "slow")
  for i = 1, 20 do eq(results[i + 1], 2 * i) end
end)

claim_with(2, "no runs, no results", function() eq(multicore.Task():get(), {}) end)

claim_with(2, "after get a task is complete", function()
  local task = multicore.Task()
  task:run(double, 1)
  task:get()
  raises("complete", task.get, task)
  raises("complete", task.run, task, double, 1)
  ok(tostring(task):find "1 calls, 0 outstanding")
end)

claim_with(2, "arguments arrive as they are given, tables as well", function()
  eq(call(function(...) return { n = select("#", ...), ... } end, nil, false, { z = 9 }, nil),
    { n = 4, nil, false, { z = 9 } })
  eq(call(function(x, o) return x + o.plus end, 1, { plus = 2 }), 3)
  local err = papy.Error "an argument"
  eq(call(function(e) return e.message end, err), "an argument")
end)

claim_with(2, "nothing is null, false is false, the first of several results counts", function()
  local task = multicore.Task()
  task:run(function() end)
  task:run(function() return nil end)
  task:run(function() return false end)
  task:run(function() return 1, 2 end)
  eq(task:get(), { papy.null, papy.null, false, 1 })
end)

claim_with(2, "formats are words that say nothing, but must be known", function()
  for _, format in ipairs { "pickle", "json", "string" } do
    eq(call(function(...) return { select("#", ...), ... } end, "x", { serialization_format = format }), { 1, "x" })
  end
  eq(call(double, 4, { use_dill = true }), 8)
  local task = multicore.Task()
  raises("serialization_format", task.run, task, double, 4, { serialization_format = "xml" })
  eq(task:get(), {})
end)

claim_with(2, "what is no function is refused at once", function()
  local task = multicore.Task()
  raises("function", task.run, task, 42)
  raises("function", task.run, task)
  eq(call(setmetatable({}, { __call = function(_, x) return x + 1 end }), 1), 2)
  eq(call(math.abs, -1), 1)
end)

claim_with(2, "large arguments and results", function()
  local text = ("x"):rep(3 << 20)
  eq(call(function(s) return #s end, text), #text)
  eq(#call(function(n) return ("y"):rep(n) end, 5 << 20), 5 << 20)
end)

claim_with(2, "more calls than anything has room for", function()
  local task = multicore.Task()
  local n = 10000
  for i = 1, n do task:run(double, i) end
  local results = task:get()
  eq(#results, n)
  for i = 1, n do ok(results[i] == 2 * i, i) end
end)

claim_with(2, "arguments are as they were at run", function()
  local task = multicore.Task()
  local point = {}
  for i = 1, 100 do
    point.x = i
    task:run(function(p) return p.x end, point)
  end
  eq(task:get(), T.range(1, 100))
end)

claim_with(2, "several tasks at a time, taken in any order", function()
  local tasks = {}
  for i = 1, 5 do
    tasks[i] = multicore.Task()
    for j = 1, 5 do tasks[i]:run(function() return 10 * i + j end) end
  end
  for i = 5, 1, -1 do eq(tasks[i]:get(), T.range(10 * i + 1, 10 * i + 5)) end
end)

claim_with(2, "a quick task does not wait for the calls of a slow one", function()
  local slow, quick = multicore.Task(), multicore.Task()
  slow:run(function() papy.sleep(1.5) return "slow" end)
  quick:run(double, 1)
  local t0 = papy.now()
  eq(quick:get(), { 2 })
  ok(papy.now() - t0 < 1.2)
  eq(slow:get(), { "slow" })
end)

claim_with(2, "work goes on while the program does something else", function()
  local task = multicore.Task()
  local note, notes = T.notes()
  for i = 1, 3 do task:run(note, i) end
  ok(T.wait_until(function() return #notes() == 3 end))
  eq(task:get(0), { 1, 2, 3 })
end)


-- ---- errors ----

claim_with(2, "an error is raised by get, with the other results", function()
  local task = multicore.Task()
  task:run(double, 1)
  task:run(function(_) error "boom" end, "seven")
  task:run(function() error { code = 5 } end)
  task:run(double, 4)
  local err = raises("function", task.get, task)
  ok(tostring(err):find "multicore_test.lua:%d+: boom %(item 2 '.*multicore_test.lua:%d+': {\"seven\"}%)$", tostring(err))
  ok(err.traceback:find "multicore_test.lua")
  eq(err.results[1], 2)
  eq(err.results[3].value, { code = 5 })
  eq(err.results[4], 8)
  raises("complete", task.get, task)
end)

claim_with(2, "errors in their places", function()
  local task = multicore.Task()
  task:run(double, 1)
  task:run(double, {})
  task:run(function() return papy.Error { kind = "quota", message = "no more" } end)
  local results = task:get { errors = "return", timeout = 20 * T.slow }
  eq(results[1], 2)
  eq(results[2].kind, "function")
  eq(results[3].kind, "quota")
  eq(results[3].index, 3)
  raises('"raise" or "return"', function() multicore.Task():get { errors = "ignore" } end)
end)

claim_with(2, "the error of another pool in a call keeps its words and finds its place", function()
  local task = multicore.Task()
  task:run(double, 1)
  task:run(function() return papy.NuMap(function(x) error("inner " .. x) end, { "a" }):next() end)
  local err = raises("inner a %(item 1 of task 1", task.get, task)
  eq(err.index, 2)
  eq(err.results[1], 2)
end)

claim_with(2, "what cannot travel is its call's error", function()
  local task = multicore.Task()
  task:run(double, coroutine.create(print))
  task:run(function() return coroutine.create(print) end)
  task:run(double, 3)
  local results = task:get { errors = "return" }
  eq({ results[1].kind, results[2].kind, results[3] }, { "codec", "codec", 6 })
  ok(results[1].message:find "coroutine" and results[2].message:find "coroutine")
end)

claim_with(2, "a worker that dies fails its call and is replaced", function()
  local task = multicore.Task()
  for _ = 1, 3 do task:run(function() os.exit(3) end) end
  task:run(double, 4)
  local err = raises("died", task.get, task, 20 * T.slow)
  ok(err.message:find "status 3", err.message)
  eq(err.results[4], 8)
  eq(call(double, 5), 10)
end)


-- ---- timeouts ----

claim_with(2, "a timeout is real time, and fails the calls that are late", function()
  local task = multicore.Task()
  task:run(papy.sleep, 60)
  task:run(double, 1)
  local err
  local took = seconds(function() err = raises("timeout", task.get, task, 0.5 * T.slow) end)
  ok(took >= 0.5 * T.slow and took < 5 * T.slow, took)
  ok(tostring(err):find "within .* seconds %(item 1: {60}%)", tostring(err))
  eq(err.results[2], 2)
  raises("complete", task.get, task)
end)

claim_with(1, "a late result is given to nobody", function()
  local late = multicore.Task()
  local function slow(s) papy.sleep(s) return s end
  late:run(slow, 0.8)
  raises("timeout", late.get, late, { timeout = 0.2 })
  local t0 = papy.now()
  eq(call(slow, 1.2), 1.2)
  ok(papy.now() - t0 >= 1.2)
end)

claim_with(2, "a late result is given to nobody, while others wait", function()
  local late, other = multicore.Task(), multicore.Task()
  local note, notes = T.notes()
  late:run(function() papy.sleep(0.6) return note "late" end)
  other:run(function() papy.sleep(1.5) return "other" end)
  raises("timeout", late.get, late, 0.2)
  local third = multicore.Task()
  for i = 1, 5 do third:run(double, i) end
  eq(third:get(), { 2, 4, 6, 8, 10 })
  eq(other:get(), { "other" })
  eq(notes(), { "late" }) -- it was left alone
end)

claim_with(2, "given up calls end with their workers when nobody waits for others", function()
  local note, notes = T.notes()
  local function endless()
    note(T.pid())
    while true do end
  end
  local task = multicore.Task()
  for _ = 1, 10 do task:run(endless) end
  ok(T.wait_until(function() return #notes() == 2 end))
  raises("timeout", task.get, task, 0.1)
  for _, pid in ipairs(notes()) do ok(not T.alive(tonumber(pid))) end
  eq(#notes(), 2)
  eq(call(double, 1), 2)
end)

claim_with(2, "task_timeout ends a call and leaves the others alone", function()
  multicore.initialize { force = true, number_of_workers = 2, task_timeout = 0.5 * T.slow }
  local task = multicore.Task()
  task:run(function() while true do end end)
  task:run(double, 2)
  local err = raises("timeout", task.get, task)
  eq(err.index, 1)
  eq(err.results[2], 4)
end)


-- ---- what the workers have ----

claim_with(1, "workers stay, and what they keep in globals", function()
  local function count()
    visits = (visits or 0) + 1
    return { visits, T.pid() }
  end
  local first = call(count)
  for i = 2, 4 do eq(call(count), { i, first[2] }) end
  eq(visits, nil)
end)

claim_with(2, "data is inherited: upvalues, globals, what could not travel", function()
  local users, file = {}, io.tmpfile()
  for i = 1, 100000 do users[i] = i end
  local base = setmetatable({}, { __index = { factor = 2 } })
  local function part(first, last)
    local sum = 0
    for i = first, last do sum = sum + base.factor * users[i] end
    return io.type(file) == "file" and sum
  end
  local task, total = multicore.Task(), 0
  for first, last in multicore.ranges(users) do task:run(part, first, last) end
  for _, sum in ipairs(task:get()) do total = total + sum end
  eq(total, 100000 * 100001)
end)

claim_with(2, "what is new or was given another value since is seen", function()
  local factor = 2
  local function scaled(x) return factor * x end
  local function outer(x) return scaled(x) end
  eq(call(outer, 1), 2)
  factor = 3
  eq(call(outer, 1), 3)
  function helper() return "one" end
  local function user() return helper() end
  eq(call(user), "one")
  function helper() return "two" end
  eq(call(user), "two")
  helper = nil
  raises("function", call, user)
  for i = 1, 3 do eq(call(function() return i end), i) end
end)

claim_with(2, "while calls are outstanding, functions are sent with their upvalues", function()
  local task = multicore.Task()
  local n = 0
  local function add(x) return n + x end
  for i = 1, 5 do
    n = i
    task:run(add, 10)
    task:run(function() return i end)
  end
  eq(task:get(), { 11, 1, 12, 2, 13, 3, 14, 4, 15, 5 })
end)

claim_with(2, "a changed table is known after initialize with force", function()
  local config = { n = 1 }
  local function n() return config.n end
  eq(call(n), 1)
  config.n = 2
  multicore.initialize { force = true }
  eq(call(n), 2)
end)

claim_with(2, "a call may begin anew", function()
  eq(call(function()
    local none, why = multicore.Task()
    multicore.initialize(2)
    local task = multicore.Task()
    for i = 1, 3 do task:run(double, i) end
    return { none == nil and why, task:get() }
  end), { "multicore is not initialized", { 2, 4, 6 } })
end)

claim_with(2, "idle workers do not keep others from finding their deadlocks, nor cost time", function()
  call(double, 1)
  local pool = papy.NuMap { worker_num = 1, buffer = 1 }
  pool:add_task(double, { 1, 2 })
  local second = pool:add_task(double, { 1 })
  pool:start()
  raises("deadlock", second.next, second)
  pool:stop()
  local t0 = os.clock()
  papy.sleep(0.3)
  ok(os.clock() - t0 < 0.1 * T.slow)
end)

claim("leaving the program with calls outstanding", function()
  local text, status, took = T.run [[
    local multicore = require "multicore"
    multicore.initialize(2)
    local task = multicore.Task()
    for i = 1, 10 do task:run(papy.sleep, 60) end
    print "done"
  ]]
  eq(text, "done\n")
  eq(status, 0)
  ok(took < 10 * T.slow)
end)


-- ---- ranges ----

local function ranges(...)
  local list = {}
  for first, last in multicore.ranges(...) do list[#list + 1] = first .. "-" .. last end
  return table.concat(list, " ")
end

claim("ranges cover everything, from 1, both ends included", function()
  eq(ranges(80, 0, 4), "1-20 21-40 41-60 61-80")
  eq(ranges(T.range(1, 80), { number_of_workers = 4 }), "1-20 21-40 41-60 61-80")
  eq(ranges(80, { min_range_size = 30, number_of_workers = 4 }), "1-30 31-60 61-80")
  eq(ranges(80, 100, 4), "1-80")
  eq(ranges(10, nil, 3), "1-4 5-8 9-10")
  eq(ranges(3, nil, 8), "1-1 2-2 3-3")
  eq(ranges({}, 0, 4), "")
  eq(ranges(0), "")
  eq(ranges(1), "1-1")
end)

claim("ranges for the workers there are", function()
  multicore.shutdown()
  eq(select(2, ranges(1000):gsub("%d+%-", "")), math.min(papy.cpus(), 1000))
  multicore.initialize(5)
  eq(ranges(10), "1-2 3-4 5-6 7-8 9-10")
  multicore.shutdown()
end)

claim("ranges of what has no length are refused", function()
  raises("an array or a number", multicore.ranges, print)
  raises("an array or a number", multicore.ranges)
  raises("an array or a number", multicore.ranges, -1)
  raises("an array or a number", multicore.ranges, "80")
  raises("number_of_workers", multicore.ranges, 80, 0, 0)
  raises("did you mean 'min_range_size'", multicore.ranges, 80, { min_rangesize = 1 })
end)

T.finish()
