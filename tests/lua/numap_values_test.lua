-- What may travel to a worker and back, through every way a value can take.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local function same(x) return x end

-- name, value
local VALUES = {
  { "true", true },
  { "false", false },
  { "null", papy.null },
  { "zero", 0 },
  { "small integers", { 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 65535, 65536 } },
  { "large integers", { 2 ^ 31 | 0, -2 ^ 31 | 0, 2 ^ 53 | 0, math.maxinteger, math.mininteger } },
  { "floats that are integers", { 1.0, -1.0, 0.0, 2.0 ^ 53, 2.0 ^ 63 } },
  { "floats", { 0.1, -0.1, math.pi, 1e308, -1e308, 5e-324, 2.2250738585072014e-308 } },
  { "minus zero", -0.0 },
  { "infinities", { math.huge, -math.huge } },
  { "not a number", 0 / 0 },
  { "integer and float keys", { [1] = "a", [2.5] = "b", [-1] = "c", [math.maxinteger] = "d" } },
  { "the empty string", "" },
  { "strings", { "a", "äöü", ("x"):rep(39), ("x"):rep(40), ("x"):rep(41) } },
  { "every byte", (function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    return table.concat(bytes)
  end)() },
  { "zero bytes", "\0\0\0" },
  { "the empty table", {} },
  { "an array", { 1, "two", 3.0, false, papy.null } },
  { "a record", { name = "x", size = 3, ok = true, off = false } },
  { "mixed", { 1, 2, x = 1, y = { 3, z = {} } } },
  { "holes", { [1] = 1, [3] = 3, [100] = 100, [-5] = "m", [0] = "z" } },
  { "booleans and null as keys", { [true] = 1, [false] = 2, [papy.null] = 3 } },
  { "a table as key", nil },
  { "strings of many lengths", (function()
    local list = {}
    for i = 0, 300, 7 do list[#list + 1] = ("s"):rep(i) end
    return list
  end)() },
}

T.each_type(function(worker_type)
  -- the values come back as they went
  local function round(values, options)
    options = options or {}
    options.worker_type, options.worker_num = worker_type, 2
    local pool = papy.NuMap(same, values, options)
    return pool
  end

  for _, case in ipairs(VALUES) do
    if case[2] ~= nil then
      claim("there and back: " .. case[1], function()
        local pool = round { case[2], { case[2] } }
        eq(pool:next(), case[2])
        eq(pool:next(), { case[2] })
        eq(pool:next(), nil)
      end)
    end
  end

  claim("integers and floats stay apart", function()
    local pool = round { 1, 1.0, { 1, 1.0 } }
    eq(math.type(pool:next()), "integer")
    eq(math.type(pool:next()), "float")
    local list = pool:next()
    eq({ math.type(list[1]), math.type(list[2]) }, { "integer", "float" })
  end)

  claim("a table as key", function()
    local key = { "key" }
    local got = round({ { [key] = "value" } }):next()
    local k, v = next(got)
    eq(k, { "key" })
    eq(v, "value")
  end)

  claim("shared tables stay shared", function()
    local part = { 1 }
    local got = round({ { part, part, { part } } }):next()
    eq(got, { part, part, { part } })
    ok(got[1] == got[2] and got[1] == got[3][1], "one table became several")
    ok(got[1] ~= part, "a copy")
  end)

  claim("cycles stay cycles", function()
    local loop = { name = "loop" }
    loop.self = loop
    loop.deeper = { back = loop }
    local got = round({ loop }):next()
    ok(got.self == got and got.deeper.back == got and got.name == "loop", got)
  end)

  claim("nested tables", function()
    local deep = {}
    for i = 1, 150 do deep = { i, deep } end
    eq(round({ deep }):next(), deep)
  end)

  claim("tables nested without bound are an error of their item, no crash", function()
    local deep = {}
    for _ = 1, 200000 do deep = { deep } end
    local pool = round { deep, 2 }
    local good, e = pcall(pool.next, pool)
    ok(good or e.kind == "codec", e)
    eq(pool:next(), 2)
    pool = papy.NuMap(function(x)
      local t = {}
      for _ = 1, 200000 do t = { t } end
      return x == 1 and t or x
    end, { 1, 2 }, { worker_type = worker_type })
    good, e = pcall(pool.next, pool)
    ok(good or e.kind == "codec", e)
    eq(pool:next(), 2)
  end)

  claim("long arrays and large records", function()
    local list, record = {}, {}
    for i = 1, 20000 do
      list[i] = i * 3
      record["key" .. i] = i
    end
    local pool = round { list, record }
    eq(pool:next(), list)
    eq(pool:next(), record)
  end)

  claim("strings of 5 MB", function()
    local text = ("0123456789abcdef\0\n"):rep(5 * 1024 * 1024 // 18)
    local pool = round { text, { text, text } }
    ok(pool:next() == text, "differs")
    local pair = pool:next()
    ok(pair[1] == text and pair[2] == text, "differs")
  end)

  claim("strings of every size around the sizes of blocks", function()
    local sizes = {}
    for bits = 0, 17 do
      for d = -2, 2 do
        if 2 ^ bits + d >= 0 then sizes[#sizes + 1] = (2 ^ bits | 0) + d end
      end
    end
    local i = 0
    local pool = round(function()
      i = i + 1
      return sizes[i] and ("x"):rep(sizes[i])
    end, { stride = 5 })
    for _, size in ipairs(sizes) do ok(pool:next() == ("x"):rep(size), "size", size) end
    eq(pool:next(), nil)
  end)

  claim("much larger results than arguments, and the reverse", function()
    local sizes = { 1, 3000000, 2, 1000000 }
    local pool = papy.NuMap(function(n) return ("r"):rep(n) end, sizes, { worker_type = worker_type })
    for _, n in ipairs(sizes) do eq(#pool:next(), n) end
    pool = papy.NuMap(string.len, { "", ("x"):rep(3000000), "ab" }, { worker_type = worker_type })
    eq(T.values(pool), { 0, 3000000, 2 })
  end)

  claim("functions travel with their upvalues", function()
    local pool = papy.NuMap(function(n)
      local hidden = { n }
      return function(x) return hidden[1] + x end
    end, { 1, 10 }, { worker_type = worker_type })
    eq(pool:next()(5), 6)
    eq(pool:next()(5), 15)
    local by = 3
    pool = papy.NuMap(function(f) return f(7) end, { function(x) return x * by end, math.sqrt },
      { worker_type = worker_type })
    eq(pool:next(), 21)
    eq(pool:next(), math.sqrt(7))
  end)

  claim("a regex travels", function()
    local pool = papy.NuMap(function(re) return re:count "a1 b22 c" end, { papy.regex [[\d+]], papy.regex "x" },
      { worker_type = worker_type })
    eq(pool:next() > 0, true)
    eq(pool:next(), 0)
  end)

  claim("a chunk travels", function()
    local path = T.temp "one\ntwo\nthree\n"
    local pool = papy.NuMap(function(chunk) return { chunk:text(), chunk.first, chunk.last } end,
      papy.chunks(path, 1024), { worker_type = worker_type })
    eq(pool:next(), { "one\ntwo\nthree\n", 0, 13 })
    eq(pool:next(), nil)
    local back = T.values(papy.NuMap(same, papy.chunks(path, 1), { worker_type = worker_type }))
    eq(#back, 3)
    eq(back[2]:text(), "two\n")
  end)

  claim("an error value travels inside a table as a value", function()
    local pool = papy.NuMap(function(x)
      local _, e = pcall(error, { code = x })
      return { caught = e }
    end, { 1 }, { worker_type = worker_type })
    eq(pool:next(), { caught = { code = 1 } })
    local failing = papy.NuMap(function() error "inner" end, { 1 }, { worker_type = worker_type })
    local e = raises("inner", failing.next, failing)
    pool = papy.NuMap(function(t) return { t.e.kind, t.e.message } end, { { e = e } }, { worker_type = worker_type })
    eq(pool:next(), { "function", e.message })
  end)

  claim("values pass a chain and a join as they are", function()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = 2 }
    local values = {}
    for _, case in ipairs(VALUES) do
      if case[2] ~= nil then values[#values + 1] = case[2] end
    end
    local a = pool:add_task(same, values)
    local b = pool:add_task(same, values)
    local c = pool:add_task(same, papy.zip(a, b))
    local d = pool:add_task(same, c)
    pool:start()
    for _, v in ipairs(values) do eq(d:next(), { v, v }) end
    eq(d:next(), nil)
  end)

  claim("a changed item does not change in the host", function()
    local item = { n = 1 }
    local pool = papy.NuMap(function(t)
      t.n = t.n + 1
      return t
    end, { item, item }, { worker_type = worker_type, worker_num = 1 })
    eq(T.values(pool), { { n = 2 }, { n = 2 } })
    eq(item, { n = 1 })
  end)
end)

claim("no metamethod runs while a value travels", function()
  local touched = false
  local function touch() touched = true end
  local item = setmetatable({ 1 }, { __index = touch, __pairs = touch, __len = touch, __name = "Strange" })
  local pool = papy.NuMap(function(t) return t[1] end, function()
    local v = item
    item = nil
    return v
  end, { worker_num = 1 })
  pcall(pool.next, pool)
  eq(touched, false)
end)

T.finish()
