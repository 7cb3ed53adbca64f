-- Flows against plain Lua: every step and answer, on random logs, random chunk sizes down to one byte, random patterns.
local T = require "support"
local R = require "flow_reference"

local seed = tonumber(os.getenv "PAPY_TEST_SEED") or 3 -- the same in every run of the suite; others by hand
math.randomseed(seed)
print("# PAPY_TEST_SEED=" .. seed)

-- a log in a file, and flows over it in small and large pieces
local function given(lines)
  local text = R.log(lines or math.random(1, 120))
  local path = T.temp(text)
  local ref = R.records(text)
  local function flow(chunk) return papy.open(path, {workers = 2, chunk = chunk or R.chunk(text)}) end
  return flow, ref, text, path
end

local function each_log(n, f)
  for round = 1, n do
    local flow, ref, text, path = given()
    local ok, why = pcall(f, flow, ref, text, path)
    if not ok then
      print(("# round %d, a text of %d bytes: %s"):format(round, #text, #text < 2000 and ("%q"):format(text) or ""))
      error(why, 0)
    end
  end
end

local COMBINED, NAMES = R.COMBINED, R.COMBINED_NAMES

-- numbers of a tally come as integers where they are; the reference has them from text
local function pick(rows, ...)
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = {}
    for _, name in ipairs {...} do out[i][name] = row[name] end
  end
  return out
end

T.claim("count, and lines in order", function()
  each_log(25, function(flow, ref)
    T.eq(flow():count(), #ref.rows, "count")
    T.eq(flow():collect(), ref:lines())
  end)
end)

T.claim("grep and count with random patterns", function()
  each_log(40, function(flow, ref)
    local pattern = R.pattern()
    local good = ref:grep(pattern)
    T.eq(flow():count(pattern), #good.rows, "count of " .. pattern)
    T.eq(flow():grep(pattern):collect(), good:lines(), "lines of " .. pattern)
    T.eq(flow():grep(pattern, {invert = true}):count(), #ref.rows - #good.rows, "lines without " .. pattern)
    local second = R.pattern()
    T.eq(flow():grep(pattern):grep(second):collect(), good:grep(second):lines(), pattern .. " and " .. second)
  end)
end)

T.claim("match with named groups", function()
  each_log(20, function(flow, ref)
    local good = ref:match(COMBINED, NAMES)
    local got = flow():match(COMBINED):on_mismatch("skip")
    T.eq(got:select(table.unpack(NAMES)):collect(), good:values())
    T.eq(got:count(), #good.rows)
    T.eq(got:report().mismatched, #ref.rows - #good.rows, "mismatched")
  end)
end)

T.claim("match with random patterns and numbered groups", function()
  each_log(30, function(flow, ref)
    local pattern = "(" .. R.pattern():gsub("^^", ""):gsub("$$", "") .. ").*?(\\d*)"
    local good = ref:match(pattern, {"1", "2"})
    local got = {}
    for i, row in ipairs(flow():match(pattern):on_mismatch("skip"):collect()) do got[i] = {["1"] = row[1], ["2"] = row[2]} end
    T.eq(got, good:values(), pattern)
  end)
end)

local conditions = {
  {"status >= 500", function(r) return tonumber(r.status) >= 500 end},
  {"status = 200 and bytes > 1000", function(r) return r.status == "200" and (tonumber(r.bytes) or -1) > 1000 end},
  {"url ~ '^/api' or method != 'GET'", function(r) return r.url:find "^/api" ~= nil or r.method ~= "GET" end},
  {"not (bytes is null)", function(r) return r.bytes ~= "-" end},
  {"url contains 'a' and len(url) < 9", function(r) return r.url:find("a", 1, true) ~= nil and #r.url < 9 end},
  {"status in (301, 404)", function(r) return r.status == "301" or r.status == "404" end},
}

T.claim("where, as an expression and as a function", function()
  each_log(15, function(flow, ref)
    local c = conditions[math.random(#conditions)]
    local good = ref:match(COMBINED, NAMES):filter(function(row) return c[2](row.fields) end)
    local base = flow():match(COMBINED):on_mismatch("skip")
    T.eq(base:where(c[1]):count(), #good.rows, c[1])
    T.eq(base:where(c[2]):select(table.unpack(NAMES)):collect(), good:values(), c[1])
    T.eq(base:where(function(r) return r.line:find "agent 1" end):where(c[1]):count(),
      #good:filter(function(row) return row.line:find "agent 1" end).rows)
  end)
end)

T.claim("groups: count, sum, min, max, quantiles", function()
  each_log(20, function(flow, ref)
    local good = ref:match(COMBINED, NAMES):groups({"status"}, "bytes")
    local rows = flow():match(COMBINED):on_mismatch("skip"):group_by("status", {n = "count", sum = "sum bytes",
      min = "min bytes", max = "max bytes", p50 = "p50 bytes", p99 = "p99 bytes"}):collect()
    T.eq(pick(rows, "status", "n", "sum", "min", "max"), pick(good, "status", "n", "sum", "min", "max"))
    for i, row in ipairs(rows) do -- many values: within 1 %
      for _, q in ipairs {"p50", "p99"} do
        local wanted = good[i][q]
        T.ok(row[q] == wanted or math.abs(row[q] - wanted) <= 0.01 * wanted, q, row[q], wanted)
      end
    end
    local two = ref:match(COMBINED, NAMES):groups({"status", "method"})
    local got = flow():match(COMBINED):on_mismatch("skip"):group_by({"status", "method"}, {n = "count"}):collect()
    T.eq(got, pick(two, "status", "method", "n"))
  end)
end)

T.claim("count_by, sum_by, top and sort", function()
  each_log(15, function(flow, ref)
    local groups = ref:match(COMBINED, NAMES):groups({"url"}, "bytes")
    local base = flow():match(COMBINED):on_mismatch("skip")
    local function by(name)
      local list = {}
      for i, g in ipairs(groups) do list[i] = {url = g.url, [name == "n" and "count" or "sum"] = g[name]} end
      local key = name == "n" and "count" or "sum"
      table.sort(list, function(a, b)
        if a[key] ~= b[key] then return a[key] > b[key] end
        return a.url < b.url
      end)
      return list
    end
    local counts, sums = by "n", by "sum"
    T.eq(base:count_by("url"):collect(), counts)
    T.eq(base:count_by("url"):top(3):collect(), table.move(counts, 1, 3, 1, {}))
    T.eq(base:sum_by("url", "bytes"):collect(), sums)
    local names = {}
    for i, g in ipairs(counts) do names[i] = g.url end
    table.sort(names)
    local got = {}
    for i, row in ipairs(base:count_by("url"):sort("url"):collect()) do got[i] = row.url end
    T.eq(got, names)
  end)
end)

T.claim("top and sort of records: ties, missing values, several fields, behind other steps", function()
  local get = {
    line = function(row) return row.line end,
    size = function(row) return #row.fields.url end,
    kind = function(row) return row.fields.kind end,
  }
  for _, name in ipairs(NAMES) do get[name] = function(row) return row.fields[name] end end
  local function some_order(names)
    local by, said = {}, {}
    for i = 1, math.random(1, 3) do
      local name, falling = names[math.random(#names)], math.random(2) == 1
      by[i], said[i] = {get = get[name], falling = falling}, (falling and "-" or "") .. name
    end
    return by, said
  end
  local function check(flow, ref, names, values)
    local by, said = some_order(names)
    local k = math.random(0, 12)
    local all, what = ref:sort(by), table.concat(said, ",")
    T.eq(flow:sort(table.unpack(said)):collect(), values(all), "sort " .. what)
    T.eq(flow:sort(table.unpack(said)):head(k):collect(), values(all:head(k)), ("sort %s, head %d"):format(what, k))
    local top = ref:sort {{get = by[1].get, falling = not by[1].falling}}
    T.eq(flow:top(k, said[1]):collect(), values(top:head(k)), ("top %d %s"):format(k, said[1]))
    T.eq(flow:head(20):top(k, said[1]):collect(),
      values(ref:head(20):sort({{get = by[1].get, falling = not by[1].falling}}):head(k)))
  end
  local function values_of(ref) return ref:values() end
  each_log(12, function(flow, ref)
    check(flow(), ref, {"line"}, function(sorted) return sorted:lines() end)
    local good = ref:match(COMBINED, NAMES)
    local base = flow():match(COMBINED):on_mismatch("skip"):select(table.unpack(NAMES))
    check(base, good, NAMES, values_of)
    local few = good:filter(function(row) return tonumber(row.fields.status) >= 404 end)
    check(base:where "status >= 404", few, NAMES, values_of)
    check(base:where(function(r) return tonumber(r.status) >= 404 end), few, NAMES, values_of)
    local kinds = {"url", "kind", "bytes"}
    local derived = good:derive("kind", function(row) return #row.fields.url % 3 end)
    local function three(sorted) return sorted:select(table.unpack(kinds)):values() end
    check(base:derive{kind = "len(url) % 3"}:select(table.unpack(kinds)), derived, kinds, three)
    check(base:derive{kind = function(r) return #r.url % 3 end}:select(table.unpack(kinds)), derived, kinds, three)
    check(base:map(function(r) return {url = r.url, kind = #r.url % 3, bytes = r.bytes} end), derived, kinds, three)
  end)
end)

T.claim("top and sort of JSON: values of all kinds, nested ones by their text", function()
  local lists = papy.open(T.temp '{"a":[1,10]}\n{"a":[1, 2]}\n'):fields "json"
  T.eq(lists:top(1, "a"):collect(), {{a = {1, 2}}})
  T.eq(lists:sort("a"):head(1):collect(), {{a = {1, 10}}})
  local kinds = {"1", "2.5", '"10"', '"x"', '""', '"-"', "null", "true", "false", "[1, 2]", "[1,10]",
    '{"b":7}', '{"b":"y"}', '"[1,2]"'}
  for _ = 1, T.rounds(12) do
    local lines, rows = {}, {}
    for i = 1, math.random(1, 80) do
      local a = math.random(6) > 1 and kinds[math.random(#kinds)] or nil
      lines[i] = a and ('{"id":%d,"a":%s}'):format(i, a) or ('{"id":%d}'):format(i)
      local text = a and a:match '^"(.*)"$' or a
      local plain = ({["true"] = true, ["false"] = false, null = papy.null, ["[1, 2]"] = "[1,2]"})[text]
      if plain == nil then plain = text end
      rows[i] = {id = i, a = plain, b = text == '{"b":7}' and 7 or text == '{"b":"y"}' and "y" or nil}
    end
    local text = table.concat(lines, "\n") .. "\n"
    local flow = papy.open(T.temp(text), {workers = 2, chunk = R.chunk(text)}):fields "json"
    local ref = R.of(rows)
    local function ids(list)
      local out = {}
      for i, row in ipairs(list) do out[i] = row.id end
      return out
    end
    for name, key in pairs {a = "a", ["a.b"] = "b"} do
      local get, k = function(row) return row[key] end, math.random(0, 40)
      local rising, falling = ref:sort {{get = get}}, ref:sort {{get = get, falling = true}}
      T.eq(ids(flow:sort(name):collect()), ids(rising.rows), "sort " .. name)
      T.eq(ids(flow:top(k, name):collect()), ids(falling:head(k).rows), ("top %d %s"):format(k, name))
      T.eq(ids(flow:sort(name):head(k):collect()), ids(rising:head(k).rows), ("sort %s, head %d"):format(name, k))
      T.eq(ids(flow:where("id > 3"):top(k, name):collect()),
        ids(falling:filter(function(row) return row.id > 3 end):head(k).rows))
    end
  end
end)

T.claim("map, flat_map, derive, select", function()
  each_log(15, function(flow, ref)
    local good = ref:match(COMBINED, NAMES)
    local base = flow():match(COMBINED):on_mismatch("skip")
    local lengths, parts = {}, {}
    for i, row in ipairs(good.rows) do
      lengths[i] = #row.fields.url
      for part in row.fields.url:gmatch "[^/]+" do parts[#parts + 1] = part end
    end
    T.eq(base:map(function(r) return #r.url end):collect(), lengths)
    T.eq(base:flat_map(function(r)
      local list = {}
      for part in r.url:gmatch "[^/]+" do list[#list + 1] = part end
      return list
    end):collect(), parts)
    local derived = good:derive("kind", function(row) return row.fields.status:sub(1, 1) .. "xx" end)
    T.eq(base:derive{kind = function(r) return r.status:sub(1, 1) .. "xx" end}:select("kind", "url"):collect(),
      derived:select("kind", "url"):values())
    local groups = derived:groups({"kind"})
    T.eq(base:derive{kind = function(r) return r.status:sub(1, 1) .. "xx" end}:group_by("kind", {n = "count"}):collect(),
      pick(groups, "kind", "n"))
    T.eq(base:map(function(r) return {kind = r.status:sub(1, 1) .. "xx"} end):group_by("kind", {n = "count"}):collect(),
      pick(groups, "kind", "n"))
    local double = good:derive("twice", function(row) return tonumber(row.fields.status) * 2 end)
    T.eq(base:derive{twice = "status * 2"}:select("twice"):collect(), double:select("twice"):values())
    T.eq(base:select("url"):derive{twice = "status * 2"}:collect(), double:select("url", "twice"):values(), "behind a select")
  end)
end)

T.claim("head, tail, uniq, sample", function()
  each_log(15, function(flow, ref)
    local n = math.random(0, 12)
    local lines = ref:lines()
    T.eq(flow():head(n):collect(), table.move(lines, 1, math.min(n, #lines), 1, {}), "head " .. n)
    T.eq(flow():tail(n):collect(), table.move(lines, math.max(1, #lines - n + 1), #lines, 1, {}), "tail " .. n)
    local seen, once = {}, {}
    for _, line in ipairs(lines) do
      if not seen[line] then
        seen[line] = true
        once[#once + 1] = line
      end
    end
    local got = {}
    for i, row in ipairs(flow():uniq():collect()) do got[i] = type(row) == "table" and (row.line or "") or row end
    T.eq(got, once, "uniq")
    local share = flow():sample(0.5)
    local sample = share:collect()
    T.eq(flow():sample(0.5):collect(), sample, "the same sample, however the file is cut")
  end)
end)

T.claim("tail reads only the end of a file, also behind other steps", function()
  local out = {}
  for i = 1, 100000 do out[i] = ("%d %s"):format(i, i % 10 == 0 and "x" or "y") end
  local path = T.temp(table.concat(out, "\n"))
  local note, notes = T.notes()
  local flow = papy.open(path, {workers = 2, chunk = 10000}):where(function(line)
    if line:find "^1 " then note "the first line" end
    return line:find "x$"
  end)
  T.eq(flow:tail(2):collect(), {"99990 x", "100000 x"})
  T.eq(#notes(), 0)
  T.eq(flow:match("^(?<n>\\d+)"):select("n"):tail(3):collect(), {{n = "99980"}, {n = "99990"}, {n = "100000"}})
  T.eq(#flow:tail(20000):collect(), 10000)
end)

T.claim("fields of one derive are made of the record as it was", function()
  local path = T.temp("1 2\n3 4\n")
  local flow = papy.open(path):fields{"a", "b"}
  T.eq(flow:derive{a = "a + b", c = "a * 10"}:select("a", "c"):collect(), {{a = 3, c = 10}, {a = 7, c = 30}})
  T.eq(flow:derive{a = "9", z = function(r) return r.a end}:select("a", "z"):collect(), {{a = 9, z = "1"}, {a = 9, z = "3"}})
  T.raises("two steps", function() return flow:derive{a = "b", b = "a"} end)
end)

T.claim("words as awk has them, and their counts", function()
  each_log(15, function(flow, ref)
    local good = ref:words():filter(function(row) return row.fields[9] ~= nil end)
    local counts = {}
    for _, row in ipairs(good.rows) do counts[row.fields[9]] = (counts[row.fields[9]] or 0) + 1 end
    local got = {}
    for _, row in ipairs(flow():fields("words"):where(function(r) return r[9] ~= nil end):count_by(9):collect()) do
      got[row["9"] or row[9]] = row.count
    end
    T.eq(got, counts)
  end)
end)

T.claim("aggregate, with parts in order", function()
  each_log(15, function(flow, ref)
    local joined = flow():aggregate{
      init = function() return {} end,
      step = function(acc, line)
        acc[#acc + 1] = #line
        return acc
      end,
      merge = function(a, b) return table.move(b, 1, #b, #a + 1, a) end,
      finish = function(acc) return table.concat(acc, ",") end,
    }
    local lengths = {}
    for i, line in ipairs(ref:lines()) do lengths[i] = #line end
    T.eq(joined, table.concat(lengths, ","))
  end)
end)

T.claim("parse_time and bucket", function()
  each_log(10, function(flow, ref)
    local good = ref:match(COMBINED, NAMES):derive("hour", function(row)
      local day, hour = row.fields.time:match "^(%d+)/Jan/2023:(%d+)"
      return ("2023-01-%sT%s:00:00Z"):format(day, hour)
    end)
    local groups = good:groups({"hour"})
    local got = flow():match(COMBINED):on_mismatch("skip"):parse_time("time", "apache"):bucket("time", "1h")
      :group_by("time", {n = "count"}):collect()
    for _, g in ipairs(groups) do g.time = g.hour end
    T.eq(got, pick(groups, "time", "n"))
  end)
end)

T.claim("records of several lines", function()
  for _ = 1, T.rounds(15) do
    local out, records = {}, {}
    for i = 1, math.random(1, 60) do
      local lines = {("2023-01-01 event %d"):format(i)}
      for k = 1, math.random(0, 3) do lines[#lines + 1] = ("\tat frame %d"):format(k) end
      records[i] = table.concat(lines, "\n")
      out[i] = records[i]
    end
    local text = table.concat(out, "\n") .. "\n"
    local path = T.temp(text)
    local flow = papy.open(path, {workers = 2, chunk = R.chunk(text), record_start = "^\\d{4}-"})
    T.eq(flow:collect(), records)
    T.eq(flow:count("frame 3"), #R.records(text):grep("frame 3").rows)
  end
end)

T.finish()
