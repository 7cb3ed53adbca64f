-- Tallies against a plain Lua evaluation of the same records, whole, split and merged, and spilled to disk.
local T = require "support"
local core = require "papy.core"
local null = papy.null

math.randomseed(20240601)
local random = math.random

local long = ("long key "):rep(500)
local texts = {"", "a", "b", "ab", "\0", "\0\0", "a\0b", "200", "0200", "404", "2.0", "-", " 7 ", "1e3", "\xff\xfe", long,
  long .. "x", "12345678", "123456789abcdef", "123456789abcdef0", "123456789abcdef01",
  "9223372036854775807", "9223372036854775808"}


local function some_value()
  local kind = random(12)
  if kind == 1 then return nil end
  if kind == 2 then return null end
  if kind == 3 then return random(2) == 1 end
  if kind == 4 then return random(-1000, 1000) end
  if kind == 5 then return random() * 1000 end
  if kind == 6 then return random(-5, 5) + 0.0 end
  if kind == 7 then return tostring(random(0, 300)) end
  if kind == 8 then return ("%.2f"):format(random() * 100 - 50) end
  if kind == 9 then return ("k%d"):format(random(40)) end
  return texts[random(#texts)]
end


-- what a calculation takes a value for, or nil
local function number_of(v)
  if type(v) == "number" then return v end
  if type(v) == "boolean" then return v and 1 or 0 end
  if type(v) ~= "string" or v:find "[xXnN]" then return nil end
  local n = tonumber(v)
  return n
end


local function some_records(n)
  local records = {}
  for i = 1, n do
    records[i] = {key = some_value(), other = some_value(), value = some_value(), text = some_value()}
    -- plain Lua's sums are not exact there
    if (number_of(records[i].value) or 0) > 1e18 then records[i].value = "9" end
  end
  return records
end


-- ---- the reference ----

-- integers and floats of one size are the same, and so is what is missing
local function normal(v)
  if v == null then return nil end
  return math.type(v) == "float" and math.tointeger(v) or v
end


local function identity(v)
  v = normal(v)
  return type(v) .. ":" .. tostring(v)
end


local function is_there(v)
  return v ~= nil and v ~= null
end


-- numbers, or the texts of a group that has none
local function extreme(values, before)
  local best
  for _, v in ipairs(values) do
    if is_there(v.value) then
      local n = number_of(v.value)
      local text = n == nil and type(v.value) == "string" and v.value:find "[^ ]" and v.value ~= "-" and v.value or nil
      local new = n or text
      if new ~= nil then
        local same = type(new) == type(best)
        if best == nil or same and before(new, best) or not same and type(new) == "number" then best = new end
      end
    end
  end
  return normal(best)
end


local function reference(records, keys)
  local groups, order = {}, {}
  for _, r in ipairs(records) do
    local id = {}
    for i, key in ipairs(keys) do id[i] = identity(r[key]) end
    id = table.concat(id, "\1")
    if not groups[id] then
      groups[id] = {}
      order[#order + 1] = id
      for _, key in ipairs(keys) do groups[id][key] = normal(r[key]) end
    end
    table.insert(groups[id], r)
  end
  local rows = {}
  for i, id in ipairs(order) do
    local g = groups[id]
    local row, numbers, seen, times = {n = #g, values = 0, sum = 0, distinct = 0}, {}, {}, {}
    for _, key in ipairs(keys) do row[key] = g[key] end
    for _, r in ipairs(g) do
      local n = number_of(r.value)
      if is_there(r.value) then row.values = row.values + 1 end
      if n then
        numbers[#numbers + 1] = n
        row.sum = row.sum + n
      end
      if is_there(r.text) then
        if row.first == nil then row.first = r.text end
        row.last = r.text
        local text_id = identity(r.text)
        if not seen[text_id] then row.distinct = row.distinct + 1 end
        seen[text_id] = true
        times[text_id] = (times[text_id] or 0) + 1
      end
    end
    if #numbers > 0 then
      row.mean = row.sum / #numbers
      table.sort(numbers)
      row.median = numbers[math.max(1, math.ceil(#numbers * 0.5))]
      row.p99 = numbers[math.max(1, math.ceil(#numbers * 0.99))]
    end
    if #numbers > 1 then
      local squares = 0
      for _, n in ipairs(numbers) do squares = squares + (n - row.mean) ^ 2 end
      row.stddev = math.sqrt(squares / (#numbers - 1))
    end
    row.min = extreme(g, function(a, b) return a < b end)
    row.max = extreme(g, function(a, b) return a > b end)
    row.times = times
    row.numbers = numbers
    rows[i] = row
  end
  return rows
end


-- ---- the tally ----

local columns = {
  {name = "n", kind = "count"}, {name = "values", kind = "count", arg = 1}, {name = "sum", kind = "sum", arg = 1},
  {name = "mean", kind = "mean", arg = 1}, {name = "stddev", kind = "stddev", arg = 1}, {name = "min", kind = "min", arg = 1},
  {name = "max", kind = "max", arg = 1}, {name = "median", kind = "quantile", arg = 1, number = 0.5},
  {name = "p99", kind = "quantile", arg = 1, number = 0.99}, {name = "distinct", kind = "distinct", arg = 2, limit = 1000},
  {name = "top", kind = "top", arg = 2, limit = 3}, {name = "first", kind = "first", arg = 2},
  {name = "last", kind = "last", arg = 2},
  {name = "spread", kind = "histogram", arg = 1, number = 10}, {name = "octaves", kind = "histogram", arg = 1},
}


local function new_tally(keys, memory)
  return core.tally.new {keys = keys, columns = columns, args = 2, memory = memory}
end


local function add(t, keys, r)
  local key = {}
  for i, name in ipairs(keys) do key[i] = r[name] end
  t:add(key, {r.value, r.text})
end


local function rows_of(t)
  local rows = {}
  for row in t:rows() do rows[#rows + 1] = row end
  return rows
end


local function close(a, b)
  if a == b or a == nil or b == nil then return a == b end
  return math.abs(a - b) <= 1e-9 * math.max(1, math.abs(a), math.abs(b))
end


-- within the error that quantiles may have
local function near(a, b)
  if a == b or a == nil or b == nil then return a == b end
  return math.abs(a - b) <= 0.0079 * math.abs(b) + 1e-12
end


local function key_text(row, keys)
  local id = {}
  for i, key in ipairs(keys) do id[i] = identity(row[key]) end
  return table.concat(id, "\1")
end


local function check_top(row, expected, where)
  local all = 0
  for _ in pairs(expected.times) do all = all + 1 end
  T.eq(#row.top, math.min(3, all), where .. ": entries of top")
  local before
  for _, e in ipairs(row.top) do
    local times = expected.times[identity(e.value)]
    T.ok(times and times <= e.count and times >= e.count - (e.over or 0), where, "count of", e.value, e.count, e.over, times)
    T.ok(not before or before >= e.count, where, "order of top")
    before = e.count
  end
end


local function check_histogram(buckets, expected, where)
  local all, from = 0, -math.huge
  for _, b in ipairs(buckets) do
    local inside = 0
    for _, n in ipairs(expected.numbers) do
      local negative = b.octave and b.from < 0 -- then the end that is nearer to zero is in it
      if negative and n > b.from and n <= b.to or not negative and (n > b.from and n < b.to or n == b.from) then
        inside = inside + 1
      end
    end
    T.eq(b.count, inside, ("%s: count from %s to %s"):format(where, b.from, b.to))
    T.ok(b.from >= from, where, "order of buckets")
    all, from = all + b.count, b.from
  end
  T.eq(all, #expected.numbers, where .. ": all of a histogram")
end


local function check_row(row, expected, where)
  for _, name in ipairs {"n", "values", "min", "max", "distinct", "first", "last"} do
    T.eq(row[name], expected[name], where .. ": " .. name)
  end
  for _, name in ipairs {"sum", "mean", "stddev"} do
    T.ok(close(row[name], expected[name]), where, name, row[name], "expected", expected[name])
  end
  for _, name in ipairs {"median", "p99"} do
    T.ok(near(row[name], expected[name]), where, name, row[name], "expected", expected[name])
  end
  check_top(row, expected, where)
  for _, b in ipairs(row.octaves) do b.octave = true end
  check_histogram(row.octaves, expected, where .. " octaves")
  if #row.spread > 0 and row.spread[1].to - row.spread[1].from == 10 then
    check_histogram(row.spread, expected, where .. " spread")
  end
end


local function check(t, records, keys, where, in_order)
  local expected, rows = reference(records, keys), rows_of(t)
  T.eq(#rows, #expected, where .. ": number of groups")
  T.eq(#t, #expected, where .. ": size")
  local by_key = {}
  for i, row in ipairs(rows) do by_key[key_text(row, keys)] = in_order and i or row end
  for i, e in ipairs(expected) do
    local row = by_key[key_text(e, keys)]
    T.ok(row, where, "no group", key_text(e, keys))
    if in_order then T.eq(row, i, where .. ": place of a group") end
    check_row(in_order and rows[row] or row, e, where)
  end
end


-- ---- the claims ----

T.claim("a tally says what plain Lua says, one key, several and none", function()
  for round = 1, 12 do
    local records = some_records(random(0, 400))
    for _, keys in ipairs {{"key"}, {"key", "other"}, {}} do
      local t = new_tally(keys)
      for _, r in ipairs(records) do add(t, keys, r) end
      check(t, records, keys, "round " .. round, true)
    end
  end
end)


T.claim("any split, merged in any order, gives the same", function()
  for round = 1, 14 do
    local records, keys = some_records(random(0, 500)), round % 2 == 0 and {"key"} or {"key", "other"}
    local parts, n = {}, random(1, 8)
    for i = 1, n do parts[i] = {} end
    for i, r in ipairs(records) do table.insert(parts[(i - 1) * n // #records + 1], r) end
    local bytes, one = {}, new_tally(keys)
    for i, part in ipairs(parts) do
      one:clear()
      for _, r in ipairs(part) do add(one, keys, r) end
      bytes[i] = one:encode()
    end
    local whole = new_tally(keys)
    for i, b in ipairs(bytes) do whole:merge(b, i) end
    check(whole, records, keys, "in order, round " .. round, true)
    local order = {}
    for i = 1, n do table.insert(order, random(#order + 1), i) end
    local mixed = new_tally(keys)
    for _, i in ipairs(order) do mixed:merge(bytes[i], i) end
    check(mixed, records, keys, "mixed, round " .. round)
    -- trees of merges, and travelling
    local tree = new_tally(keys)
    tree:merge(mixed:encode())
    check(tree, records, keys, "tree, round " .. round)
    local travelled = core.codec.decode(core.codec.encode(mixed))
    check(travelled, records, keys, "travelled, round " .. round)
  end
end)


T.claim("a tally beyond its memory goes to disk and says the same", function()
  for round = 1, 2 do
    local records, keys = {}, {"key"}
    for i = 1, 3000 do records[i] = {key = "key" .. random(1500), value = random(1000), text = some_value()} end
    local t, parts = new_tally(keys, 20000), new_tally(keys)
    for first = 1, 3000, 300 do
      parts:clear()
      for i = first, first + 299 do add(parts, keys, records[i]) end
      t:merge(parts:encode(), first)
    end
    T.ok(t:spilled(), "spilled")
    check(t, records, keys, "round " .. round)
    check(t, records, keys, "read again, round " .. round)
    local whole = new_tally(keys)
    whole:merge(t:encode())
    check(whole, records, keys, "encoded, round " .. round)
    t:clear()
    T.eq(#t, 0)
  end
end)


T.claim("memory stays near its limit, however many groups there are", function()
  local t = core.tally.new {keys = {"key"}, args = 1, columns = {{name = "d", kind = "distinct", arg = 1}}, memory = 200000}
  local most = 0
  for i = 1, 20000 do
    t:add({"key " .. i}, {i})
    most = math.max(most, t:memory())
  end
  T.ok(most <= 200000 + 20000, "memory", most)
  T.eq(#t, 20000)
  T.ok(t:memory() < 200000, "memory behind a reading", t:memory())
end)


T.claim("adding beyond the memory goes to disk, too", function()
  local records, keys = {}, {"key", "other"}
  local t = new_tally(keys, 50000)
  for i = 1, 2000 do
    records[i] = {key = random(100), other = random(20), value = random(1000), text = "t" .. random(3)}
    add(t, keys, records[i])
  end
  T.ok(t:spilled(), "spilled")
  check(t, records, keys, "added")
end)


local function by_rows(t, k, by)
  local got = {}
  for row in t:top(k, by) do got[#got + 1] = row end
  return got
end


T.claim("top takes the best rows in order, from memory and from disk", function()
  local spec = {keys = {"key"}, args = 1, columns = {{name = "n", kind = "count"}, {name = "sum", kind = "sum", arg = 1},
    {name = "mean", kind = "mean", arg = 1}}}
  local all = core.tally.new(spec)
  spec.memory = 10000
  local small = core.tally.new(spec)
  for _ = 1, 5000 do
    local key, value = "k" .. random(1000), random(10) > 1 and random(50) or nil
    all:add({key}, {value})
    small:add({key}, {value})
  end
  T.ok(small:spilled() and not all:spilled(), "spilled")
  local rows = rows_of(all)
  for _, by in ipairs {{{"n", true}}, {{"n", false}}, {{"mean", true}, {"n", false}}, {{"mean", false}}, {{"key", false}}, {}} do
    table.sort(rows, function(a, b)
      for _, o in ipairs(by) do
        local x, y = a[o[1]], b[o[1]]
        if x ~= y then
          if x == nil or y == nil then return y == nil end
          if o[2] then return x > y end
          return x < y
        end
      end
      return a.key < b.key
    end)
    for _, k in ipairs {0, 1, 7, 100, #rows, #rows + 10} do
      local expected = table.move(rows, 1, math.min(k, #rows), 1, {})
      T.eq(by_rows(all, k, by), expected, "top " .. k)
      T.eq(by_rows(small, k, by), expected, "top " .. k .. " of a spilled one")
    end
    T.eq(by_rows(all, nil, by), rows, "all")
  end
end)


T.claim("integers are summed exactly, and as a double beyond 64 bits", function()
  local t = core.tally.new {keys = {}, args = 1, columns = {{name = "sum", kind = "sum", arg = 1}}}
  t:add({}, {math.maxinteger})
  t:add({}, {"9223372036854775807"})
  t:add({}, {math.mininteger})
  t:add({}, {-5})
  T.eq(rows_of(t)[1].sum, math.maxinteger - 6)
  t:add({}, {math.maxinteger})
  T.eq(rows_of(t)[1].sum, 2.0 ^ 64)
  t:clear()
  for _ = 1, 10 do t:add({}, {"0.1"}) end
  T.eq(rows_of(t)[1].sum, 1.0, "ten tenths")
end)


T.claim("quantiles are within 1 %, exact for few values and for small integers", function()
  local t = core.tally.new {keys = {}, args = 1, columns = {{name = "p50", kind = "quantile", arg = 1, number = 0.5},
    {name = "p0", kind = "quantile", arg = 1, number = 0}, {name = "p100", kind = "quantile", arg = 1, number = 1},
    {name = "p99", kind = "quantile", arg = 1, number = 0.99}}}
  for _, make in ipairs {
    function() return random(100) end,
    function() return random(-127, 127) end,
    function() return math.exp(random() * 200 - 100) end,
    function() return random() < 0.5 and -random() * 1e9 or random() * 1e-9 end,
    function() return random(1 << 53) end,
  } do
    t:clear()
    local values, small = {}, true
    for i = 1, 5000 do
      values[i] = make()
      small = small and math.type(values[i]) == "integer" and math.abs(values[i]) < 128
      t:add({}, {values[i]})
    end
    table.sort(values)
    local row = rows_of(t)[1]
    T.eq(row.p0, values[1], "least")
    T.eq(row.p100, values[5000], "largest")
    for name, rank in pairs {p50 = 2500, p99 = 4950} do
      if small then T.eq(row[name], values[rank], name) end
      T.ok(near(row[name], values[rank]), name, row[name], values[rank])
    end
  end
end)


T.claim("distinct is exact up to its limit and within a few standard errors beyond", function()
  for _, n in ipairs {10, 2000, 20000, 100000} do
    local t = core.tally.new {keys = {}, args = 1, columns = {{name = "d", kind = "distinct", arg = 1},
      {name = "exact", kind = "distinct", arg = 1, limit = 1 << 20}}}
    for i = 1, n do t:add({}, {"value " .. i}) end
    local row = rows_of(t)[1]
    T.eq(row.exact, n)
    if n <= 10 then T.eq(row.d, n) end
    T.ok(math.abs(row.d - n) <= n * 0.0081 * 4, "estimate", row.d, "of", n)
  end
end)


T.claim("top of values beyond its limit never misses a frequent one, and says how sure it is", function()
  local spec = {keys = {}, args = 1, columns = {{name = "top", kind = "top", arg = 1, limit = 5}}}
  local whole, part, times = core.tally.new(spec), core.tally.new(spec), {}
  for item = 1, 10 do
    part:clear()
    for _ = 1, 5000 do
      local v = random(4) == 1 and "often" .. random(5) or "rare" .. random(100000)
      times[v] = (times[v] or 0) + 1
      part:add({}, {v})
    end
    whole:merge(part:encode(), item)
  end
  local top = rows_of(whole)[1].top
  T.eq(#top, 5)
  for _, e in ipairs(top) do
    T.ok(e.value:find "^often", e.value)
    T.ok(times[e.value] <= e.count and times[e.value] >= e.count - (e.over or 0), e.count, e.over, times[e.value])
    T.ok((e.over or 0) <= 50000 * 2 / 8, "bound", e.over)
  end
end)


T.claim("what is no tally, or damaged, or of another spec, is an error", function()
  local spec = {keys = {"key"}, args = 1, columns = {{name = "n", kind = "count"}}}
  local t = core.tally.new(spec)
  t:add({"a"}, {})
  local bytes = t:encode()
  T.raises("no tally", t.merge, t, "")
  T.raises("no tally", t.merge, t, "hello, this is text")
  T.raises("damaged", t.merge, t, bytes:sub(1, -2))
  T.raises("damaged", t.merge, t, bytes .. "\255\255")
  T.raises("other keys or aggregates", new_tally({"key"}).merge, new_tally({"key"}), bytes)
end)


T.claim("a spec that makes no sense is an error that says why", function()
  local function spec(c)
    return {keys = {}, args = 1, columns = {c}}
  end
  T.raises("no aggregate 'average'", core.tally.new, spec {name = "x", kind = "average", arg = 1})
  T.raises("sum needs an argument", core.tally.new, spec {name = "x", kind = "sum"})
  T.raises("between 0 and 1, not 99", core.tally.new, spec {name = "x", kind = "quantile", arg = 1, number = 99})
  T.raises("between 1 and 1000000", core.tally.new, spec {name = "x", kind = "top", arg = 1})
  T.raises("whole number", core.tally.new, spec {name = "x", kind = "top", arg = 1, limit = 1.5})
  local t = core.tally.new(spec {name = "x", kind = "count"})
  T.raises("no column 'y'", t.top, t, 1, {{"y", true}})
  T.raises("no value that can be tallied", t.add, t, {}, {{}})
end)


T.claim("a tally that is read cannot change, and can again when the loop is left", function()
  local t = core.tally.new {keys = {"key"}, args = 0, columns = {{name = "n", kind = "count"}}}
  for i = 1, 10 do t:add({i}, {}) end
  for row in t:rows() do
    T.raises("being read", t.add, t, {1}, {})
    if row.key == 5 then break end
  end
  t:add({11}, {})
  T.eq(#t, 11)
end)


T.claim("a full disk is an error that says where", function()
  local script = [[
    local core = require "papy.core"
    local t = core.tally.new {keys = {"key"}, args = 0, columns = {{name = "n", kind = "count"}}, memory = 10000}
    local ok, why = pcall(function()
      for i = 1, 100000 do t:add({"a key that takes some bytes " .. i}, {}) end
    end)
    print(ok, why)
  ]]
  local text = T.run(script, "trap '' XFSZ; ulimit -f 64; timeout 30")
  T.ok(text:find "false.*cannot write to a temporary file in /.*: File too large", text)
  text = T.run((script:gsub("memory =", "dir = '/no/such/dir', memory =")))
  T.ok(text:find "false.*cannot make a temporary file in /no/such/dir: No such file", text)
end)


T.claim("what could not go to disk stays, and counts once when it can", function()
  local text = T.run([[
    local core = require "papy.core"
    local t = core.tally.new {keys = {"key"}, args = 0, columns = {{name = "n", kind = "count"}}, memory = 10000}
    local failed = 0
    for i = 1, 20000 do
      if not pcall(t.add, t, {"a key that takes some bytes " .. i % 5000}, {}) then
        failed = failed + 1
        if failed == 2 then os.execute "prlimit --pid $PPID --fsize=unlimited" end
      end
    end
    local sum, groups = 0, 0
    for row in t:rows() do sum, groups = sum + row.n, groups + 1 end
    print(failed, sum, groups)
  ]], "trap '' XFSZ; ulimit -S -f 64; timeout 30")
  T.eq(text, "2\t20000\t5000\n")
end)


T.finish()
