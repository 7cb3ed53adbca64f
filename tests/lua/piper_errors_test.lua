-- Failed items travel as values in their places; debug mode raises them; inputs that raise; workers that die.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Piper = papy.Piper

local function same(i) return i[1] end
local function square(i) return i[1] * i[1] end
local function double(i) return 2 * i[1] end
local function both(i) return { i[1], i[2] } end

local function is_error(x) return getmetatable(x) == papy.Error end

-- a stream with errors as their kinds
local function kinds(p)
  local out = {}
  for v in p do out[#out + 1] = is_error(v) and v.kind or v end
  return out
end

-- f(pool): nil for linear pipers
local function each_way(name, f)
  claim(name .. " (linear)", function() f(function() return nil end) end)
  for _, worker_type in ipairs { "process", "thread" } do
    claim(("%s (%s)"):format(name, worker_type), function()
      f(function() return papy.NuMap { worker_type = worker_type, worker_num = 2 } end)
    end)
  end
end

each_way("a failed item is an error in its place, and the stream goes on", function(pool)
  local p = Piper(square, { parallel = pool() }) { { 1, "a", 3 } }
  p:start()
  eq(p:next(), 1)
  local e = p:next()
  ok(is_error(e))
  eq(e.kind, "function")
  eq(e.index, 2)
  eq(e.item, '{"a"}')
  ok(e.name:find "piper_errors_test.lua:%d+", e.name)
  ok(e.message:find "piper_errors_test.lua:%d+: attempt", e.message)
  ok(e.traceback:find "piper_errors_test", e.traceback)
  eq(p:next(), 9)
  eq(p:next(), nil)
end)

each_way("it passes later pipers untouched, without a layer for each", function(pool)
  for _, shared in ipairs { true, false } do
    local one = pool()
    local function parallel() return shared and one or pool() end
    local called = T.temp()
    local p = Piper(square, { parallel = parallel() }) { { 1, "a", 3 } }
    for _ = 1, 3 do
      p = Piper(function(i)
        if type(i[1]) ~= "number" then io.open(called, "a"):write("called\n"):close() end
        return 2 * i[1]
      end, { parallel = parallel() }) { p }
    end
    p:start()
    eq(p:next(), 8)
    local e = p:next()
    eq({ e.kind, e.item, e.causes }, { "function", '{"a"}' })
    eq(p:next(), 72)
    eq(p:next(), nil)
    eq(io.open(called):read "a", "")
  end
end)

each_way("a join of failed branches is one error with all of them in causes", function(pool)
  local one = pool()
  local a = Piper(square, { parallel = one }) { { 1, "a", "b", 4 } }
  local b = Piper(double, { parallel = one }) { { 1, 2, "c", "d" } }
  local j = Piper(both, { parallel = one }) { a, b }
  j:start()
  eq(j:next(), { 1, 2 })
  local e = j:next()
  eq({ e.item, e.causes }, { '{"a"}' })
  e = j:next()
  eq({ #e.causes, e.causes[1].item, e.causes[2].item }, { 2, '{"b"}', '{"c"}' })
  e = j:next()
  eq(e.item, '{"d"}')
  eq(j:next(), nil)
end)

each_way("in a consumed row a failed item is found, too", function(pool)
  local one = pool()
  local a = Piper(square, { parallel = one }) { { 1, 2, "a", 4, "b", "c" } }
  local stride = one and one.stride or 1
  local c = Piper(function(i) return i[1][1] + i[2][1] end, { parallel = one, consume = 2 }) { a }
  local out = T.values(c:start())
  eq(#out, 3)
  local causes = 0
  for _, v in ipairs(out) do
    if is_error(v) then causes = causes + (v.causes and #v.causes or 1) end
  end
  eq(causes, 3)
  eq(is_error(out[1]), stride == 2)
end)

each_way("a failed item takes each of its produce places", function(pool)
  for _, repeats in ipairs { false, true } do
    local one = pool()
    local f = repeats and square or function(i) return { i[1] * 1, i[1] * 10 } end
    local p = Piper(f, { parallel = one, produce = 2, repeats = repeats }) { { 1, "z", 3 } }
    local out = kinds(p:start())
    local want = repeats and (one and { 1, "function", 1, "function", 9, 9 } or { 1, 1, "function", "function", 9, 9 })
      or (one and { 1, "function", 10, "function", 3, 30 } or { 1, 10, "function", "function", 3, 30 })
    eq(out, want)
  end
end)

each_way("an element of a produced result may be an error by itself", function(pool)
  local p = Piper(function(i)
    return { i[1], setmetatable({ kind = "half", message = "only half" }, papy.Error) }
  end, { parallel = pool(), produce = 2 }) { { 1 } }
  eq(kinds(p:start()), { 1, "half" })
end)

each_way("an error in the input is a failed item", function(pool)
  local called = 0
  local p = Piper(function(i)
    called = called + 1
    return i[1]
  end, { parallel = pool() }) { { 1, setmetatable({ kind = "mine", message = "m" }, papy.Error), 3 } }
  eq(kinds(p:start()), { 1, "mine", 3 })
  ok(called <= 2)
end)

each_way("returning an error is raising it", function(pool)
  local p = Piper(function() return setmetatable({ kind = "mine", message = "m" }, papy.Error) end,
    { parallel = pool() }) { { 1 } }
  p:start()
  local e = p:next()
  eq({ e.kind, e.index, e.item }, { "mine", 1, "{1}" })
end)

each_way("an input that raises gives one error in the place of the missing item, then the end", function(pool)
  for _, width in ipairs { 1, 2 } do
    local n = 0
    local function input()
      n = n + 1
      if n > 2 then error "no more" end
      return n
    end
    local inbox = { input }
    if width == 2 then inbox[2] = T.counter() end
    local p = Piper(double, { parallel = pool() })(inbox)
    local q = Piper(same, { parallel = p.parallel }) { p }
    q:start()
    eq({ q:next(), q:next() }, { 2, 4 })
    local e = q:next()
    eq(e.kind, "input")
    ok(e.message:find "piper_errors_test.lua:%d+: no more" and e.traceback:find "piper_errors_test", e)
    eq(q:next(), nil)
    eq(q:next(), nil)
    eq(n, 3)
  end
end)

each_way("the failed items of a task in the input pass", function(pool)
  local source = papy.NuMap { worker_num = 1 }
  local task = source:add_task(function(x) return x * 1 end, { 1, "a", 3 })
  source:start()
  eq(kinds(Piper(double, { parallel = pool() }) { task }:start()), { 2, "function", 6 })
  source:stop()
  task = source:add_task(function(x) return x * 1 end, { 1, "a", 3 })
  source:start()
  local zipped = papy.zip(task, { 10, 20, 30 })
  eq(kinds(Piper(function(i) return i[1][1] + i[1][2] end, { parallel = pool() }) { zipped }:start()),
    { 11, "function", 33 })
end)

each_way("in debug mode a failed item is raised, and the next call goes on", function(pool)
  local p = Piper(square, { parallel = pool(), debug = true }) { { 1, "a", 3 } }
  p:start()
  eq(p:next(), 1)
  local e = raises("function", p.next, p)
  eq(e.index, 2)
  eq(p:next(), 9)
  eq(p:next(), nil)
end)

each_way("what fails in a piper in debug mode is raised at the end of the pipeline", function(pool)
  local one = pool()
  local a = Piper(square, { parallel = one, debug = true }) { { 1, "a", 3 } }
  local b = Piper(double, { parallel = one }) { a }
  local c = Piper(both, { parallel = one }) { b, { 1, 2, 3 } }
  c:start()
  eq(c:next(), { 2, 1 })
  raises("function", c.next, c)
  eq(c:next(), { 18, 3 })
end)

each_way("debug and produce: every place raises", function(pool)
  local p = Piper(square, { parallel = pool(), produce = 2, repeats = true, debug = true }) { { 1, "z", 3 } }
  p:start()
  local values, raised = {}, 0
  repeat
    local good, v = pcall(p.next, p)
    if good then values[#values + 1] = v else raised = raised + 1 end
  until good and v == nil
  eq(raised, 2)
  table.sort(values)
  eq(values, { 1, 1, 9, 9 })
end)

claim("a worker that dies fails its item, in any stage, and the rest goes on", function()
  for stage = 1, 3 do
    local pool = papy.NuMap { worker_num = 2 }
    local p = { 1, 2, 3, 4 }
    for k = 1, 3 do
      p = Piper(function(i)
        if k == stage and i[1] == 3 then os.exit(3) end
        return i[1]
      end, { parallel = pool }) { p }
    end
    eq(kinds(p:start()), { 1, 2, "died", 4 })
    p:stop()
  end
end)

claim("what cannot travel is its item's error", function()
  local p = Piper(function(i) return i[1] == 2 and coroutine.create(print) or i[1] end,
    { parallel = papy.NuMap { worker_num = 1 } }) { { 1, 2, 3 } }
  eq(kinds(p:start()), { 1, "codec", 3 })
  p = Piper(same, { parallel = papy.NuMap { worker_num = 1 } }) { { 1, coroutine.create(print), 3 } }
  eq(kinds(p:start()), { 1, "codec", 3 })
end)

claim("a fork with a failed item gives it to both", function()
  for _, pool in ipairs { false, papy.NuMap { worker_num = 2 } } do
    local a = Piper(square, { parallel = pool }) { { 1, "a" } }
    local b, c = Piper(double, { parallel = pool }) { a }, Piper(same, { parallel = pool }) { a }
    b:start()
    c:start()
    eq(kinds(c), { 1, "function" })
    eq(kinds(b), { 2, "function" })
  end
end)

claim("a pool that was stopped behind a piper's back is an error, not the end", function()
  local pool = papy.NuMap { worker_num = 1 }
  local p = Piper(square, { parallel = pool }) { { 1, 2, 3 } }
  p:start()
  eq(p:next(), 1)
  pool:stop()
  raises("closed", p.next, p)
end)

claim("a linear function that reads its own output is told so", function()
  local p
  p = Piper(function(i) return p:next() or i[1] end) { { 1, 2 } }
  p:start()
  local e = p:next()
  eq(e.kind, "deadlock")
end)

T.finish()
