-- Flows over csv with newlines in quotes against plain Lua: random csv, random chunks down to one byte, streams of all kinds.
local T = require "support"
local R = require "flow_reference"

local seed = tonumber(os.getenv "PAPY_TEST_SEED") or 5 -- the same in every run of the suite; others by hand
math.randomseed(seed)
print("# PAPY_TEST_SEED=" .. seed)

local NAMES <const> = {"a", "b", "c", "d"}

local function each_text(n, f)
  for round = 1, n do
    local separator = math.random(4) == 1 and ";" or ","
    local text = R.csv_text(math.random(0, 60), #NAMES, separator)
    local path = T.temp(text)
    local ok, why = pcall(f, text, path, separator, R.csv(text, separator))
    if not ok then
      print(("# round %d, separator %s, a text of %d bytes: %s"):format(round, separator, #text,
        #text < 3000 and ("%q"):format(text) or ""))
      error(why, 0)
    end
  end
end

local function flow_of(source, separator, opts)
  return papy.open(source, opts):fields("csv", {columns = NAMES, separator = separator}):on_mismatch "skip"
end

-- records that have these fields, and the fields
local function rows_of(ref, ...)
  local rows, others = {}, 0
  for _, row in ipairs(ref.rows) do
    local wanted, good = {}, true
    for _, name in ipairs {...} do
      wanted[name] = row.fields[name:byte() - 96]
      good = good and wanted[name] ~= nil
    end
    if good then rows[#rows + 1] = wanted else others = others + 1 end
  end
  return rows, others
end

-- everything that a flow may be asked, of what is mapped and of what is read
local function compare(make, ref)
  local all, others = rows_of(ref, "a", "b", "c", "d")
  local flow = make()
  T.eq(flow:select(table.unpack(NAMES)):where(function(r) return r.d end):collect(), all)
  T.eq(flow:report().mismatched, others, "mismatched")
  local sum, groups, order = 0, {}, {}
  for _, row in ipairs(all) do
    sum = sum + #row.d
    if not groups[row.b] then
      groups[row.b] = {b = row.b, n = 0}
      order[#order + 1] = groups[row.b]
    end
    groups[row.b].n = groups[row.b].n + 1
  end
  T.eq(make():where "d = d or d is null":count(), #all)
  T.eq(make():derive{n = "len(d)"}:group_by({}, {sum = "sum n", count = "count"}):collect(),
    #all > 0 and {{sum = sum, count = #all}} or {})
  T.eq(make():where "d = d or d is null":group_by("b", {n = "count"}):collect(), order)
end

T.claim("chunks of any size", function()
  each_text(T.rounds(60), function(_, path, separator, ref)
    compare(function() return flow_of(path, separator, {workers = 2, chunk = math.random(80)}) end, ref)
  end)
end)

T.claim("whole files, compressed ones, streams and iterators", function()
  each_text(T.rounds(12), function(text, path, separator, ref)
    local packed = path .. ".gz"
    os.execute(("gzip -c %s > %s"):format(path, packed))
    compare(function() return flow_of(path, separator) end, ref)
    compare(function() return flow_of(packed, separator) end, ref)
    compare(function() return flow_of(assert(io.popen("cat " .. path)), separator) end, ref)
    if text:find "\r" then return end -- of a line without its newline it is not known
    compare(function() return flow_of(io.lines(path), separator) end, ref)
    os.remove(packed)
  end)
end)

T.claim("head, tail, sample, count, unordered", function()
  each_text(T.rounds(20), function(_, path, separator, ref)
    local function flow() return flow_of(path, separator, {workers = 2, chunk = math.random(60)}):select "a" end
    local all, n = rows_of(ref, "a"), math.random(0, 8)
    T.eq(flow():collect(), all)
    T.eq(flow():head(n):collect(), table.move(all, 1, math.min(n, #all), 1, {}))
    T.eq(flow():tail(n):collect(), table.move(all, math.max(1, #all - n + 1), #all, 1, {}))
    T.eq(flow():count(), #all)
    T.eq(flow():sample(0.5):collect(), flow():sample(0.5):collect())
    T.eq(flow():unordered():collect(), all)
    T.eq(#flow():sort "a":collect(), #all)
    T.eq(flow():top(3, "a"):collect(), flow():sort "-a":head(3):collect())
  end)
end)

T.claim("records found by a pattern first", function()
  each_text(T.rounds(20), function(_, path, separator, ref)
    local good = ref:grep "1"
    local flow = papy.open(path, {workers = 2, chunk = math.random(200)}):grep "1"
    T.eq(flow:fields("csv", {columns = NAMES, separator = separator}):select "a":on_mismatch "skip":collect(),
      (rows_of(good, "a")))
  end)
end)

T.claim("records that do not fit are shown with the place of their first line", function()
  each_text(T.rounds(20), function(_, path, separator, ref)
    local flow = flow_of(path, separator, {workers = 2, chunk = math.random(60)})
    for _ in flow:select(table.unpack(NAMES)):iter() do end
    local wanted = {}
    for _, row in ipairs(ref.rows) do
      local good = rows_of({rows = {row}}, "a", "b", "c", "d")
      if #good == 0 and #wanted < 3 then wanted[#wanted + 1] = {name = path, offset = row.offset, text = row.line:sub(1, 200)} end
    end
    T.eq(flow:report().samples, wanted)
  end)
end)

T.claim("a header with newlines in names, in each of several files, with the mark of UTF-8 or without", function()
  local a, b = T.temp '"x\ny","z"\n1,"2\n\n3"\n', T.temp '\xEF\xBB\xBF"x\ny",z\n"\n",4\n5,6\n'
  local wanted = {{["x\ny"] = "1", z = "2\n\n3"}, {["x\ny"] = "\n", z = "4"}, {["x\ny"] = "5", z = "6"}}
  for chunk = 1, 40 do T.eq(papy.open({a, b}, {chunk = chunk, workers = 2}):fields "csv":collect(), wanted) end
  T.eq(papy.open({b, a}):fields "csv":names(), {"x\ny", "z"})
  T.eq(papy.open {a, b}:fields "csv":collect(), wanted)
  T.eq(papy.open(io.popen(("cat %s"):format(b))):fields "csv":collect(), {wanted[2], wanted[3]})
end)

T.claim("a stray quote costs its line", function()
  local path = T.temp 'id,text,n\n1,"never closed,5\n2,ok,6\n3,"closed" badly\n,7\n4,"a\nb",8\n5,"'
  for _, chunk in ipairs {1, 7, 20, 1000} do
    local flow = papy.open(path, {chunk = chunk, workers = 2}):fields "csv":on_mismatch "skip"
    T.eq(flow:select("id", "n"):collect(), {{id = "2", n = "6"}, {id = "4", n = "8"}})
  end
end)

T.claim("errors name the record's first line, also where its chunk was begun inside the one before", function()
  local out = {}
  for i = 1, 200 do out[i] = ('%d,"text\n""%d"",""\n\nof four lines"\n'):format(i, i) end
  local path = T.temp(table.concat(out))
  for _, chunk in ipairs {5, 30, 100, 1000} do
    local flow = papy.open(path, {chunk = chunk, workers = 2}):fields("csv", {columns = {"id", "text"}})
    local bad = flow:map(function(r) return r.id == "150" and error "no" or r.id end)
    T.raises(path .. ":597", function() for _ in bad:iter() do end end)
    local skipping = bad:on_error "skip"
    local ids = skipping:collect()
    T.eq(#ids, 199)
    T.eq(skipping:report().failed, 1)
    T.ok(skipping:report().failures[1]:find(path .. ":597", 1, true), skipping:report().failures[1])
  end
end)

T.finish()
