-- papy.Worker: composition, arguments, equality, errors as values, placeholders.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Worker = papy.Worker

local function power2(i) return i[1] * i[1] end
local function mul2(i) return 2 * i[1] end
local function power(i, n) return i[1] ^ n end
local function mul_m_min_n(i, m, n) return i[1] * m - n end

local function is_error(x) return getmetatable(x) == papy.Error end
local function an_error(message) return setmetatable({ kind = "function", message = message }, papy.Error) end

claim("one function is called on the inbox", function()
  eq(Worker(power2) { 2 }, 4)
  eq(Worker { power2 } { 2 }, 4)
  eq(Worker(function(inbox) return #inbox .. inbox[1] .. inbox[3] end) { "a", "b", "c" }, "3ac")
end)

claim("functions are composed from left to right, the value boxed in between", function()
  eq(Worker { mul2, power2 } { 3 }, 36)
  eq(Worker { power2, mul2 } { 3 }, 18)
  local seen = {}
  local function look(i)
    seen[#seen + 1] = i
    return { i[1] }
  end
  eq(Worker { look, look } { 7, 8 }, { { 7 } })
  eq(seen, { { 7, 8 }, { { 7 } } })
end)

claim("arguments follow the inbox, one table per function, flat for a single function", function()
  eq(Worker(power, { 2 }) { 2 }, 4.0)
  eq(Worker({ power, power }, { { 2 }, { 3 } }) { 2 }, 64.0)
  eq(Worker({ mul2, power }, { {}, { 2 } }) { 3 }, 36.0)
  eq(Worker({ power }, { { 3 } }) { 2 }, 8.0)
  eq(Worker(mul_m_min_n, { 3, 3 }) { 4 }, 9)
  eq(Worker(function(_, a, b, c) return tostring(a) .. tostring(b) .. tostring(c) end, { nil, 2, nil }) {}, "nil2nil")
end)

claim("workers in workers and mixed lists are flattened", function()
  local pm = Worker { Worker(power, { 2 }), mul2 }
  eq(pm { 3 }, 18.0)
  local mixed = Worker { mul2, pm, Worker { power2, power2 }, mul2 }
  eq(#mixed.functions, 6)
  eq(mixed { 1 }, 2 * ((2 * 4.0) ^ 4))
  eq(Worker({ mul2, Worker(power, { 2 }) }, { {}, {} }) { 3 }, 36.0)
end)

claim("a worker of a worker is equal and another one", function()
  local a = Worker(power, { 3 })
  local b = Worker(a)
  ok(a == b and not rawequal(a, b))
  eq(b { 3 }, 27.0)
end)

claim("anything callable is a function", function()
  local object = setmetatable({ factor = 3 }, { __call = function(self, i) return self.factor * i[1] end })
  eq(Worker(object) { 5 }, 15)
  eq(Worker { object, object } { 5 }, 45)
  eq(Worker(string.upper)("x" and { "x" }).kind, "function", "string.upper is given the inbox, not the string")
end)

claim("what cannot be composed is refused at the call, in words", function()
  for _, what in ipairs { 1, "f", { 1 }, {}, { mul2, 1 }, true, { {} } } do raises("worker", Worker, what) end
  raises("worker", Worker)
  raises("worker", Worker, papy.Piper(mul2))
  raises("worker", Worker, { papy.Piper(mul2) })
  raises("worker", Worker, papy.NuMap())
  raises("worker", Worker, { mul2, mul2 }, { { 1 } })
  raises("worker", Worker, { mul2, mul2 }, { {}, {}, {} })
  raises("worker", Worker, { mul2, mul2 }, { {}, 2 })
  raises("worker", Worker, mul2, 2)
  raises("worker", Worker, Worker(mul2), { 1 })
  raises("worker", Worker, { Worker(mul2) }, { { 1 } })
  local e = raises("worker", function() return Worker { mul2, 1 }, 0 end)
  ok(e.message:find "part 2" and e.message:find "worker_test.lua", e)
end)

claim("equality is by content", function()
  ok(Worker(mul2) == Worker(mul2) and Worker(mul2) == Worker { mul2 })
  ok(Worker(mul2) ~= Worker(power2))
  ok(Worker { power2, mul2 } == Worker { power2, mul2 } and Worker { power2, mul2 } ~= Worker { mul2, power2 })
  ok(Worker(power, { 2 }) ~= Worker(power, { 3 }) and Worker(power, { 2 }) ~= Worker(power))
  ok(Worker(power, { { z = { 9 } } }) == Worker(power, { { z = { 9 } } }))
  ok(Worker(power, { { z = { 9 } } }) ~= Worker(power, { { z = { 8 } } }))
  ok(Worker { Worker(mul2), power2 } == Worker { mul2, power2 })
  ok(Worker(mul2) ~= "abcd" and Worker(mul2) ~= mul2)
end)

claim("as a key a worker stands for itself", function()
  local a, b = Worker(mul2), Worker(mul2)
  eq(({ [a] = 1 })[b], nil)
end)

claim("its text is the names of its functions", function()
  eq(tostring(Worker { string.upper, math.sqrt }), "string.upper>math.sqrt")
  ok(tostring(Worker { mul2, power2 }):match "^[^>]*worker_test.lua:%d+>[^>]*worker_test.lua:%d+$", Worker { mul2, power2 })
  function a_global_of_this_test(i) return i[1] end -- luacheck: ignore
  eq(tostring(Worker(a_global_of_this_test)), "a_global_of_this_test") -- luacheck: ignore
end)

claim("functions and arguments can be read", function()
  local w = Worker({ mul2, power }, { {}, { 2 } })
  ok(w.functions[1] == mul2 and w.functions[2] == power)
  eq(w.args, { {}, { 2 } })
end)

claim("a result of nil, or none, is papy.null; false is false", function()
  eq(Worker(function() end) { 1 }, papy.null)
  eq(Worker(function() return nil end) { 1 }, papy.null)
  eq(Worker { function() end, function(i) return i[1] == papy.null end } { 1 }, true)
  eq(Worker(function() return false end) { 1 }, false)
end)

claim("what a function raises is returned, with everything about it", function()
  local e = Worker { mul2, function(i) error("bad " .. i[1]) end, power2 } { 21 }
  ok(is_error(e))
  eq(e.kind, "function")
  ok(e.message:match "worker_test.lua:%d+: bad 42$", e.message)
  ok(e.name:match "worker_test.lua:%d+$", e.name)
  ok(e.traceback:find "worker_test.lua", e.traceback)
  eq(e.item, "{42}", "the input of the stage that failed")
end)

claim("any value may be thrown and is kept", function()
  local e = Worker(function() error { code = 7 } end) { 1 }
  eq(e.value, { code = 7 })
  eq(Worker(function() error(nil) end) { 1 }.kind, "function")
  ok(is_error(Worker(function(i) return i[1].x.y end) { 1 }))
  ok(is_error(Worker(function() return ("x"):rep(1e15) end) {}), "not enough memory")
  local function deep(i) return 1 + deep(i) end
  ok(Worker(deep) { 1 }.message:find "stack overflow")
end)

claim("a papy.Error raised or returned is a failure", function()
  for _, f in ipairs { function() return an_error "mine" end, function() error(an_error "mine") end } do
    local called = false
    local e = Worker { f, function() called = true end } { 1 }
    ok(is_error(e) and not called)
    eq(e.message, "mine")
    ok(e.name:find "worker_test", e.name)
    eq(e.item, "{1}")
  end
end)

claim("papy.Error makes an error to raise or return", function()
  for _, f in ipairs { function() return papy.Error { kind = "quota", limit = 5, message = "no more" } end,
    function() error(papy.Error { kind = "quota", limit = 5, message = "no more" }) end } do
    local e = Worker(f) { 1 }
    eq({ is_error(e), e.kind, e.limit, e.message, e.item }, { true, "quota", 5, "no more", "{1}" })
    e = raises("quota", papy.NuMap(f, { 1 }))
    eq({ e.limit, e.index }, { 5, 1 })
  end
  local e = Worker(function() error(papy.Error "too bad") end) { 1 }
  eq({ e.kind, e.message }, { "function", "too bad" })
  raises("a table of fields or a message expected, got 5", papy.Error, 5)
end)

claim("a kind of one's own is kept", function()
  local mine = setmetatable({ kind = "quota", message = "no more", limit = 5 }, papy.Error)
  local e = Worker(function() error(mine) end) { 1 }
  eq(e.kind, "quota")
  eq(e.limit, 5)
end)

claim("a placeholder passes untouched and calls nothing", function()
  local called = 0
  local w = Worker { function() called = called + 1 end, function() called = called + 1 end }
  local e = an_error "failed before"
  ok(rawequal(w { e }, e))
  ok(rawequal(w { 1, e, 2 }, e), "in any slot")
  ok(rawequal(w { { 1 }, { e } }, e), "in a row of a consumed inbox")
  eq(called, 0)
  ok(rawequal(Worker(w) { w { e } }, e), "no layer per worker")
end)

claim("several placeholders are one error with all in causes", function()
  local a, b = an_error "a", an_error "b"
  local e = Worker(mul2) { a, 1, b }
  eq(#e.causes, 2)
  ok(rawequal(e.causes[1], a) and rawequal(e.causes[2], b))
  ok(tostring(e):find "a; b", e)
  e = Worker(mul2) { { 1, a }, { b, 2 } }
  eq(#e.causes, 2)
end)

claim("what is no inbox is the caller's mistake", function()
  raises("worker", Worker(mul2), 5)
end)

T.each_type(function(worker_type)
  claim("a worker is a function of a pool, and its errors are the item's", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local task = pool:add_task(Worker({ power, mul2 }, { { 2 }, {} }), { { 1 }, { "x" }, { 3 } })
    pool:start()
    eq(task:next(), 2.0)
    local e = raises("function", task.next, task)
    eq(e.index, 2)
    eq(e.item, '{"x"}')
    eq(task:next(), 18.0)
    eq(task:next(), nil)
  end)

  claim("workers travel as items", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 1 }
    local task = pool:add_task(function(w) return w { 5 } end, { Worker({ power2, mul2 }) })
    pool:start()
    eq(task:next(), 50)
    pool:stop()
    local back = papy.NuMap(function() return Worker(mul2) end, { 1 }, { worker_type = worker_type })
    eq(back:next() { 4 }, 8)
  end)
end)

T.finish()
