-- Tasks, inputs, and the ways to ask for results.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end
local function double(x) return 2 * x end

-- a started pool with one task
local function pool_of(worker_type, f, input, options)
  local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
  local task = pool:add_task(f, input, options)
  pool:start()
  return pool, task
end

T.each_type(function(worker_type)
  claim("iterating the pool gives the results of task 1", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    pool:add_task(double, { 1, 2, 3 })
    local second = pool:add_task(same, { 7, 8 })
    pool:start()
    local got = {}
    for v in pool do got[#got + 1] = v end
    eq(got, { 2, 4, 6 })
    eq(T.values(second), { 7, 8 })
  end)

  claim("a second pass over a pool gives nothing", function()
    local pool = papy.NuMap(same, { 1, 2 }, { worker_type = worker_type })
    eq(T.values(pool), { 1, 2 })
    eq(T.values(pool), {})
  end)

  claim("a task is its own iterator", function()
    local _, task = pool_of(worker_type, double, { 1, 2, 3 })
    eq(T.values(task), { 2, 4, 6 })
  end)

  claim("next gives results and then nil as often as it is asked", function()
    local pool, task = pool_of(worker_type, same, { 5 })
    eq(task:next(), 5)
    for _ = 1, 5 do eq(task:next(), nil) end
    for _ = 1, 5 do eq(pool:next(), nil) end
    eq(pool:next { task = 1 }, nil)
    eq(task:next { timeout = 0.1 }, nil)
    eq(task:next { block = false }, nil)
  end)

  claim("next of the pool chooses the task by its number", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    pool:add_task(same, { "a", "b" })
    pool:add_task(same, { "c", "d" })
    pool:start()
    eq(pool:next { task = 2 }, "c")
    eq(pool:next { task = 1 }, "a")
    eq(pool:next(), "b")
    eq(pool:next { task = 2 }, "d")
    eq(pool:next { task = 2 }, nil)
    eq(pool:next(), nil)
  end)

  claim("get_task shares the stream of the task", function()
    local pool, task = pool_of(worker_type, same, { 1, 2, 3, 4 })
    local other = pool:get_task(1)
    eq(task:next(), 1)
    eq(other:next(), 2)
    eq(pool:next(), 3)
    eq(pool:get_task(1):next(), 4)
    eq(other:next(), nil)
    eq(task:next(), nil)
  end)

  claim("false and null are values", function()
    local _, task = pool_of(worker_type, same, { false, papy.null, 1 })
    eq(task:next(), false)
    eq(task:next(), papy.null)
    eq(task:next(), 1)
    eq(task:next(), nil)
  end)

  claim("a loop goes on past false and null", function()
    local _, task = pool_of(worker_type, same, { false, papy.null, 1 })
    eq(T.values(task), { false, papy.null, 1 })
  end)

  claim("a function that returns nothing has produced null", function()
    local _, task = pool_of(worker_type, function() end, { 1, 2, 3 })
    eq(T.values(task), { papy.null, papy.null, papy.null })
  end)

  claim("a function that returns nil has produced null", function()
    local _, task = pool_of(worker_type, function() return nil end, { 1, 2 })
    eq(T.values(task), { papy.null, papy.null })
  end)

  claim("null feeds the next task as null", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(function() end, { 1, 2 })
    local b = pool:add_task(function(x) return x == papy.null end, a)
    pool:start()
    eq(T.values(b), { true, true })
  end)

  claim("only the first returned value is the result", function()
    local _, task = pool_of(worker_type, function(x) return x, "more", "and more" end, { 1, 2 })
    eq(T.values(task), { 1, 2 })
  end)

  claim("calling the pool with a function adds a task, calling it without one is next", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool(same, { 1, 2, 3 })
    local b = pool(function(x, y) return x .. y end, { "p", "q" }, { args = { "!" } })
    pool:start()
    eq(pool(), 1)
    eq(pool(nil, 1), 2)
    eq(a:next(), 3)
    eq(a(), nil)
    eq(b(), "p!")
    eq(b:next(), "q!")
  end)

  claim("the function may be anything callable", function()
    local callable = setmetatable({ by = 3 }, { __call = function(self, x) return x * self.by end })
    local pool = papy.NuMap { worker_type = "process", worker_num = 2 }
    local task = pool:add_task(callable, { 1, 2 })
    local root = pool:add_task(math.sqrt, { 4, 9 })
    pool:start()
    eq(T.values(task), { 3, 6 })
    eq(T.values(root), { 2.0, 3.0 })
  end)

  claim("input: an array table", function()
    local _, task = pool_of(worker_type, double, { 1, 2, 3, 4, 5 })
    eq(T.values(task), { 2, 4, 6, 8, 10 })
  end)

  claim("input: an iterator function", function()
    local _, task = pool_of(worker_type, same, string.gmatch("a b c", "%a"))
    eq(T.values(task), { "a", "b", "c" })
  end)

  claim("input: a coroutine", function()
    local _, task = pool_of(worker_type, same, coroutine.wrap(function()
      for i = 1, 5 do coroutine.yield(i) end
    end))
    eq(T.values(task), { 1, 2, 3, 4, 5 })
  end)

  claim("input: a callable object", function()
    local n = 0
    local source = setmetatable({}, { __call = function()
      n = n + 1
      return n <= 3 and n or nil
    end })
    local _, task = pool_of(worker_type, same, source)
    eq(T.values(task), { 1, 2, 3 })
  end)

  claim("input: an object with next", function()
    local source = { n = 0 }
    function source:next()
      self.n = self.n + 1
      return self.n <= 3 and self.n or nil
    end
    local _, task = pool_of(worker_type, same, source)
    eq(T.values(task), { 1, 2, 3 })
  end)

  claim("input: a task", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(double, { 1, 2, 3 })
    local b = pool:add_task(double, a)
    pool:start()
    eq(T.values(b), { 4, 8, 12 })
    eq(a:next(), nil)
  end)

  claim("input: a task asked for by get_task", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    pool:add_task(double, { 1, 2, 3 })
    local b = pool:add_task(double, pool:get_task(1))
    pool:start()
    eq(T.values(b), { 4, 8, 12 })
  end)

  claim("input: the pool itself is its task 1", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    pool:add_task(double, { 1, 2, 3 })
    local b = pool:add_task(double, pool)
    pool:start()
    eq(T.values(b), { 4, 8, 12 })
  end)

  claim("input: another pool", function()
    local first = papy.NuMap(double, { 1, 2, 3 }, { worker_type = worker_type })
    local second = papy.NuMap(double, first, { worker_type = worker_type })
    eq(T.values(second), { 4, 8, 12 })
  end)

  claim("input: papy.zip of tasks", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(double, { 1, 2, 3 })
    local b = pool:add_task(same, { "x", "y", "z" })
    local c = pool:add_task(function(pair) return pair[1] .. pair[2] end, papy.zip(a, b))
    pool:start()
    eq(T.values(c), { "2x", "4y", "6z" })
    eq(a:next(), nil)
    eq(b:next(), nil)
  end)

  claim("input: papy.zip of a task and a table", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(double, { 1, 2, 3 })
    local c = pool:add_task(function(pair) return pair[1] + pair[2] end, papy.zip(a, { 10, 20, 30 }))
    pool:start()
    eq(T.values(c), { 12, 24, 36 })
  end)

  claim("input: empty ones of every kind", function()
    for _, empty in ipairs { {}, function() end, { next = function() end } } do
      local _, task = pool_of(worker_type, same, empty)
      eq(task:next(), nil)
      eq(task:next(), nil)
    end
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(same, {})
    local b = pool:add_task(same, a)
    pool:start()
    eq(b:next(), nil)
    eq(a:next(), nil)
  end)

  claim("many items come out once and in order", function()
    local n = 3000
    local _, task = pool_of(worker_type, double, (T.counter(n)))
    local i = 0
    for v in task do
      i = i + 1
      if v ~= 2 * i then eq(v, 2 * i, "item " .. i) end
    end
    eq(i, n)
  end)

  claim("two tasks keep their results apart", function()
    for _, workers in ipairs { 1, 2, 5 } do
      for _, stride in ipairs { 1, 2, 5, 8 } do
        local pool = papy.NuMap { worker_type = worker_type, worker_num = workers, stride = stride }
        pool:add_task(function(x) return x + 1 end, { 1, 17, 23, 6, 0 })
        pool:add_task(function(x) return x - 1 end, { 8, 4, 24, 45, 2 })
        pool:start()
        local got = {}
        for i = 1, 5 do got[i] = { pool:next { task = 1 }, pool:next { task = 2 } } end
        eq(got, { { 2, 7 }, { 18, 3 }, { 24, 23 }, { 7, 44 }, { 1, 1 } })
        pool:stop()
      end
    end
  end)
end)

claim("a started pool takes no more tasks", function()
  local pool = papy.NuMap()
  pool:add_task(same, { 1 })
  pool:start()
  raises("start", pool.add_task, pool, same, { 2 })
  raises("start", pool, same, { 2 })
  raises("start", pool.pop_task, pool, 1)
  eq(pool:next(), 1)
  eq(pool:next(), nil)
  raises("start", pool.add_task, pool, same, { 2 })
  pool:stop()
  pool:add_task(same, { 2 })
  pool:start()
  eq(pool:next(), 2)
end)

claim("start is idempotent", function()
  local pool = papy.NuMap()
  pool:add_task(same, { 1, 2 })
  pool:start()
  pool:start()
  eq(T.values(pool), { 1, 2 })
end)

claim("pop_task takes tasks away from the end", function()
  local pool = papy.NuMap()
  pool:add_task(same, { 1 })
  pool:add_task(same, { 2 })
  pool:add_task(same, { 3 })
  pool:pop_task(2)
  pool:start()
  eq(pool:next(), 1)
  raises("2", pool.next, pool, { task = 2 })
  pool:stop()
end)

claim("pop_task(true) takes all, and others can be added", function()
  local pool = papy.NuMap()
  pool:add_task(same, { 1 })
  pool:add_task(same, { 2 })
  pool:pop_task(true)
  pool:add_task(same, { 3 })
  pool:start()
  eq(T.values(pool), { 3 })
end)

claim("pop_task of nothing does nothing, of too many is refused", function()
  local pool = papy.NuMap()
  pool:add_task(same, { 1 })
  pool:pop_task(0)
  raises("2", pool.pop_task, pool, 2)
end)

claim("a task that does not exist is refused by number", function()
  local pool = papy.NuMap(same, { 1 })
  raises("7", pool.next, pool, { task = 7 })
  raises("7", pool.get_task, pool, 7)
  raises("0", pool.next, pool, { task = 0 })
  eq(pool:next(), 1)
end)

claim("collect gives all that is left as an array", function()
  local pool = papy.NuMap { worker_num = 2 }
  local task = pool:add_task(double, { 1, 2, 3, 4 })
  pool:start()
  eq(task:next(), 2)
  eq(task:collect(), { 4, 6, 8 })
  eq(task:next(), nil)
  eq(task:collect(), {})
end)

claim("collect takes everything before it raises the first error, and loses nothing", function()
  local pool = papy.NuMap { worker_num = 2, buffer = 3 }
  local task = pool:add_task(function(x)
    if x % 3 == 0 then error("no " .. x, 0) end
    return x
  end, T.range(1, 7))
  pool:start()
  local e = raises("no 3", task.collect, task)
  eq(e.index, 3)
  eq({ e.results[1], e.results[2], e.results[4], e.results[5], e.results[7] }, { 1, 2, 4, 5, 7 })
  ok(rawequal(e.results[3], e), e.results[3])
  eq(e.results[6].message, "no 6")
  eq(#e.results, 7)
  eq(task:collect(), {})
  pool:stop()
end)

claim("what collect took before its time was up is with the error; the rest comes next time", function()
  local pool = papy.NuMap { worker_num = 1, buffer = 4 }
  local task = pool:add_task(function(x)
    if x == 3 then papy.sleep(1.5 * T.slow) end
    return x
  end, T.range(1, 5), { timeout = 0.4 * T.slow })
  pool:start()
  local e = raises("timeout", task.collect, task)
  eq(e.results, { 1, 2 })
  ok(T.wait_until(function() return pool:stats().done == 5 end))
  eq(task:collect(), { 3, 4, 5 })
  pool:stop()
end)

claim("what collect took before a deadlock is with the error", function()
  local pool = papy.NuMap { worker_num = 1, stride = 2, buffer = 4 }
  local a = pool:add_task(function(x) return x end, T.range(1, 8))
  local b = pool:add_task(function(x) return -x end, T.range(1, 8))
  pool:start()
  local e = raises("deadlock", a.collect, a)
  eq(e.results, { 1, 2, 3, 4 })
  eq(b(), -1)
  pool:stop { force = true }
end)

claim("null prints as null and is falsy for nobody", function()
  eq(tostring(papy.null), "null")
  ok(papy.null, "null is not nil")
  eq(papy.null == papy.null, true)
end)

T.finish()
