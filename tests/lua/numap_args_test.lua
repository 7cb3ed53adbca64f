-- args: constant arguments after the item.
local T = require "support"
local claim, eq, raises = T.claim, T.eq, T.raises

T.each_type(function(worker_type)
  local function map(f, input, options)
    options.worker_type, options.worker_num = worker_type, 2
    return T.values(papy.NuMap(f, input, options))
  end

  claim("the function is called with the item and the arguments", function()
    eq(map(function(...) return { n = select("#", ...), ... } end, { "i" }, { args = { 1, "two", { 3 } } }),
      { { n = 4, "i", 1, "two", { 3 } } })
  end)

  claim("no arguments, empty arguments", function()
    eq(map(function(...) return select("#", ...) end, { "i" }, {}), { 1 })
    eq(map(function(...) return select("#", ...) end, { "i" }, { args = {} }), { 1 })
  end)

  claim("a library function with an argument", function()
    eq(map(math.fmod, { 7, 8, 9 }, { args = { 4 } }), { 3, 0, 1 })
    eq(map(string.rep, { "a", "b" }, { args = { 3, "-" } }), { "a-a-a", "b-b-b" })
  end)

  claim("false and null as arguments", function()
    eq(map(function(_, a, b) return { a, b } end, { 1 }, { args = { false, papy.null } }), { { false, papy.null } })
  end)

  claim("a table as argument stands for named arguments", function()
    eq(map(function(x, o) return x * o.by + o.plus end, { 1, 2 }, { args = { { by = 10, plus = 1 } } }), { 11, 21 })
  end)

  claim("functions as arguments", function()
    local by = 5
    eq(map(function(x, f) return f(x) end, { 1, 2 }, { args = { function(x) return x * by end } }), { 5, 10 })
  end)

  claim("every task has its own arguments", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local function pair(x, y) return x .. y end
    local a = pool:add_task(pair, { 1, 2 }, { args = { "a" } })
    local b = pool:add_task(pair, { 1, 2 }, { args = { "b" } })
    pool:start()
    eq(a:collect(), { "1a", "2a" })
    eq(b:collect(), { "1b", "2b" })
  end)
end)

claim("arguments are inherited by processes and need not be sendable", function()
  local step = coroutine.wrap(function()
    for i = 1, 9 do coroutine.yield(i) end
  end)
  local pool = papy.NuMap(function(x, f) return x + f() end, { 10, 20 }, { worker_num = 1, args = { step } })
  eq(T.values(pool), { 11, 22 })
end)

claim("an argument that cannot be sent to a thread is named", function()
  local pool = papy.NuMap { worker_type = "thread", worker_num = 1 }
  raises("file", function()
    pool:add_task(function(x) return x end, { 1 }, { args = { 1, { out = io.stdout } } })
    pool:start()
  end)
end)

T.finish()
