-- Fusing: pipers in a row on one pool, between which nobody looks, are one tasklet; results, errors and counts are the same.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Piper = papy.Piper

local function add(i, n) return i[1] + (n or 1) end
local function double(i) return i[1] * 2 end
local function picky(i)
  if i[1] % 3 == 0 then error "divisible" end
  return i[1]
end
local function same(i) return i[1] end

-- what a person sees of an error
local function face(e)
  if getmetatable(e) ~= papy.Error then return e end
  local lines = {}
  for line in (e.traceback or ""):gmatch "piper_fuse_test[^\n]*" do lines[#lines + 1] = line end
  local causes
  for i, cause in ipairs(e.causes or {}) do
    causes = causes or {}
    causes[i] = face(cause)
  end
  return { kind = e.kind, message = e.message, name = e.name, item = e.item, index = e.index, value = face(e.value),
    text = tostring(e), lines = lines[1], causes = causes }
end

local function faces(p)
  local out = {}
  for v in p do out[#out + 1] = face(v) end
  return out
end

-- a chain of those functions or {what, options} on the pool, read to its end; also the counts of all, and how many tasks it has
local function chain(pool, fuse, parts, input)
  local pipers, from = {}, input
  for k, part in ipairs(parts) do
    local options = { parallel = pool, fuse = fuse, name = "p" .. k }
    for key, value in pairs(type(part) == "table" and not getmetatable(part) and part[2] or {}) do options[key] = value end
    from = Piper(options and type(part) == "table" and not getmetatable(part) and part[1] or part, options) { from }
    pipers[k] = from
  end
  from:start()
  local tasks, out, counts = #pool.tasks, faces(from), {}
  for k, piper in ipairs(pipers) do counts[k] = { piper:_counts() } end
  pool:stop()
  return out, counts, tasks
end

local function both_ways(pool, parts, input)
  local apart, counts_apart, many = chain(pool, false, parts, input)
  local together, counts, few = chain(pool, nil, parts, input)
  eq(together, apart)
  eq(counts, counts_apart, "counts")
  return few, many, together, counts
end

T.each_type(function(worker_type)
  local function pool(options)
    options = options or {}
    options.worker_type, options.worker_num = worker_type, options.worker_num or 2
    return papy.NuMap(options)
  end

  claim("four pipers in a row are one task, with the same results", function()
    for stride = 1, 3 do
      for _, batch in ipairs { 1, "auto" } do
        local few, many, out = both_ways(pool { stride = stride, batch = batch }, { add, double, same, add }, T.range(1, 50))
        eq({ few, many }, { 1, 4 })
        for i = 1, 50 do eq(out[i], (i + 1) * 2 + 1) end
      end
    end
  end)

  claim("failed items: the same names, positions, items, tracebacks and counts", function()
    for at = 1, 4 do
      local parts = { add, double, same, add }
      table.insert(parts, at, picky)
      local few, _, out, counts = both_ways(pool(), parts, T.range(1, 20))
      eq(few, 1)
      local failed = 0
      for _, v in ipairs(out) do
        if type(v) == "table" then
          failed = failed + 1
          ok(v.message:find "piper_fuse_test.lua:%d+: divisible", v)
          ok(v.name:find "piper_fuse_test.lua:%d+$", v)
          ok(v.lines, v)
        end
      end
      ok(failed > 5, failed)
      for k = 1, 5 do eq(counts[k], { 20, k < at and 0 or failed }) end
    end
  end)

  claim("what was wrong before they begin passes all of them", function()
    local input = { 1, setmetatable({ kind = "mine", message = "m" }, papy.Error), 3 }
    local _, _, out, counts = both_ways(pool(), { add, double }, input)
    eq(out[2].kind, "mine")
    eq(counts, { { 3, 1 }, { 3, 1 } })
  end)

  claim("nothing returned is null; a returned error is a raised one", function()
    both_ways(pool(), { function() end, function(i) return i[1] == papy.null end }, { 1, 2 })
    both_ways(pool(), { add, function(i)
      return i[1] == 2 and setmetatable({ kind = "mine", message = "m" }, papy.Error) or i[1]
    end, double }, { 1, 2 })
  end)

  claim("workers of several functions with arguments", function()
    local _, _, out = both_ways(pool(), { papy.Worker({ add, double }, { { 10 }, {} }), papy.Worker(add, { 5 }), picky },
      T.range(1, 9))
    eq(out[1], 27 % 3 == 0 and out[1] or 27)
  end)

  claim("a table goes on as a copy, as if it had left the worker", function()
    local kept = { 0 }
    both_ways(pool { worker_num = 1 }, { function(i)
      kept[1] = kept[1] + i[1]
      return kept
    end, function(i)
      i[1][1] = i[1][1] * 100
      return i[1][1]
    end }, { 1, 2, 3 })
    both_ways(pool(), { function(i)
      local t = { i[1] }
      return { t, t }
    end, function(i) return i[1][1] == i[1][2] end }, { 1 })
  end)

  claim("what could not travel fails between them, too", function()
    local function odd(i) return i[1] == 3 and coroutine.create(print) or i[1] end
    local few, _, out = both_ways(pool(), { add, odd, function(i)
      return type(i[1])
    end }, { 1, 2, 3 })
    eq(few, 1)
    eq({ out[1], out[2].kind, out[3] }, { "number", "codec", "number" })
  end)

  claim("unordered pools and small buffers", function()
    local few, _, out = both_ways(pool { worker_num = 1, stride = 1, buffer = 1 }, { add, picky, double }, T.range(1, 9))
    eq({ few, #out }, { 1, 9 })
    eq(#chain(pool { ordered = false }, nil, { add, double }, T.range(1, 30)), 30)
  end)

  claim("who looks between them keeps them apart", function()
    local function tasks(parts) return (select(3, chain(pool(), nil, parts, T.range(1, 8)))) end
    eq(tasks { add, double }, 1)
    eq(tasks { { add, { track = true } }, double }, 2)
    eq(tasks { add, { double, { track = true } } }, 1)
    eq(tasks { { add, { timeout = 60 } }, double }, 2)
    eq(tasks { add, { double, { timeout = 60 } } }, 2)
    eq(tasks { { add, { debug = true } }, double }, 2)
    eq(tasks { { add, { debug = true } }, { double, { debug = true } } }, 1)
    eq(tasks { { add, { produce = 2, repeats = true } }, double }, 2)
    eq(tasks { add, { function(i) return i[1][1] end, { consume = 2 } } }, 2)
    eq(tasks { add, { double, { spawn = 2 } } }, 3)
    eq(tasks { { add, { fuse = false } }, double, double }, 2)
  end)

  claim("the last of them is tracked", function()
    local one = pool()
    local p = Piper(double, { parallel = one, track = true }) { Piper(add, { parallel = one }) { T.range(1, 5) } }
    eq(#T.values(p:start()), 5)
    eq(p.tracked, { { 4, 6, 8, 10, 12 } })
  end)

  claim("forks and joins end a row", function()
    local one = pool()
    local a = Piper(add, { parallel = one }) { T.range(1, 10) }
    local b = Piper(double, { parallel = one }) { a } -- with a
    local c, d = Piper(add, { parallel = one }) { b }, Piper(double, { parallel = one }) { b }
    local e = Piper(picky, { parallel = one }) { c }  -- with c
    local f = Piper(function(i) return i[1] + i[2] end, { parallel = one }) { e, d }
    f:start()
    eq(#one.tasks, 4)
    local out = faces(f)
    for i = 1, 10 do
      local v = 2 * (i + 1)
      if (v + 1) % 3 == 0 then eq(out[i].kind, "function") else eq(out[i], v + 1 + 2 * v) end
    end
    eq({ c:_counts() }, { 10, 0 })
    eq({ e:_counts() }, { 10, 3 })
    eq({ f:_counts() }, { 10, 3 })
  end)

  claim("nobody can read between them once they run", function()
    local one = pool()
    local a = Piper(add, { parallel = one }) { { 1 } }
    local b = Piper(double, { parallel = one }) { a }
    b:start()
    raises("fused", a._outlet, a)
    raises("read by", a.next, a)
    eq(T.values(b), { 4 })
  end)

  claim("a row started by its first is started whole, and stops and starts again", function()
    local one = pool()
    local a = Piper(add, { parallel = one }) { T.range(1, 5) }
    local b = Piper(double, { parallel = one }) { a }
    a:start()
    b:start()
    eq(T.values(b), { 4, 6, 8, 10, 12 })
    eq({ a.finished, b.finished }, { true, true })
    b:stop()
    a:stop()
    b:disconnect()
    a:disconnect()
    b { a { { 7 } } }
    eq(T.values(b:start()), { 16 })
  end)
end)

claim("a worker that dies in any of them: the item and the counts are those of the one it died in", function()
  for at = 1, 3 do
    local parts = { add, double }
    table.insert(parts, at, function(i)
      if i[1] % 7 == 0 then os.exit(3) end
      return i[1]
    end)
    local pool = papy.NuMap { worker_num = 2 }
    local apart, counts_apart = chain(pool, false, parts, T.range(1, 10))
    local together, counts = chain(pool, nil, parts, T.range(1, 10))
    eq(counts, counts_apart)
    for i, v in ipairs(apart) do
      if type(v) ~= "table" then
        eq(together[i], v)
      else
        local w = together[i]
        eq({ w.kind, w.message, w.name, w.index }, { v.kind, v.message, v.name, v.index })
        eq(v.kind, "died")
      end
    end
  end
end)

claim("fuse = false is saved and comes back", function()
  local pool, path = papy.NuMap { worker_num = 1 }, T.temp()
  local p = papy.Plumber()
  p:add_pipe { Piper(same, { parallel = pool, name = "apart", fuse = false }), Piper(same, { parallel = pool, name = "free" }) }
  p:save(path)
  local q = dofile(path)
  eq({ q:resolve("apart").fuse, q:resolve("free").fuse }, { false, true })
end)

claim("rows of random length with random failures", function()
  for seed = 1, 30 do
    math.randomseed(seed)
    local parts = {}
    for k = 1, math.random(1, 9) do
      parts[k] = ({ add, double, same, picky, papy.Worker({ same, picky, double }) })[math.random(5)]
    end
    local pool = papy.NuMap { worker_num = math.random(1, 3), stride = math.random(1, 4),
      batch = ({ 1, 2, "auto" })[math.random(3)] }
    both_ways(pool, parts, T.range(1, math.random(0, 40)))
  end
end)

claim("a row of more functions than a task counts is cut", function()
  local pool, from = papy.NuMap { worker_num = 1 }, { 0, 1 }
  for _ = 1, 300 do from = Piper(add, { parallel = pool }) { from } end
  from:start()
  eq(#pool.tasks, 2)
  eq(T.values(from), { 300, 301 })
end)

T.finish()
