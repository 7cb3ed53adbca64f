-- A worker is the host's state at the fork: whatever a function can reach is simply there.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

-- as typed at the prompt: a chunk of its own, globals
local function typed(code) assert(load(code, "=stdin"))() end

T.each_type(function(worker_type)
  local function map(f, input, options)
    options = options or {}
    options.worker_type = worker_type
    options.worker_num = options.worker_num or 2
    return T.values(papy.NuMap(f, input, options))
  end

  claim("upvalues", function()
    local factor, names = 3, { "one", "two", "three" }
    eq(map(function(x) return names[x] .. factor end, { 1, 2, 3 }), { "one3", "two3", "three3" })
  end)

  claim("functions made by functions", function()
    local function adder(n) return function(x) return x + n end end
    eq(map(adder(5), { 1, 2 }), { 6, 7 })
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(adder(1), { 1, 2 })
    local b = pool:add_task(adder(10), { 1, 2 })
    pool:start()
    eq(a:collect(), { 2, 3 })
    eq(b:collect(), { 11, 12 })
  end)

  claim("a local function that calls itself", function()
    local function factorial(n) return n <= 1 and 1 or n * factorial(n - 1) end
    eq(map(factorial, { 1, 5, 10 }), { 1, 120, 3628800 })
  end)

  claim("local functions that call each other", function()
    local odd
    local function even(n) return n == 0 or odd(n - 1) end
    function odd(n) return n ~= 0 and even(n - 1) end
    eq(map(even, { 4, 7 }), { true, false })
  end)

  claim("a function that counts keeps its count in its worker", function()
    local n = 0
    local function count()
      n = n + 1
      return n
    end
    eq(map(count, T.range(1, 6), { worker_num = 1 }), T.range(1, 6))
    eq(n, 0)
  end)

  claim("a big table as upvalue", function()
    local squares = {}
    for i = 1, 100000 do squares[i] = i * i end
    eq(map(function(i) return squares[i] end, { 1, 1000, 100000 }), { 1, 1000000, 10000000000 })
  end)

  claim("the standard library and its functions as they are", function()
    eq(map(string.upper, { "a", "b" }), { "A", "B" })
    eq(map(math.floor, { 1.5, 2.5 }), { 1, 2 })
    eq(map(function(s) return table.concat({ s:byte(1, -1) }, " ") end, { "ab" }), { "97 98" })
  end)

  claim("varargs and the first of several results", function()
    eq(map(function(...) return select("#", ...) end, { 1, 2 }), { 1, 1 })
    eq(map(function(...) return select("#", ...) end, { 1, 2 }, { args = { "a", "b" } }), { 3, 3 })
  end)

  claim("a function loaded from text", function()
    eq(map(load "local x = ... return x * 2", { 1, 2 }), { 2, 4 })
  end)

  claim("modules the function requires in the worker", function()
    eq(map(function(x) return require("support").range(1, x) end, { 2 }), { { 1, 2 } })
  end)

  claim("modules as upvalues", function()
    local support = require "support"
    eq(map(function(x) return support.range(x, x + 1) end, { 2 }), { { 2, 3 } })
  end)

  claim("papy itself is there", function()
    eq(map(function(x) return x == papy.null and papy.cpus() > 0 and papy.now() > 0 end, { papy.null }), { true })
  end)
end)

claim("globals and functions defined a second ago", function()
  typed "FACTOR = 7"
  typed "function times(x) return x * FACTOR end"
  typed "pool = papy.NuMap { worker_num = 2 }"
  typed "task = pool:add_task(times, { 1, 2, 3 })"
  typed "pool:start()"
  typed "got = task:collect()"
  eq(_G.got, { 7, 14, 21 })
  typed "function times(x) return x * FACTOR * 2 end"
  typed "pool:stop()"
  typed "task = pool:add_task(times, { 1, 2, 3 })"
  typed "pool:start()"
  typed "got = task:collect()"
  eq(_G.got, { 14, 28, 42 })
  typed "pool:stop() pool, task, got, times, FACTOR = nil"
end)

