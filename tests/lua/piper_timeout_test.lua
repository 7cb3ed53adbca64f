-- timeout: an item that does not come in time is an error in its place; the number of items stays the same.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local Piper = papy.Piper
local SLOW = T.slow

local function sleeper(i)
  papy.sleep(i[1] * SLOW)
  return i[1]
end

local function kinds(p)
  local out = {}
  for v in p do out[#out + 1] = getmetatable(v) == papy.Error and v.kind or v end
  return out
end

local function piper(options, pool_options)
  pool_options.worker_num = pool_options.worker_num or 1
  options.parallel = papy.NuMap(pool_options)
  options.timeout = (options.timeout or 0.2) * SLOW
  return Piper(sleeper, options)
end

T.each_type(function(worker_type)
  for _, skip in ipairs { true, false } do
    claim(("an item that is late is given up, skip = %s"):format(skip), function()
      local p = piper({}, { skip = skip, worker_num = 2, stride = 2, worker_type = worker_type }) { { 0, 0.45, 0, 0 } }
      p:start()
      eq(p:next(), 0)
      local e = p:next()
      eq({ e.kind, e.index }, { "timeout", 2 })
      ok(tostring(e):find "within", e)
      eq({ p:next(), p:next(), p:next() }, { 0, 0 })
      p:stop()
    end)

    claim(("several in a row are given up one by one, skip = %s"):format(skip), function()
      local p = piper({ timeout = 0.05 }, { skip = skip, worker_type = worker_type }) { { 0.3, 0.3, 0.3, 0 } }
      local out = kinds(p:start())
      eq(#out, 4)
      eq({ out[1], out[2] }, { "timeout", "timeout" })
      p:stop()
    end)

    claim(("nothing comes twice and nothing is missing, skip = %s"):format(skip), function()
      local input = { 0, 0.12, 0, 0, 0.12, 0.12, 0, 0, 0, 0 }
      local p = piper({ timeout = 0.06 }, { skip = skip, worker_num = 2, worker_type = worker_type }) { input }
      local out = kinds(p:start())
      eq(#out, #input)
      for i, v in ipairs(out) do ok(v == input[i] or v == "timeout", i, v) end
      p:stop()
    end)
  end
end)

claim("an unordered pool keeps the number of items, too", function()
  for _, skip in ipairs { true, false } do
    local p = piper({ timeout = 0.1 }, { ordered = false, skip = skip, worker_num = 2, buffer = 4 })
    p { { 0.3, 0, 0, 0, 0.3, 0 } }
    eq(#kinds(p:start()), 6)
    p:stop()
  end
end)

claim("a slow input is no slow function", function()
  local n = 0
  local function slow_input()
    papy.sleep(0.1 * SLOW)
    n = n + 1
    return n <= 3 and 0 or nil
  end
  local p = piper({ timeout = 0.03 }, {}) { slow_input }
  eq(kinds(p:start()), { 0, 0, 0 })
end)

claim("a timed-out item passes later pipers and joins in its place", function()
  local slow = piper({ timeout = 0.1 }, { worker_num = 2 }) { { 0, 0.3, 0 } }
  for _, pool in ipairs { false, papy.NuMap { worker_num = 1 } } do
    if slow.ran then slow:disconnect() end
    if not slow.connected then slow { { 0, 0.3, 0 } } end
    local p = Piper(function(i) return { i[1], i[2] } end, { parallel = pool }) { slow, { "a", "b", "c" } }
    p:start()
    eq(p:next(), { 0, "a" })
    eq(p:next().kind, "timeout")
    eq(p:next(), { 0, "c" })
    eq(p:next(), nil)
    p:stop()
    slow:stop()
    p:disconnect()
  end
end)

claim("spawned tasks, timeouts and produce together keep every place", function()
  local input = { 0, 0.25, 0, 0, 0, 0.25, 0 }
  local p = Piper(function(i)
    papy.sleep(i[1] * SLOW)
    return { i[1], i[1] + 1 }
  end, { parallel = papy.NuMap { worker_num = 4, stride = 2 }, spawn = 2, produce = 2, timeout = 0.1 * SLOW }) { input }
  local out = kinds(p:start())
  eq(#out, 14)
  local late = 0
  for _, v in ipairs(out) do late = late + (v == "timeout" and 1 or 0) end
  ok(late >= 2 and late % 2 == 0, late)
end)

claim("a linear piper computes at once and knows no timeout", function()
  local p = Piper(function(i)
    papy.sleep(0.02)
    return i[1]
  end, { timeout = 0.001 }) { { 1, 2 } }
  eq(T.values(p:start()), { 1, 2 })
end)

claim("a long timeout that was not needed holds up nobody who has to give way", function()
  local p = piper({ timeout = 60 }, {}) { { 0.02, 0 } }
  p:start()
  eq(p:next(), 0.02)
  local pool = papy.NuMap { worker_num = 1, stride = 1 }
  local function same(inbox) return Piper(function(i) return i[1] end, { parallel = pool })(inbox) end
  local a = same { T.range(1, 12) }
  local b, c = same { a }, same { a }
  b:start()
  c:start()
  local t0 = papy.now()
  eq(T.values(b), T.range(1, 12))
  ok(papy.now() - t0 < 20 * SLOW)
end)

claim("a timeout ends the waiting also when everything else stands still", function()
  local p = piper({ timeout = 0.1 }, { worker_num = 1 }) { { 30 } }
  local q = Piper(function(i) return i[1] end) { p }
  q:start()
  local t0 = papy.now()
  eq(q:next().kind, "timeout")
  ok(papy.now() - t0 < 5 * SLOW)
  q:stop { force = true }
  p:stop { force = true }
end)

T.finish()
