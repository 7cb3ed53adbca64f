-- Dagger: building a graph of pipers, its fixed order, connecting, starting and stopping it by hand.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function power(inbox) return inbox[1] * inbox[1] end
local function double(inbox) return inbox[1] * 2 end
local function sum(inbox)
  local total = 0
  for _, x in ipairs(inbox) do total = total + x end
  return total
end
local function list(inbox) return table.concat(inbox, " ") end

local function piper(name, options)
  options = options or {}
  options.name = name
  return papy.Piper(options.f or double, { name = name, branch = options.branch, parallel = options.parallel })
end

local function pipers(...)
  local out = {}
  for i, name in ipairs { ... } do out[i] = piper(name) end
  return table.unpack(out)
end

local function names(list_of_pipers)
  local out = {}
  for i, p in ipairs(list_of_pipers) do out[i] = p.name end
  return table.concat(out, " ")
end

local function values(p)
  local out = {}
  while true do
    local v = p:next()
    if v == nil then return out end
    out[#out + 1] = v
  end
end

-- ---- building ----

claim("add_piper returns the piper and whether it is new", function()
  local dagger, a = papy.Dagger(), piper "a"
  local got, new = dagger:add_piper(a)
  ok(got == a and new)
  got, new = dagger:add_piper(a)
  ok(got == a and not new)
  eq(#dagger:nodes(), 1)
  eq(#dagger, 1)
end)

claim("functions, workers and lists of them become new pipers, each time", function()
  local dagger, worker = papy.Dagger(), papy.Worker(power)
  local first = dagger:add_piper(worker)
  local second, new = dagger:add_piper(worker)
  ok(first ~= second and new)
  dagger:add_pipers { power, { power, double } }
  eq(#dagger, 4)
end)

claim("what cannot be a piper is refused", function()
  local dagger = papy.Dagger()
  for _, bad in ipairs { 1, "nobody", { 1 }, true } do
    raises("dagger", dagger.add_piper, dagger, bad)
  end
  raises("dagger", dagger.add_pipers, dagger, 1)
  raises("dagger", dagger.add_pipes, dagger, "abc")
  raises("dagger", dagger.add_piper, dagger, power, { create = false })
  raises("dagger", dagger.add_piper, dagger, piper "a", { create = false })
  raises({ "did you mean 'branch'" }, dagger.add_piper, dagger, power, { brench = 1 })
  eq(#dagger, 0)
end)

claim("two pipers of one name are refused", function()
  local dagger = papy.Dagger { pipers = { piper "a" } }
  local err = raises("dagger", dagger.add_piper, dagger, piper "a")
  ok(tostring(err):find("'a'", 1, true))
  raises("dagger", dagger.add_pipe, dagger, { piper "b", piper "b" })
  eq(#dagger, 1)
end)

claim("resolve finds pipers and names, and names what there is", function()
  local a, b = pipers("a", "b")
  local dagger = papy.Dagger { pipers = { a, b } }
  ok(dagger:resolve(a) == a)
  ok(dagger:resolve "b" == b)
  local err = raises("dagger", dagger.resolve, dagger, piper "c")
  ok(tostring(err):find("'a', 'b'", 1, true), tostring(err))
  raises("dagger", dagger.resolve, dagger, power)
end)

claim("a dagger answers what a graph is asked about its nodes", function()
  local a = piper "a"
  local dagger = papy.Dagger()
  dagger:add_piper(a, { branch = "left" })
  eq({ dagger:node(a).branch, dagger:has_node(a), dagger:has_node(piper "b") }, { "left", true, false })
end)

claim("a pipe a > b is the edge {b, a}", function()
  local a, b, c = pipers("a", "b", "c")
  local dagger = papy.Dagger { pipes = { { a, b, c } } }
  eq(#dagger:edges(), 2)
  local found = {}
  for _, edge in ipairs(dagger:edges()) do found[edge[1].name .. edge[2].name] = true end
  eq(found, { ba = true, cb = true })
  eq(names(dagger:deep_nodes(c)), "b a")
  eq(dagger:children_after_parents(a, c), 1)
  eq(dagger:children_after_parents(c, "a"), -1)
  dagger:add_piper(piper "d")
  eq(dagger:children_after_parents("d", "a"), 0)
  eq(dagger:children_after_parents("a", "a"), 0)
end)

claim("adding the same pipe twice changes nothing", function()
  local a, b = pipers("a", "b")
  local dagger = papy.Dagger()
  dagger:add_pipe { a, b }
  dagger:add_pipe { a, b }
  dagger:add_pipe { "a", "b" }
  eq(#dagger:edges(), 1)
  eq(#dagger, 2)
end)

claim("a pipe of one piper adds the piper", function()
  local dagger = papy.Dagger()
  dagger:add_pipe { power }
  eq(#dagger, 1)
end)

claim("a cycle is refused, named, and leaves the graph as it was", function()
  local a, b, c, d = pipers("a", "b", "c", "d")
  local dagger = papy.Dagger { pipes = { { a, b, c } } }
  local before = tostring(dagger)
  local err = raises("dagger", dagger.add_pipe, dagger, { c, a })
  ok(tostring(err):find("'a' > 'b' > 'c' > 'a'", 1, true), tostring(err))
  raises("dagger", dagger.add_pipe, dagger, { d, c, b })
  raises("dagger", dagger.add_pipe, dagger, { b, b })
  raises("dagger", dagger.add_pipe, dagger, { d, a, d })
  raises("dagger", dagger.add_pipe, dagger, { d, 17 })
  raises("dagger", dagger.add_pipe, dagger, { c, d, power, a })
  raises("dagger", dagger.add_pipe, dagger, {})
  eq(tostring(dagger), before)
  dagger:add_pipe { a, c }
  eq(#dagger:edges(), 3)
end)

claim("del_piper spares what has downstream, unless forced", function()
  local a, b, c = pipers("a", "b", "c")
  local dagger = papy.Dagger { pipes = { { a, b, c } } }
  local err = raises("dagger", dagger.del_piper, dagger, a)
  ok(tostring(err):find("'b'", 1, true))
  dagger:del_piper "c"
  dagger:del_piper(a, { force = true })
  eq(names(dagger:nodes()), "b")
  dagger:del_piper(b)
  eq(#dagger, 0)
  raises("dagger", dagger.del_piper, dagger, b)
  raises("dagger", dagger.del_piper, dagger, 77)
end)

claim("del_pipers deletes from the last and leaves the list alone", function()
  local a, b, c = pipers("a", "b", "c")
  local dagger, all = papy.Dagger { pipes = { { a, b, c } } }, { a, b, c }
  dagger:del_pipers(all)
  eq(#dagger, 0)
  ok(all[1] == a and all[3] == c)
end)

claim("del_pipe deletes edges and whom nobody needs, of any length", function()
  local a, b, c, d = pipers("a", "b", "c", "d")
  local dagger = papy.Dagger { pipes = { { a, b, c }, { a, d } } }
  dagger:del_pipe { a, b, c }
  eq(names(dagger:nodes()), "a d")
  local before = tostring(dagger)
  raises("dagger", dagger.del_pipe, dagger, { d, a })
  eq(tostring(dagger), before)
  dagger:add_pipes { { a, b }, { b, d } }
  dagger:del_pipes { { a, b }, { b, d } }
  eq(names(dagger:nodes()), "")
end)

-- ---- order ----

claim("inputs and outputs stand by branch, then as they were added", function()
  local dagger = papy.Dagger()
  local join = piper "join"
  dagger:add_pipe { piper("late", { branch = 2 }), join }
  dagger:add_pipe { piper("early", { branch = 1 }), join }
  dagger:add_pipe { piper "none", join }
  dagger:add_pipe { piper("word", { branch = "a" }), join }
  dagger:add_pipe { piper "none too", join }
  eq(names(dagger:get_inputs()), "none none too early late word")
  dagger:add_pipe { join, piper("right", { branch = 2 }) }
  dagger:add_pipe { join, piper("left", { branch = 1 }) }
  eq(names(dagger:get_outputs()), "left right")
  dagger:add_pipe({ join, piper "given" }, { branch = 1.5 })
  eq(names(dagger:get_outputs()), "left given right")
end)

claim("data set k goes to input k and to slot k of the join", function()
  for turn = 1, 2 do
    local join = piper("join", { f = list })
    local one, two = piper("one", { branch = turn == 1 and 2 or nil }), piper("two", { branch = turn == 1 and 1 or nil })
    local dagger = papy.Dagger { pipes = { { one, join }, { two, join } } }
    dagger:connect { { 1, 2 }, { 10, 20 } }
    dagger:start()
    eq(values(join), { "2 20", "4 40" })
    dagger:stop()
    dagger:disconnect()
  end
end)

claim("an upstream that is downstream of another comes first at a join", function()
  local a, b, b2, join = piper "a", piper "b", piper "b2", piper("join", { f = list })
  local dagger = papy.Dagger { pipes = { { a, b }, { a, join }, { b, join }, { a, b2, join } } }
  dagger:connect { { 1, 2 } }
  dagger:start()
  eq(values(join), { "4 4 2", "8 8 4" })
  dagger:stop()
end)

claim("postorder is the same every time, upstream first", function()
  local function build()
    local a, b, c, d = pipers("a", "b", "c", "d")
    return papy.Dagger { pipes = { { a, c, d }, { a, b, d } } }
  end
  local first = names(build():postorder())
  for _ = 1, 10 do eq(names(build():postorder()), first) end
  eq(first:sub(1, 1), "a")
  eq(first:sub(-1), "d")
end)

-- ---- connecting ----

claim("missing data is named, superfluous data refused, and nothing is connected", function()
  local a, b, c = pipers("a", "b", "c")
  local dagger = papy.Dagger { pipes = { { a, c }, { b, c } } }
  local err = raises("dagger", dagger.connect, dagger, { { 1 } })
  ok(tostring(err):find("no data for input 'b'", 1, true), tostring(err))
  raises("dagger", dagger.connect, dagger, { nil, { 1 } })
  err = raises("dagger", dagger.connect, dagger, { { 1 }, { 2 }, { 3 } })
  ok(tostring(err):find("superfluous", 1, true), tostring(err))
  raises("dagger", dagger.connect, dagger)
  err = raises("dagger", dagger.connect, dagger, { 1, 2 })
  ok(tostring(err):find("{{1, 2, 3}}", 1, true), tostring(err))
  raises("dagger", dagger.connect, dagger, 5)
  for _, p in ipairs { a, b, c } do ok(not p.connected, p.name) end
  dagger:connect { { 1 }, {} }
  ok(a.connected and c.connected)
  raises("dagger", dagger.connect, dagger, { { 1 }, {} })
  dagger:disconnect()
  ok(not a.connected and not c.connected)
end)

claim("inputs connected by hand keep their data", function()
  local a, b = piper("a", { f = power }), piper "b"
  local dagger = papy.Dagger { pipes = { { a, b } } }
  a:connect { { 1, 2, 3 } }
  dagger:connect()
  dagger:start()
  eq(values(b), { 2, 8, 18 })
  dagger:stop()
end)

claim("one iterator given twice is shared out, one list is not", function()
  local function run(data)
    local join = piper("join", { f = list })
    local dagger = papy.Dagger { pipes = { { piper "a", join }, { piper "b", join } } }
    dagger:connect { data, data }
    dagger:start()
    local got = values(join)
    dagger:stop()
    return got
  end
  eq(run { 1, 2, 3 }, { "2 2", "4 4", "6 6" })
  eq(run(T.counter(4)), { "2 4", "6 8" })
end)

claim("a piper can be connected by one dagger at a time", function()
  local a = piper "a"
  local one, two = papy.Dagger { pipers = { a } }, papy.Dagger { pipers = { a } }
  one:connect { { 1 } }
  local err = raises("dagger", two.connect, two, { { 1 } })
  ok(tostring(err):find("another pipeline", 1, true), tostring(err))
  one:disconnect()
  two:connect { { 1 } }
  two:start()
  eq(values(a), { 2 })
  two:stop()
end)

claim("a started or connected dagger refuses changes", function()
  local a, b = pipers("a", "b")
  local dagger = papy.Dagger { pipes = { { a, b } } }
  raises("dagger", dagger.start, dagger)
  dagger:connect { { 1, 2 } }
  local function refused(word)
    local changes = { { "add_piper", power }, { "add_pipe", { b, power } }, { "del_piper", b }, { "del_pipe", { a, b } } }
    for _, call in ipairs(changes) do
      ok(tostring(raises("dagger", dagger[call[1]], dagger, call[2])):find(word, 1, true), call[1])
    end
  end
  refused "disconnect()"
  dagger:start()
  refused "stop()"
  raises("dagger", dagger.start, dagger)
  raises("dagger", dagger.disconnect, dagger)
  dagger:stop()
  dagger:stop()
  dagger:disconnect()
  dagger:add_pipe { b, power }
  eq(#dagger, 3)
end)

-- ---- running ----

T.each_type(function(worker_type)
  local function pool_with(workers)
    return papy.NuMap { worker_num = workers or 2, worker_type = worker_type }
  end

  claim("a diamond over one to three pools gives every item once, in order", function()
    for stride = 1, 4 do
      local pools = { pool_with(stride), pool_with(1), pool_with(2) }
      for turn = 0, 4 do
        local function pool(i) return pools[(i * turn) % 4] end
        local top, left = piper("top", { f = power, parallel = pool(1) }), piper("left", { parallel = pool(2) })
        local right, bottom = piper("right", { parallel = pool(3) }), piper("bottom", { f = sum, parallel = pool(4) })
        local dagger = papy.Dagger { pipes = { { top, left, bottom }, { top, right, bottom } } }
        local data, expected = T.range(1, turn * 3), {}
        for i, x in ipairs(data) do expected[i] = 4 * x * x end
        dagger:connect { data }
        dagger:start()
        eq(values(bottom), expected)
        dagger:stop()
        dagger:disconnect()
      end
    end
  end)

  claim("stop ends endless independent inputs on one pool", function()
    local pool = pool_with(2)
    local a, b = piper("a", { parallel = pool }), piper("b", { parallel = pool })
    local dagger = papy.Dagger { pipers = { a, b } }
    dagger:connect { (T.counter()), (T.counter()) }
    dagger:start()
    eq(a:next(), 2)
    dagger:stop()
    ok(not pool.started)
  end)

  claim("a pool that runs elsewhere is refused at start, and nothing is started", function()
    local pool = pool_with(1)
    pool:add_task(math.abs, { 1 })
    local a, b = piper "a", piper("b", { parallel = pool })
    local dagger = papy.Dagger { pipes = { { a, b } } }
    dagger:connect { { 1, 2 } }
    pool:start()
    local err = raises("dagger", dagger.start, dagger)
    ok(tostring(err):find(pool.name, 1, true) and tostring(err):find("already running", 1, true), tostring(err))
    ok(not a.started)
    pool:stop()
  end)
end)

T.finish()