claim("what changes in the host after start does not change in the workers", function()
  local base = 1
  local pool = papy.NuMap { worker_num = 1, stride = 1 }
  local task = pool:add_task(function(x) return x + base end, { 1, 2, 3 })
  base = 10
  pool:start()
  base = 100
  eq(task:collect(), { 11, 12, 13 })
end)

claim("metatables, coroutines and open files reached by a function", function()
  local point = setmetatable({ 1, 2 }, { __index = { sum = function(p) return p[1] + p[2] end } })
  local step = coroutine.wrap(function()
    for i = 1, 10 do coroutine.yield(i) end
  end)
  local file = assert(io.tmpfile())
  file:write "content"
  local pool = papy.NuMap { worker_num = 1 }
  local task = pool:add_task(function(x)
    file:seek "set"
    return { point:sum() + x, step(), file:read "a" }
  end, { 10, 20 })
  pool:start()
  eq(task:collect(), { { 13, 1, "content" }, { 23, 2, "content" } })
end)

claim("a method through a closure", function()
  local Scaler = {}
  Scaler.__index = Scaler
  function Scaler:scale(x) return x * self.by end
  local scaler = setmetatable({ by = 4 }, Scaler)
  eq(T.values(papy.NuMap(function(x) return scaler:scale(x) end, { 1, 2 })), { 4, 8 })
end)

claim("a worker's globals are its own", function()
  local pool = papy.NuMap { worker_num = 1 }
  local task = pool:add_task(function(x)
    SEEN = (SEEN or 0) + x -- luacheck: ignore
    return SEEN -- luacheck: ignore
  end, { 1, 2, 3 })
  pool:start()
  eq(task:collect(), { 1, 3, 6 })
  eq(rawget(_G, "SEEN"), nil)
end)

claim("a big table made before the fork is not copied", function()
  local big = {}
  for i = 1, 400000 do big[i] = { i } end
  collectgarbage()
  local function private_dirty()
    local kb = 0
    for line in io.lines "/proc/self/smaps_rollup" do
      kb = tonumber(line:match "^Private_Dirty:%s+(%d+)") or kb
    end
    return kb
  end
  local whole = collectgarbage "count"
  local pool = papy.NuMap { worker_num = 1, stride = 16, batch = "auto" }
  local n = 0
  local task = pool:add_task(function(i)
    if i == 0 then return private_dirty() end
    local scratch = { big[i][1] }
    return scratch[1]
  end, function()
    n = n + 1
    return n <= 20000 and n or n == 20001 and 0 or nil
  end)
  pool:start()
  local last
  for v in task do last = v end
  ok(last < whole / 4, "private dirty", last, "kB of a table of", whole, "kB")
  pool:stop()
end)

claim("an inherited pool cannot be used in a worker, and does no harm when collected there", function()
  local pool, task
  pool = papy.NuMap { worker_num = 1, stride = 1 }
  task = pool:add_task(function(x)
    local good = task and pcall(task.next, task)
    if pool then pcall(pool.stop, pool, { force = true }) end
    pool, task = nil, nil
    collectgarbage()
    collectgarbage()
    return { x, good }
  end, { 1, 2 })
  pool:start()
  eq(task:next(), { 1, false })
  eq(task:next()[1], 2)
  eq(task:next(), nil)
end)

claim("a large buffer and many items", function()
  local pool = papy.NuMap { worker_num = 2, stride = 20000, batch = "auto" }
  local task = pool:add_task(function(x) return x * x end, (T.counter(60000)))
  pool:start()
  local i = 0
  for v in task do
    i = i + 1
    if v ~= i * i then eq(v, i * i) end
  end
  eq(i, 60000)
  pool:stop()
end)

claim("errors in functions without a file name their chunk", function()
  local f = load("local x = ... return x.y.z", "=stdin")
  local pool = papy.NuMap(f, { {} })
  local e = raises("function", pool.next, pool)
  ok(tostring(e):find "stdin:1:", tostring(e))
end)

T.finish()
