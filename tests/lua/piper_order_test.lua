-- consume, produce, repeats, spawn: the exact order of items, in strides, and nothing lost at the end.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local Piper = papy.Piper

local function same(i) return i[1] end
local function double(i) return 2 * i[1] end

-- the inbox of a consuming piper in words: rows in brackets
local function words(inbox)
  local rows = {}
  for i, row in ipairs(inbox) do rows[i] = table.concat(row, ",") end
  return table.concat(rows, " ")
end

local function pairs_up_to(n)
  local out = {}
  for i = 1, n do out[i] = { i * 10 + 1, i * 10 + 2 } end
  return out
end

-- a linear piper works with stride 1, a parallel one with the stride of its pool
local function run(f, stride, options, input)
  options.parallel = stride and papy.NuMap { stride = stride, worker_num = 2 }
  local p = Piper(f, options) { input }
  local out = T.values(p:start())
  p:stop()
  return out
end

-- ---- the plain rules, to compare with ----

local function produced(results, n, stride)
  local out = {}
  for first = 1, #results, stride do
    for e = 1, n do
      for i = first, math.min(first + stride - 1, #results) do out[#out + 1] = results[i][e] end
    end
  end
  return out
end

local function consumed(items, n, stride)
  local out, block = {}, n * stride
  local whole = #items // block * block
  for first = 1, whole, block do
    for j = 0, stride - 1 do
      local row = {}
      for k = 0, n - 1 do row[k + 1] = items[first + j + k * stride] end
      out[#out + 1] = table.concat(row, " ")
    end
  end
  for first = whole + 1, #items, n do
    out[#out + 1] = table.concat(items, " ", first, math.min(first + n - 1, #items))
  end
  return out
end

claim("consume = n gives n rows to a call, one column per input", function()
  eq(run(words, nil, { consume = 2 }, { "hello", "world", "hi", "folks" }), { "hello world", "hi folks" })
  local p = Piper(words, { consume = 2 }) { { 1, 2, 3, 4 }, { "a", "b", "c", "d" } }
  eq(T.values(p:start()), { "1,a 2,b", "3,c 4,d" })
end)

claim("consume in strides, and the short rest at the end", function()
  local nine = T.range(0, 8)
  eq(run(words, 1, { consume = 2 }, nine), { "0 1", "2 3", "4 5", "6 7", "8" })
  eq(run(words, nil, { consume = 2 }, nine), { "0 1", "2 3", "4 5", "6 7", "8" })
  eq(run(words, 2, { consume = 2 }, nine), { "0 2", "1 3", "4 6", "5 7", "8" })
  eq(run(words, 3, { consume = 2 }, nine), { "0 3", "1 4", "2 5", "6 7", "8" })
  eq(run(words, 2, { consume = 3 }, nine), { "0 2 4", "1 3 5", "6 7 8" })
  eq(run(words, 4, { consume = 3 }, T.range(1, 7)), { "1 2 3", "4 5 6", "7" })
  eq(run(words, 3, { consume = 5 }, { 1 }), { "1" })
  eq(run(words, 3, { consume = 5 }, {}), {})
end)

claim("consume of 24 items, two by two in strides of three", function()
  local input = { 0, 1, 4, 0, 1, 4, 9, 16, 25, 9, 16, 25, 36, "s", "s", 36, "s", "s", "s", "s", "s", "s", "s", "s" }
  local function add(i) return type(i[1][1]) == "number" and i[1][1] + i[2][1] or i[1][1] .. i[2][1] end
  eq(run(add, 3, { consume = 2 }, input), { 0, 2, 8, 18, 32, 50, 72, "ss", "ss", "ss", "ss", "ss" })
end)

claim("a consuming linear piper reads only what a call needs", function()
  local numbers, read = T.counter()
  local p = Piper(words, { consume = 3 }) { numbers }
  p:start()
  eq(p:next(), "1 2 3")
  eq(read(), 3)
end)

claim("produce = n makes n items of a result, in strides, the tail too", function()
  eq(run(function(i) return { i[1], i[1] } end, nil, { produce = 2 }, { "h", "w" }), { "h", "h", "w", "w" })
  eq(run(same, 3, { produce = 2 }, pairs_up_to(7)), { 11, 21, 31, 12, 22, 32, 41, 51, 61, 42, 52, 62, 71, 72 })
  eq(run(same, 2, { produce = 2 }, pairs_up_to(3)), { 11, 21, 12, 22, 31, 32 })
  eq(run(same, 3, { produce = 2 }, pairs_up_to(2)), { 11, 21, 12, 22 })
  eq(run(same, 3, { produce = 2 }, {}), {})
end)

claim("repeats gives the same result n times, in strides, the tail too", function()
  eq(run(same, nil, { produce = 2, repeats = true }, { 1, 2 }), { 1, 1, 2, 2 })
  eq(run(same, 3, { produce = 2, repeats = true }, T.range(0, 6)), { 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 6 })
  eq(run(same, nil, { repeats = true }, { 1, 2 }), { 1, 2 })
  local out = run(same, nil, { produce = 2, repeats = true }, { { 7 } })
  eq({ out[1][1], out[2][1], #out }, { 7, 7, 2 })
end)

claim("false and null are produced like anything else", function()
  eq(run(same, nil, { produce = 3 }, { { false, papy.null, 1 } }), { false, papy.null, 1 })
end)

claim("a result of the wrong length gives one error in each of its places", function()
  for _, stride in ipairs { false, 1, 3 } do
    local out = run(same, stride or nil, { produce = 2, name = "halves" }, { { 1, 2 }, { 3 }, { 4, 5, 6 }, 7, { 8, 9 } })
    eq(#out, 10)
    local values, kinds = {}, 0
    for _, v in ipairs(out) do
      if getmetatable(v) == papy.Error then
        eq(v.kind, "piper")
        ok(tostring(v):find "halves" and tostring(v):find "produce = 2", v)
        kinds = kinds + 1
      else
        values[#values + 1] = v
      end
    end
    eq(kinds, 6)
    table.sort(values)
    eq(values, { 1, 2, 8, 9 })
  end
end)

claim("every length, stride and number keeps to the rule and loses nothing", function()
  for stride = 1, 3 do
    for n = 2, 3 do
      for length = 0, 8 do
        local results = {}
        for i = 1, length do
          results[i] = {}
          for e = 1, n do results[i][e] = i * 10 + e end
        end
        eq(run(same, stride, { produce = n }, results), produced(results, n, stride))
        eq(run(words, stride, { consume = n }, T.range(1, length)), consumed(T.range(1, length), n, stride))
      end
    end
  end
end)

-- ---- together ----

local function chain(stride, options, input)
  local pool = stride and papy.NuMap { stride = stride, worker_num = 2 }
  local p = input
  for _, o in ipairs(options) do
    o[2].parallel = pool
    p = Piper(o[1], o[2]) { p }
  end
  return T.values(p:start())
end

claim("produce, then consume: the four words of the examples", function()
  local l33t = function(i) return { (i[1]:gsub("[eo]", { e = "3", o = "0" })), "yuk" } end
  local input = { "hello", "world", "hi", "folks" }
  eq(chain(nil, { { l33t, { produce = 2 } }, { words, { consume = 4 } } }, input), { "h3ll0 yuk w0rld yuk", "hi yuk f0lks yuk" })
  local upper = function(i) return i[1]:upper() end
  eq(chain(nil, { { l33t, { produce = 2 } }, { upper, { spawn = 2 } }, { words, { consume = 4 } } }, input),
    { "H3LL0 YUK W0RLD YUK", "HI YUK F0LKS YUK" })
end)

claim("what was produced together is consumed together, whatever the stride and the number of items", function()
  local function total(i)
    local sum = 0
    for _, row in ipairs(i) do sum = sum + row[1] end
    return sum
  end
  for _, stride in ipairs { false, 1, 2, 3, 5 } do
    for length = 0, 8 do
      local want, spawned = {}, {}
      for i = 1, length do want[i], spawned[i] = 20 * i + 3, 40 * i + 6 end
      eq(chain(stride, { { same, { produce = 2 } }, { total, { consume = 2 } } }, pairs_up_to(length)), want)
      eq(chain(stride, { { same, { produce = 2 } }, { double, { spawn = 2 } }, { total, { consume = 2 } } },
        pairs_up_to(length)), spawned)
    end
  end
end)

claim("the same with repeats, through a fork and a join", function()
  for _, stride in ipairs { false, 2, 3 } do
    local pool = stride and papy.NuMap { stride = stride }
    local a = Piper(same, { parallel = pool, produce = 2, repeats = true }) { T.range(1, 5) }
    local b, c = Piper(double, { parallel = pool }) { a }, Piper(same, { parallel = pool }) { a }
    local d = Piper(words, { parallel = pool, consume = 2 }) { b, c }
    local out = T.values(d:start())
    eq(out, { "2,1 2,1", "4,2 4,2", "6,3 6,3", "8,4 8,4", "10,5 10,5" })
  end
end)

claim("an unbalanced consume takes the items as they come", function()
  eq(chain(nil, { { same, { produce = 2 } }, { words, { consume = 3 } } }, { { 1, 10 }, { 2, 20 }, { 3, 30 }, { 4, 40 } }),
    { "1 10 2", "20 3 30", "4 40" })
end)

T.each_type(function(worker_type)
  claim("spawned tasks share one input in strides, and results keep its order", function()
    for stride = 1, 4 do
      for n = 1, 4 do
        for length = 0, 9, 3 do
          local pool = papy.NuMap { stride = stride, worker_num = 2, worker_type = worker_type }
          local p = Piper(double, { parallel = pool, spawn = n, track = true }) { T.counter(length) }
          local want, tracked = {}, {}
          for k = 1, n do tracked[k] = {} end
          for i = 1, length do
            want[i] = 2 * i
            local of = tracked[(i - 1) // stride % n + 1]
            of[#of + 1] = 2 * i
          end
          eq(T.values(p:start()), want)
          eq(p.tracked, tracked)
          pool:stop()
        end
      end
    end
  end)

  claim("produce, spawn and consume over pools of different stride give every item once", function()
    local function pool(stride) return papy.NuMap { stride = stride, worker_num = 2, worker_type = worker_type } end
    local a = Piper(same, { parallel = pool(2), produce = 2 }) { pairs_up_to(7) }
    local b = Piper(double, { parallel = pool(3), spawn = 3 }) { a }
    local c = Piper(words, { parallel = pool(1), consume = 3 }) { b }
    local all = table.concat(T.values(c:start()), " ")
    local want = produced(pairs_up_to(7), 2, 2)
    for i, v in ipairs(want) do want[i] = 2 * v end
    eq(all, table.concat(want, " "))
  end)
end)

T.finish()
