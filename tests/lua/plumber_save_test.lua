-- Plumber: save writes a script that papy runs and load reads back; what cannot be written is named.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function first(inbox) return inbox[1] end

-- what a pipeline gives for its data, as its last piper sees it
local function results(plumber, ...)
  local out = plumber:get_outputs()[1]
  local results_of = {}
  local sink = papy.Piper(function(inbox) results_of[#results_of + 1] = inbox[1] end, { name = "sink of the test" })
  plumber:add_pipe { out, sink }
  plumber:start { ... }
  plumber:run()
  assert(plumber:wait(20 * T.slow))
  plumber:stop()
  plumber:del_piper(sink)
  return results_of
end

local function saved(plumber)
  local path = T.temp()
  plumber:save(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return path, text
end

local function loaded(plumber)
  local path, text = saved(plumber)
  local again = papy.Plumber()
  again:load(path)
  return again, text
end

-- saved, loaded, saved and loaded again, a pipeline of that function still gives those results
local function keeps(f, data, expected)
  local plumber = papy.Plumber { pipers = { f } }
  eq(results(plumber, data), expected, "as built")
  local again, text = loaded(plumber)
  eq(results(again, data), expected, "loaded")
  eq(results(loaded(again), data), expected, "loaded twice")
  return text
end

local function refused(f, ...)
  local plumber, path = papy.Plumber { pipers = { f } }, T.temp "as it was"
  local err = raises("plumber", plumber.save, plumber, path)
  for _, words in ipairs { ... } do ok(tostring(err):find(words, 1, true), tostring(err), "has", words) end
  local file = io.open(path)
  eq(file:read "a", "as it was")
  file:close()
end

-- ---- functions ----

local factor, table_of_it = 3, { 1, { 2.5, math.huge, -0.0 }, name = "a\nb\0c\"\\", [true] = false, ["a b"] = math.mininteger }
local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end
local odd
local function even(n) return n == 0 or odd(n - 1) end
function odd(n) return n ~= 0 and even(n - 1) end

claim("plain functions, upvalues, recursion, mutual recursion", function()
  keeps(first, { 1, "a" }, { 1, "a" })
  keeps(function(inbox) return inbox[1] * factor end, { 1, 2 }, { 3, 6 })
  keeps(function(inbox) return factorial(inbox[1]) end, { 5 }, { 120 })
  keeps(function(inbox) return even(inbox[1]) end, { 4, 5 }, { true, false })
  keeps(function() return table_of_it end, { 1 }, { table_of_it })
end)

claim("a local function keeps its name and its text", function()
  local function parse_line(inbox)
    -- a comment with end and function in it
    return inbox[1] .. [[ end ]] .. 'end' -- "
  end
  local text = keeps(parse_line, { "x" }, { "x end end" })
  ok(text:find("local function parse_line(inbox)\n  -- a comment with end and function in it", 1, true), text)
end)

claim("a function in the middle of a text moves to the left, its strings do not change", function()
  local text = keeps(function(inbox)
    return inbox[1] .. [[

      as it is]]
  end, { "a" }, { "a\n      as it is" })
  ok(text:find("\n    return inbox[1]", 1, true), text)
  text = keeps(function(inbox)
    return inbox[1]
  end, { "a" }, { "a" })
  ok(text:find("\n  return inbox[1]\nend", 1, true), text)
end)

claim("several functions on one line are told apart", function()
  local a, b, c = function(i) return i[1] + 1 end, function(i) return i[1] + 2 end, function(i) return i[1] + factor end
  keeps(a, { 1 }, { 2 })
  keeps(b, { 1 }, { 3 })
  keeps(c, { 1 }, { 4 })
end)

claim("closures of one function with different upvalues, and with the same", function()
  local function adder(n) return function(inbox) return inbox[1] + n end end
  local plumber = papy.Plumber { pipes = { { adder(1), adder(10), adder(100) } } }
  eq(results(loaded(plumber), { 1 }), { 112 })
  local count = 0
  local function up(inbox)
    count = count + 1
    return inbox[1]
  end
  local function tell() return count end
  eq(results(loaded(papy.Plumber { pipes = { { up, tell } } }), { 7, 7 }), { 1, 2 })
end)

claim("methods, varargs, whole chunks, functions made by load", function()
  local object = {}
  function object:method(more) return self[1] + #tostring(more) end
  keeps(object.method, { 1 }, { 4 })
  keeps(function(...) return (...)[1], select("#", ...) end, { 5 }, { 5 })
  keeps(assert(load "local inbox = ... return inbox[1] * 2"), { 5 }, { 10 })
  keeps(load "return function(inbox) return inbox[1] * 4 end"(), { 5 }, { 20 })
end)

limit = 7
function clip(x) return x > limit and limit or x end
function clip_inbox(inbox) return clip(inbox[1]) end

claim("globals that a function uses are written, as globals", function()
  local text = keeps(clip_inbox, { 5, 10 }, { 5, 7 })
  ok(text:find("\nfunction clip(x)", 1, true) and text:find("\nlimit = 7", 1, true), text)
  keeps(function(inbox)
    local limit = 1 -- luacheck: ignore
    return clip(inbox[1]) + limit
  end, { 5 }, { 6 })
end)

claim("library functions are written by their names, modules are required", function()
  local sqrt, insert, support = math.sqrt, table.insert, require "support"
  local text = keeps(function(inbox)
    local t = support.range(1, 2)
    insert(t, sqrt(inbox[1]))
    return string.format("%d %d %.1f", table.unpack(t))
  end, { 16 }, { "1 2 4.0" })
  ok(text:find('local support = require "support"', 1, true), text)
  keeps(function() return papy.null end, { 1 }, { papy.null })
end)

claim("a string given to load under a name was not kept, and is refused", function()
  refused(load("return function(inbox) return inbox[1] end", "=mine")(), "its text was not kept")
end)

claim("text from -e and from standard input", function()
  local path = T.temp()
  local code = "papy.Plumber {pipers = {function(inbox) return inbox[1] * %s end}}:save '" .. path .. "'"
  local run = papy.fs.run
  eq(run({ T.papy(), "-e", "x = 1", "-e", code:format "2" }).stderr, "")
  ok(io.open(path):read("a"):find("inbox[1] * 2", 1, true))
  eq(run({ T.papy(), "-" }, { stdin = "#!papy\n" .. code:format "3" }).stderr, "")
  ok(io.open(path):read("a"):find("inbox[1] * 3", 1, true))
end)

claim("constants of the chunk are written with the function that uses them", function()
  local half <const> = 0.5 -- of it
  local quarter <const> = half / 2
  local text = keeps(function(inbox) return inbox[1] * quarter + half end, { 2 }, { 1.0 })
  ok(text:find("local quarter <const> = 0.25", 1, true), text)
end)

claim("what is one variable stays one, also where its name stands for something else", function()
  local function counting(step)
    local n = 0
    local function up(inbox)
      n = n + step
      return inbox[1]
    end
    return up, function() return n end
  end
  local up_1, tell_1 = counting(1)
  local up_2, tell_2 = counting(10)
  local plumber = papy.Plumber { pipes = { { up_1, up_2, up_1, tell_2 } } }
  eq(results(loaded(plumber), { 0, 0 }), { 10, 20 })
  plumber = papy.Plumber { pipes = { { up_1, up_2, up_1, tell_1 } } }
  eq(results(loaded(plumber), { 0, 0, 0 }), { 2, 4, 6 })
  eq(results(loaded(loaded(plumber)), { 0, 0, 0 }), { 2, 4, 6 })
end)

claim("what is one table stays one", function()
  local cache = { hits = {} }
  local function fill(inbox)
    cache.hits[#cache.hits + 1] = inbox[1]
    return inbox[1]
  end
  local function counting(t) return function() return #t end end
  local count = counting(cache.hits)
  local plumber = papy.Plumber { pipes = { { fill, count } } }
  eq(results(loaded(plumber), { 5, 6 }), { 1, 2 })
  plumber = papy.Plumber { pipes = { { papy.Worker(function(inbox, t)
    t[#t + 1] = inbox[1]
    return #t
  end, { cache.hits }), count } } }
  eq(results(loaded(loaded(plumber)), { 5, 6 }), { 1, 2 })
end)

claim("tables that hold themselves, functions in tables, objects of classes", function()
  local circle = { name = "circle", list = { 1 } }
  circle.me, circle.list[2], circle.list.back = circle, circle, circle
  keeps(function() return circle.me == circle and circle.list[2] == circle and circle.list.back.name end, { 1 }, { "circle" })
  local set = {}
  set[set], set[first], set.f = 1, 2, function(key) return set[key] end
  set[set.f], set[1] = 3, set
  keeps(function() return set[1][set] + set.f(first) * 10 + set.f(set.f) * 100 end, { 1 }, { 321 })
  local me = {}
  me[me] = me
  keeps(function() return me[me][me] == me end, { 1 }, { true })
  local module = { x = 5 }
  function module.get() return module.x end
  keeps(function() return module.get() end, { 1 }, { 5 })
  local Point = {}
  Point.__index = Point
  function Point.new(x, y) return setmetatable({ x = x, y = y }, Point) end
  function Point:sum() return self.x + self.y end
  local origin = Point.new(3, 4)
  keeps(function(inbox) return Point.new(inbox[1], 1):sum() + origin:sum() end, { 1, 2 }, { 9, 10 })
  local add = setmetatable({ n = 5 }, { __call = function(self, inbox) return inbox[1] + self.n end })
  keeps(papy.Worker(add), { 1, 2 }, { 6, 7 })
end)

claim("names that stand for several things", function()
  local function old(inbox) return inbox[1] + 1 end
  local function wrap()
    local parse = old
    local inner = function(inbox) return parse(inbox) * 2 end
    parse = inner and old
    local function outer(inbox) return inner(inbox) + parse(inbox) end
    return outer
  end
  keeps(wrap(), { 1 }, { 6 })
  local function shadow(parse) return function(inbox) return parse(inbox) end end
  local a = shadow(function(inbox) return inbox[1] * 3 end)
  local b = shadow(a)
  keeps(shadow(b), { 2 }, { 6 })
  local pipers, pipeline, share = 1, 2, 3 -- names that the script uses for itself
  keeps(function() return pipers + pipeline + share end, { 0 }, { 6 })
  local total = 0
  local function count(inbox)
    total = total + 1
    return inbox[1]
  end
  local plumber = papy.Plumber { pipes = { { count, load [[
    local inbox = ...
    total = (total or 100) + inbox[1]
    return total]] } } }
  eq(results(loaded(plumber), { 1, 2 }), { 101, 103 })
  _G.total = nil
  local print, string = function(x) return x .. "!" end, { byte = 1 } -- luacheck: ignore
  keeps(function(inbox) return print(inbox[1] .. string.byte) end, { "a" }, { "a1!" })
end)

say = print
json = require "cjson"
function with_globals(inbox) return tostring(say) .. json.encode(inbox) end

claim("other names for what papy knows, and modules as globals", function()
  local text = keeps(with_globals, { 1 }, { tostring(print) .. "[1]" })
  ok(text:find('json = require "cjson"', 1, true) and text:find("say = print", 1, true), text)
  local G, papy_too = _G, papy
  keeps(function() return G == _G and papy_too == papy end, { 1 }, { true })
end)

claim("regular expressions, workers and loggers", function()
  local word, w = papy.regex("[a-z]+", "i"), papy.Worker({ first, string.upper and first }, { {}, {} })
  keeps(function(inbox) return word:find(inbox[1]) end, { "12AB" }, { 3 })
  keeps(function(inbox) return w(inbox) end, { 7 }, { 7 })
  local log = papy.log.logger "parse"
  local text = keeps(function(inbox)
    log.info "nobody hears this"
    return inbox[1]
  end, { 7 }, { 7 })
  ok(text:find('local log = papy.log.logger("parse")', 1, true), text)
end)

claim("a function may pause the pipeline it is part of", function()
  local job
  job = papy.Plumber { pipers = { papy.Piper(function(inbox)
    if inbox[1] == 2 then job:pause() end
  end, { name = "stop at 2" }) } }
  local again = dofile((saved(job)))
  again:start { { 1, 2, 3 } }
  again:run()
  eq({ again:wait(), again.state, again:stats().pipers["stop at 2"].done }, { false, "paused", 2 })
  again:stop()
end)

-- ---- what cannot be written ----

claim("what cannot be written is named, and the file stays as it was", function()
  local out, cfg = io.stdout, { deep = { co = coroutine.create(print) } }
  local this = debug.getinfo(1, "l").currentline
  refused(function() out:write "x" end, "upvalue 'out' of function at ", ":" .. this + 1, "is a file")
  refused(function() return cfg end, "upvalue 'cfg' of function at ", ": cfg.deep.co is a coroutine")
  local parsed = require("papy.workers.json").decode '{"a": {}}'
  refused(function() return parsed end, "upvalue 'parsed'", "parsed.a is a papy.json.object")
  local object = setmetatable({}, { __index = { out = io.stdout } })
  refused(function() return object end, "upvalue 'object'", "the metatable of object.__index.out is a file")
  local pool = papy.NuMap {}
  refused(function() return pool end, "upvalue 'pool'", "papy.NuMap")
  local one <const>, two <const> = 1, 2
  refused(function(inbox) return inbox[1] * one * two end, "a constant that is computed")
  refused(papy.Worker(first, { io.stderr }), "args[1]", "is a file")
  refused(papy.Worker(first, { { deep = { io.stderr } } }), "args[1].deep[1]", "is a file")
  refused(load(string.dump(first, true)), "its text was not kept")
end)

claim("the text of a file is kept as it was when it was loaded, each time", function()
  local path = T.temp()
  local function write(text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end
  write "return function(inbox) return inbox[1] + 1 end\n"
  local f = dofile(path)
  write "return function(inbox) return inbox[1] + 2 end\n"
  local g = assert(loadfile(path))()
  write "\n\nreturn nothing"
  keeps(f, { 1 }, { 2 })
  keeps(g, { 1 }, { 3 })
  local name = path:match "[^/]*$"
  package.path = path:match "^.*/" .. "?;" .. package.path
  write "local M = {} local function f(inbox) return inbox[1] * 7 end M.list = {f} return M"
  local f7 = require(name).list[1]
  write ""
  keeps(f7, { 1 }, { 7 })
  os.remove(path)
  keeps(f, { 1 }, { 2 })
end)

claim("a long file is read again: when it has changed, its functions are refused", function()
  local path = T.temp()
  local function write(text)
    local file = assert(io.open(path, "w"))
    file:write("--[[", ("x"):rep(1 << 20), "]]\n", text)
    file:close()
  end
  write "return function(inbox) return inbox[1] + 1 end\n"
  local f = dofile(path)
  keeps(f, { 1 }, { 2 })
  write "return function(inbox) return inbox[1] + 2 end\n"
  refused(f, "has changed")
  os.remove(path)
  refused(f, "cannot be read")
end)

claim("a pipeline is saved where it was loaded from, again and again", function()
  local function add(n) return function(inbox) return inbox[1] + n end end
  local path = saved(papy.Plumber { pipers = { papy.Piper(add(1), { name = "one" }) } })
  local plumber = papy.Plumber()
  plumber:load(path)
  for n = 2, 4 do
    plumber:add_pipe { plumber:get_outputs()[1], papy.Piper(add(n), { name = "more " .. n }) }
    plumber:save(path)
    local again = papy.Plumber()
    again:load(path)
    eq(results(again, { 0 }), { n * (n + 1) // 2 })
  end
  eq(results(plumber, { 0 }), { 10 })
end)

claim("dofile and loadfile are Lua's own but for what they keep", function()
  local path = T.temp "coroutine.yield(1) return 2, ..."
  local co = coroutine.wrap(function() return dofile(path) end)
  eq({ co(), co() }, { 1, 2 })
  eq({ assert(loadfile(T.temp "return x, ...", "t", { x = 3 }))(4) }, { 3, 4 })
  ok(select(2, loadfile "/nonexistent/file"):find "^cannot open /nonexistent/file")
  raises("cannot open /nonexistent/file", dofile, "/nonexistent/file")
  raises("bad argument", loadfile, {})
  eq(select(2, loadfile(T.temp "x = = 1")):match ":1: .*", ":1: unexpected symbol near '='")
  eq(select("#", dofile(T.temp "return nil, nil")), 2)
end)

claim("save to where nothing can be written is an error that says so", function()
  local plumber = papy.Plumber { pipers = { first } }
  local err = raises("plumber", plumber.save, plumber, "/nonexistent/job.lua")
  ok(tostring(err):find("/nonexistent/job.lua", 1, true))
  for _, path in ipairs { false, 5, "", {} } do
    raises("a path expected", plumber.save, plumber, path)
    raises("a path expected", plumber.load, plumber, path)
  end
end)

claim("a save that fails leaves the file that was there, and nothing beside it", function()
  local fs = papy.fs
  local dir = assert(fs.temp "directory")
  local path = dir .. "/job.lua"
  T.ok(io.open(path, "w")):write("the old one"):close()
  local text = T.run(([[
    local piper = papy.Piper(function(i) return i[1] end, {name = ("x"):rep(9000)})
    local plumber = papy.Plumber {pipers = {piper}}
    print(pcall(plumber.save, plumber, %q))
  ]]):format(path), "trap '' XFSZ; ulimit -f 1; timeout 30")
  ok(text:find("cannot write '" .. path .. "': ", 1, true) and text:find "File too large", text)
  eq(fs.read(path), "the old one")
  eq(fs.list(dir), { "job.lua" })
  os.remove(path)
  os.remove(dir)
end)

-- ---- pipelines ----

local function scaled(inbox, by, more) return inbox[1] * by + (more or 0) end

claim("pipers, workers, arguments, pools, options and pipes come back", function()
  local one = papy.NuMap { worker_num = 2, stride = 3, buffer = 40, ordered = false, name = "one" }
  local two = papy.NuMap { worker_num = 1, worker_type = "thread", skip = true, batch = "auto" }
  local function pair(inbox) return { inbox[1], inbox[1] } end
  local plumber = papy.Plumber { pipes = { {
    papy.Piper(papy.Worker({ scaled, scaled }, { { 2, 1 }, { 3 } }),
      { name = "scale it", parallel = one, branch = "b", track = true }),
    papy.Piper(pair, { name = "pair", parallel = two, produce = 2, timeout = 30, branch = 2 }),
    papy.Piper(first, { name = "twice", parallel = one, spawn = 2, produce = 2, repeats = true, debug = true }),
    papy.Piper(function(inbox) return inbox end, { name = "end", consume = 4 }),
  } } }
  plumber:add_pipe { "scale it", papy.Piper(first, { name = "plain" }), "end" }
  plumber:del_piper("end", { force = true })
  local again = loaded(plumber)
  local function facts(p)
    local list = {}
    for i, piper in ipairs(p:nodes()) do
      local pool = piper.parallel
      list[i] = { piper.name, piper.consume, piper.produce, piper.spawn, piper.timeout or 0, piper.branch or 0, piper.debug,
        piper.track, piper.repeats, #piper.worker.functions, piper.worker.args,
        pool and { pool.worker_num, pool.worker_type, pool.stride, pool.buffer or 0, pool.ordered, pool.skip, pool.batch } }
    end
    for _, edge in ipairs(p:edges()) do list[#list + 1] = edge[2].name .. ">" .. edge[1].name end
    return list
  end
  eq(facts(again), facts(plumber))
  eq(again:nodes()[1].parallel, again:nodes()[3].parallel)
  eq(again:nodes()[1].parallel.name, "one")
end)

claim("a saved pipeline gives the same results, and the same text again", function()
  local plumber = papy.Plumber()
  local left = papy.Piper(papy.Worker(scaled, { 2 }), { name = "left", parallel = papy.NuMap { worker_num = 2 }, branch = 2 })
  local right = papy.Piper(papy.Worker(scaled, { 3 }), { name = "right", branch = 1 })
  local join = papy.Piper(function(inbox) return inbox[1] .. " " .. inbox[2] end, { name = "join" })
  plumber:add_pipes { { papy.Piper(first, { name = "in" }), left, join }, { "in", right, join } }
  eq(results(plumber, { 1, 2 }), { "3 2", "6 4" })
  local again, text = loaded(plumber)
  eq(results(again, { 1, 2 }), { "3 2", "6 4" })
  local _, text_again = saved(again)
eq(text_again, text)
end)

claim("pipers without a name of their own get another one when they are loaded", function()
  local plumber = papy.Plumber { pipes = { { first, first } } }
  local path, text = saved(plumber)
  ok(not text:find("name =", 1, true), text)
  plumber:load(path)
  plumber:load(path)
  eq({ #plumber, #plumber:edges() }, { 6, 3 })
end)

claim("papy runs the saved script, on the lines of files", function()
  local function show(inbox) print(#inbox[1]) end
  local path = saved(papy.Plumber { pipes = { { papy.Piper(first, { parallel = papy.NuMap { worker_num = 2 } }), show } } })
  local lines = T.temp "one\nthree\n\n"
  local text, status = T.read_all(("%s %s %s 2>&1"):format(T.papy(), path, lines))
  eq({ text, status }, { "3\n5\n0\n", 0 })
  text, status = T.read_all(("%s %s 2>&1"):format(T.papy(), path))
  eq({ text, status }, { "", 0 })
  text, status = T.read_all(("%s %s %s %s 2>&1"):format(T.papy(), path, lines, lines))
  ok(status == 1 and text:find "superfluous", text)
end)

claim("load refuses what is no pipeline, and adds nothing then", function()
  local plumber = papy.Plumber { pipers = { papy.Piper(first, { name = "a" }) } }
  raises("plumber", plumber.load, plumber, "/nonexistent/job.lua")
  raises("plumber", plumber.load, plumber, T.temp "return 1")
  raises("plumber", plumber.load, plumber, T.temp "this is no Lua")
  raises("broken", plumber.load, plumber, T.temp "error 'broken'")
  local other = saved(papy.Plumber { pipers = { papy.Piper(first, { name = "b" }), papy.Piper(first, { name = "a" }) } })
  raises("dagger", plumber.load, plumber, other)
  eq(#plumber, 1)
  local third = saved(papy.Plumber { pipers = { papy.Piper(first, { name = "c" }) } })
  plumber:load(third)
  eq(#plumber, 2)
  plumber:start { { 1 }, { 2 } }
  raises("plumber", plumber.load, plumber, third)
  plumber:stop()
end)

T.finish()
