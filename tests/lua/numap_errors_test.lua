-- Whatever goes wrong with an item is raised in the item's place, and the next call goes on with the next item.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

T.each_type(function(worker_type)
  -- a started pool with one task of that function
  local function task_of(f, input, options)
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local task = pool:add_task(f, input, options)
    pool:start()
    return task
  end

  -- next() of the task raises; the error
  local function failure(task, kind)
    local e = raises(kind or "function", task.next, task)
    eq(e.kind, kind or "function")
    return e
  end

  claim("an error is raised in its place and the others come", function()
    local task = task_of(function(x) return x + 1 end, { 1, "a", 3 })
    eq(task:next(), 2)
    failure(task)
    eq(task:next(), 4)
    eq(task:next(), nil)
  end)

  claim("every one of many errors is raised", function()
    local task = task_of(function(x)
      if x % 3 == 0 then error("bad " .. x) end
      return x
    end, T.range(1, 100))
    for i = 1, 100 do
      if i % 3 == 0 then
        raises("bad " .. i, task.next, task)
      else
        eq(task:next(), i)
      end
    end
    eq(task:next(), nil)
  end)

  claim("a raised string: the message with the user's position, the value, task, index, item", function()
    local task = task_of(function(x)
      if x == "b" then error("no " .. x) end
      return x
    end, { "a", "b", "c" })
    eq(task:next(), "a")
    local e = failure(task)
    ok(e.message:find "no b", e.message)
    ok(tostring(e):find "numap_errors_test%.lua:%d+: no b", tostring(e))
    eq(e.task, 1)
    eq(e.index, 2)
    ok(tostring(e.item):find "b", e.item)
    ok(tostring(e.value):find "no b", e.value)
    ok(e.traceback:find "numap_errors_test%.lua:%d+", e.traceback)
    eq(task:next(), "c")
  end)

  claim("a runtime error of Lua: the user's position", function()
    local task = task_of(function(x) return x.field.deeper end, { {} })
    local e = failure(task)
    ok(tostring(e):find "numap_errors_test%.lua:%d+:.*field", tostring(e))
  end)

  claim("an error carries the name of the task", function()
    local task = task_of(function() error "x" end, { 1 }, { name = "parse" })
    eq(failure(task).name, "parse")
  end)

  claim("an error of a task without a name names the function by file and line", function()
    local task = task_of(function() error "x" end, { 1 })
    local name = failure(task).name
    ok(tostring(name):find "numap_errors_test%.lua:%d+", name)
  end)

  claim("task and index count from 1 in every task", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    pool:add_task(same, { 1 })
    local task = pool:add_task(function() error "x" end, { "p", "q" })
    pool:start()
    local first, second = failure(task), failure(task)
    eq({ first.task, first.index, second.task, second.index }, { 2, 1, 2, 2 })
  end)

  claim("a raised table is the value of the error", function()
    local task = task_of(function(x) error { code = x, list = { x } } end, { 7 })
    local e = failure(task)
    eq(e.value, { code = 7, list = { 7 } })
    ok(type(e.message) == "string" and #tostring(e) > 0, "message", e.message)
  end)

  claim("a raised nil is an error like others", function()
    local task = task_of(function(x)
      if x == 1 then error() end
      return x
    end, { 1, 2 })
    local e = failure(task)
    eq(e.value, nil)
    ok(type(e.message) == "string", "message", e.message)
    eq(task:next(), 2)
  end)

  claim("raised false, null and numbers are errors", function()
    local task = task_of(function(x) error(x, 0) end, { false, papy.null, 42, 1.5 })
    eq(failure(task).value, false)
    failure(task)
    eq(failure(task).value, 42)
    eq(failure(task).value, 1.5)
    eq(task:next(), nil)
  end)

  claim("a raised object is described by its __tostring", function()
    local task = task_of(function(x)
      error(setmetatable({}, { __tostring = function() return "object " .. x end }))
    end, { 5 })
    local e = failure(task)
    ok(e.message:find "object 5", e.message)
  end)

  claim("a raised object whose __tostring raises is still an error", function()
    local task = task_of(function(x)
      if x == 1 then error(setmetatable({}, { __tostring = function() error "again" end })) end
      return x
    end, { 1, 2 })
    ok(failure(task).message:find "a table whose __tostring fails", "message")
    eq(task:next(), 2)
  end)

  claim("an error in a coroutine of the function", function()
    local task = task_of(function(x)
      return coroutine.wrap(function() error("inside " .. x) end)()
    end, { 1 })
    ok(failure(task).message:find "inside 1", "message")
  end)

  claim("a function that yields outside a coroutine is an error of its item", function()
    local task = task_of(function(x)
      if x == 1 then coroutine.yield(x) end
      return x
    end, { 1, 2 })
    failure(task)
    eq(task:next(), 2)
  end)

  claim("the sentence about a large item is short", function()
    local task = task_of(function() error "x" end, { ("long "):rep(100000), { ("y"):rep(100000), T.range(1, 10000) } })
    for _ = 1, 2 do
      local e = failure(task)
      ok(#tostring(e) < 1000, #tostring(e))
    end
  end)

  claim("a raised value that cannot travel is still the item's error", function()
    local task = task_of(function(x)
      if x == 1 then error { co = coroutine.create(print) } end
      return x
    end, { 1, 2 })
    local good, e = pcall(task.next, task)
    ok(not good and (e.kind == "function" or e.kind == "codec"), e)
    eq(task:next(), 2)
  end)

  claim("of an error value with fields that cannot travel all others do, and those in words", function()
    for _, give in ipairs { error, function(e) return e end } do
      local task = task_of(function()
        return give(papy.Error { kind = "mine", message = "m", file = io.stdout, limit = 5, whole = false, [7] = "seven",
          [io.stdout] = true })
      end, { 1 })
      local e = raises("mine", task.next, task)
      eq({ e.message, e.limit, e.whole, e[7], e.index }, { "m", 5, false, "seven", 1 })
      ok(e.file:find "^file %(", e.file)
    end
    local mine = papy.Error { kind = "mine", message = "m", file = io.stdout }
    for _, input in ipairs { { mine }, function() error(mine) end } do
      local task = task_of(function(x) return x end, input)
      ok(raises("mine", task.next, task).file:find "^file %(", "file")
    end
    eq(mine.file, io.stdout)
  end)

  claim("returning an error is the same as raising it", function()
    local source = task_of(function() error "the first" end, { 1 })
    local e = failure(source)
    local task = task_of(function(x)
      if x == 2 then return e end
      return x
    end, { 1, 2, 3 })
    eq(task:next(), 1)
    local again = raises("the first", task.next, task)
    eq(again.kind, "function")
    eq(task:next(), 3)
    eq(task:next(), nil)
  end)

  claim("raising an error value raises that error", function()
    local source = task_of(function() error "the first" end, { 1 })
    local e = failure(source)
    local task = task_of(function() error(e) end, { 1 })
    local again = raises("the first", task.next, task)
    eq(again.kind, "function")
  end)

  claim("a function cannot end the stream, whatever it raises or returns", function()
    local task = task_of(function(x)
      if x == 2 then error(nil) end
      return nil
    end, { 1, 2, 3 })
    eq(task:next(), papy.null)
    failure(task)
    eq(task:next(), papy.null)
    eq(task:next(), nil)
  end)

  claim("a stack overflow is an error of its item", function()
    local function deeper(x) return 1 + deeper(x) end
    local task = task_of(function(x) return x == 2 and deeper(x) or x end, { 1, 2, 3 })
    eq(task:next(), 1)
    local e = failure(task)
    ok(e.message:find "overflow", e.message)
    eq(task:next(), 3)
  end)

  claim("a failed item of the inner task passes the outer one without calling it", function()
    local note, notes = T.notes()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2, stride = 2, buffer = 2 }
    local inner = pool:add_task(function(x)
      if x % 3 == 0 then error("bad " .. x) end
      return x
    end, T.range(1, 9))
    local outer = pool:add_task(function(x)
      note(x)
      return 10 * x
    end, inner)
    local last = pool:add_task(function(x) return x + 1 end, outer)
    pool:start()
    for i = 1, 9 do
      if i % 3 == 0 then
        local e = raises("bad " .. i, last.next, last)
        eq(e.kind, "function")
        eq({ e.task, e.index }, { 1, i })
      else
        eq(last:next(), 10 * i + 1)
      end
    end
    eq(last:next(), nil)
    local called = {}
    for _, x in ipairs(notes()) do called[tonumber(x)] = true end
    eq(called, { [1] = true, [2] = true, [4] = true, [5] = true, [7] = true, [8] = true })
  end)

  claim("a failed item of another pool passes, too", function()
    local first = papy.NuMap { worker_type = worker_type, worker_num = 1 }
    local second = papy.NuMap { worker_type = worker_type, worker_num = 1 }
    local a = first:add_task(function(x)
      if x == 2 then error "bad 2" end
      return x
    end, { 1, 2, 3 })
    local b = second:add_task(same, a)
    first:start()
    second:start()
    eq(b:next(), 1)
    raises("bad 2", b.next, b)
    eq(b:next(), 3)
    eq(b:next(), nil)
  end)

  claim("a failed part of a join passes in its place", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local a = pool:add_task(function(x)
      if x == 2 then error "bad a" end
      return x
    end, { 1, 2, 3 })
    local b = pool:add_task(same, { "p", "q", "r" })
    local c = pool:add_task(function(x) return x[1] .. x[2] end, papy.zip(a, b))
    pool:start()
    eq(c:next(), "1p")
    raises("bad a", c.next, c)
    eq(c:next(), "3r")
    eq(c:next(), nil)
  end)

  claim("an input that raises: the items before it, the error in its place, the end", function()
    local n = 0
    local task = task_of(same, function()
      n = n + 1
      if n == 4 then error "disk on fire" end
      return n
    end)
    for i = 1, 3 do eq(task:next(), i) end
    local e = failure(task, "input")
    ok(tostring(e):find "disk on fire", tostring(e))
    ok(tostring(e):find "numap_errors_test%.lua:%d+", tostring(e))
    eq(e.index, 4)
    for _ = 1, 3 do eq(task:next(), nil) end
  end)

  claim("an error value that an input raises or gives is that of the item, and keeps its kind and index", function()
    local function mine(fields)
      fields.kind, fields.message = "mine", "m"
      return papy.Error(fields)
    end
    local task = task_of(function(x) return x end, { 1, mine {}, mine { index = 7 }, 4 })
    local results = task:collect { errors = "return" }
    eq({ results[1], results[4] }, { 1, 4 })
    eq({ results[2].kind, results[2].index, results[2].task, results[3].index }, { "mine", 2, 1, 7 })
    task = task_of(function(x) return x end, function() error(mine {}) end)
    results = task:collect { errors = "return" }
    eq({ #results, results[1].kind, results[1].index, results[1].task }, { 1, "mine", 1, 1 })
  end)

  claim("an input that raises at once", function()
    local task = task_of(same, function() error { "table" } end)
    failure(task, "input")
    eq(task:next(), nil)
  end)

  claim("an input that raises ends its task only", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2, stride = 2 }
    local n = 0
    local a = pool:add_task(same, function()
      n = n + 1
      if n == 2 then error "over" end
      return n
    end)
    local b = pool:add_task(same, T.range(1, 20))
    pool:start()
    eq(a:next(), 1)
    eq(b:next(), 1)
    raises("over", a.next, a)
    eq(b:next(), 2)
    eq(a:next(), nil)
    eq(b:collect(), T.range(3, 20))
  end)

  claim("an input that raises in a chain is raised at its end", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local n = 0
    local a = pool:add_task(same, function()
      n = n + 1
      if n == 3 then error "over" end
      return n
    end)
    local b = pool:add_task(same, a)
    pool:start()
    eq(b:next(), 1)
    eq(b:next(), 2)
    local e = raises("over", b.next, b)
    eq(e.kind, "input")
    eq(b:next(), nil)
  end)

  claim("a result that cannot be sent is an error of its item that names the path", function()
    local task = task_of(function(x)
      if x == 2 then return { a = { b = coroutine.create(print) } } end
      return x
    end, { 1, 2, 3 })
    eq(task:next(), 1)
    local e = failure(task, "codec")
    ok(e.message:find("a.b", 1, true), e.message)
    eq({ e.task, e.index }, { 1, 2 })
    eq(task:next(), 3)
    eq(task:next(), nil)
  end)

  claim("an item that cannot be sent is an error in its place that names the path", function()
    local task = task_of(same, { 1, { list = { 5, io.stdout } }, 3 })
    eq(task:next(), 1)
    local e = failure(task, "codec")
    ok(e.message:find("list[2]", 1, true), e.message)
    eq({ e.task, e.index }, { 1, 2 })
    eq(task:next(), 3)
    eq(task:next(), nil)
  end)

  claim("bare values that cannot be sent", function()
    local task = task_of(function() return coroutine.create(print) end, { 1 })
    failure(task, "codec")
    task = task_of(same, { io.stdout, 2 })
    failure(task, "codec")
    eq(task:next(), 2)
  end)

  claim("an error does not disturb tasks beside it", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2, stride = 2 }
    local a = pool:add_task(function() error "x" end, T.range(1, 10))
    local b = pool:add_task(same, T.range(1, 10))
    pool:start()
    for i = 1, 10 do
      failure(a)
      eq(b:next(), i)
    end
    eq(a:next(), nil)
    eq(b:next(), nil)
  end)

  claim("retries call the function of a failed item again", function()
    local note, notes = T.notes()
    local task = task_of(function(x)
      note(x)
      local calls = 0
      for _, n in ipairs(notes()) do calls = calls + (n == tostring(x) and 1 or 0) end
      if x == 2 and calls < 3 then error("attempt " .. calls) end
      return x * 10 + calls
    end, { 1, 2, 3 }, { retries = 2 })
    eq(task:collect(), { 11, 23, 31 })
  end)

  claim("retries run out", function()
    local note, notes = T.notes()
    local task = task_of(function(x)
      note(x)
      error "never"
    end, { 1 }, { retries = 2 })
    raises("never", task.next, task)
    eq(#notes(), 3)
    eq(task:next(), nil)
  end)

  claim("without retries a function is called once for an item", function()
    local note, notes = T.notes()
    local task = task_of(function(x)
      note(x)
      error "once"
    end, { 1 })
    failure(task)
    eq(#notes(), 1)
  end)
end)

claim("a failed item costs no collection of all that the worker has inherited", function()
  local weak = setmetatable({}, {__mode = "v"})
  local pool = papy.NuMap(function(x)
    if x == 2 then return weak[1] ~= nil end
    collectgarbage "stop"
    weak[1] = {}
    error "no"
  end, {1, 2}, {worker_num = 1})
  raises("no", pool.next, pool)
  eq(pool:next(), true)
end)

claim("a handler sees the same error as pcall", function()
  local pool = papy.NuMap(function() error "seen" end, { 1 })
  local _, e = xpcall(pool.next, same, pool)
  eq(e.kind, "function")
end)

claim("a for loop ends with the error, the stream goes on after it", function()
  local pool = papy.NuMap(function(x)
    if x == 2 then error "stop here" end
    return x
  end, { 1, 2, 3 })
  local got = {}
  raises("stop here", function()
    for v in pool do got[#got + 1] = v end
  end)
  for v in pool do got[#got + 1] = v end
  eq(got, { 1, 3 })
end)

claim("a failed part of a zip costs its row and nothing of the next one", function()
  local pool = papy.NuMap { worker_num = 1 }
  local a = pool:add_task(function(x) if x == 2 then error "bad" end return x end, { 1, 2, 3, 4 })
  local n = 0
  local rows = pool:add_task(function(x) return table.concat(x, " ") end, papy.zip({ 5, 6, 7, 8 }, a, { 10, 20, 30, 40 },
    function() n = n + 1 return n end))
  pool:start()
  eq(rows(), "5 1 10 1")
  raises("bad", rows)
  eq(rows(), "7 3 30 3")
  eq(rows(), "8 4 40 4")
  eq(rows(), nil)
end)

-- ---- what a person reads ----

claim("errors name the pool", function()
  local first = papy.NuMap { worker_num = 1, name = "first" }
  local a = first:add_task(function(x) if x == 1 then error "no" end papy.sleep(60) end, { 1, 2 })
  local e = raises("pool 'first' is not started", a)
  eq(e.pool, "first")
  first:start()
  raises("pool 'first' is started", first.add_task, first, print, {})
  e = raises("of pool 'first'", a)
  eq({ e.pool, e.index }, { "first", 1 })
  e = raises("pool 'first': no result of task 1", a.next, a, 0)
  eq(e.pool, "first")
  raises("pool 'first': no task 7", first.next, first, { task = 7 })
  first:stop { force = true }
  raises("pool 'first' is stopped", a)

  -- an error that passes through another pool keeps its own
  local one, two = papy.NuMap { name = "one" }, papy.NuMap { name = "two" }
  local inner = one:add_task(function() error "inner" end, { 1 })
  local outer = two:add_task(function(x) return x end, inner)
  one:start()
  two:start()
  e = raises("of pool 'one'", outer)
  eq(e.pool, "one")
  one:stop()
  two:stop()

  local killed = papy.NuMap { name = "killed", worker_num = 1 }
  local k = killed:add_task(function() os.exit(3) end, { 1 })
  killed:start()
  eq(raises("of pool 'killed'", k).pool, "killed")
  killed:stop()
  local early = papy.NuMap(print, function() error "no input" end, { name = "early" })
  eq(raises("no input", early).pool, "early")
  early:stop()
end)

claim("an uncaught error shows no functions of papy's own on top", function()
  local calls = { "papy.NuMap{strid = 2}", "papy.NuMap():next()", "papy.NuMap():add_task(1, 2)",
    "papy.NuMap(function() error 'e' end, {1})()", "for _ in papy.NuMap(papy.sleep, {60}, {timeout = 0.1}) do end",
    "papy.Plumber():start()" }
  for _, call in ipairs(calls) do
    local text, status = T.run("local function f()\n  " .. call .. "\nend\nf()\n")
    eq(status, 1)
    ok(text:find "stack traceback:\n\t[^\n%[]*:2: in ", call, text)
  end
  -- in a directory that is called like one of papy's, too
  local dir = T.temp()
  os.remove(dir)
  os.execute(("mkdir -p %s/lua"):format(dir))
  local script = io.open(dir .. "/lua/numap.lua", "w")
  script:write "papy.NuMap{strid = 2}"
  script:close()
  local text = T.read_all(("cd %s && %s lua/numap.lua 2>&1; rm -r %s"):format(dir, T.papy(), dir))
  ok(text:find "papy: lua/numap.lua:1: NuMap: unknown option 'strid'", text)
  ok(text:find "stack traceback:\n\tlua/numap.lua:1: in ", text)
  -- what is not papy's stays
  ok(T.run "string.rep()":find "%[C%]: in function 'string.rep'")
end)

T.finish()
