-- Flows against plain Lua: formats, aggregates and answers that flow_reference_test leaves out, sources of all kinds, and the
-- files of this machine.
local T = require "support"
local R = require "flow_reference"

local seed = tonumber(os.getenv "PAPY_TEST_SEED") or 5
math.randomseed(seed)
print("# PAPY_TEST_SEED=" .. seed)

local function one_of(list) return list[math.random(#list)] end

-- Random rows {id, host, url, n}: n is a number or missing, texts have what formats must quote.
local function random_rows()
  local rows = {}
  for i = 1, math.random(0, 80) do
    rows[i] = {id = tostring(i), host = one_of {"a", "b", "c.example"}, url = one_of {"/", "/x y", '/q"uo,te', "/ü", "/a=b"},
      n = math.random(5) > 1 and tostring(math.random(-50, 1000)) or nil}
  end
  return rows
end

local NAMES = {"id", "host", "url", "n"}

local function quoted(text) return '"' .. text:gsub('"', '""') .. '"' end
local function escaped(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

-- name = {how a row is written, how the flow is told, the line before all rows}
local formats = {
  csv = {function(r)
    return ("%s,%s,%s,%s"):format(r.id, r.host, quoted(r.url), r.n or "")
  end, function(flow) return flow:fields "csv" end, "id,host,url,n\n"},
  ["csv without a header"] = {function(r)
    return ("%s,%s,%s,%s"):format(r.id, r.host, quoted(r.url), r.n or "")
  end, function(flow) return flow:fields("csv", {columns = NAMES}) end},
  separator = {function(r)
    return ("%s|%s|%s|%s"):format(r.id, r.host, r.url, r.n or "")
  end, function(flow) return flow:fields("|", {columns = NAMES}) end},
  logfmt = {function(r)
    return ("id=%s host=%s url=%s%s"):format(r.id, r.host, escaped(r.url), r.n and " n=" .. r.n or "")
  end, function(flow) return flow:fields "logfmt" end},
  json = {function(r)
    return ('{"id":"%s","host":"%s","url":%s%s}'):format(r.id, r.host, escaped(r.url), r.n and ',"n":' .. r.n or "")
  end, function(flow) return flow:fields "json" end},
  layout = {function(r)
    return ('%s %s "%s" %s'):format(r.id, r.host, r.url:gsub('"', "'"), r.n or "-")
  end, function(flow) return flow:fields '$id $host "$url" $n' end},
}

local function written(format, rows)
  local lines = {}
  for i, row in ipairs(rows) do lines[i] = format[1](row) end
  return (format[3] or "") .. table.concat(lines, one_of {"\n", "\r\n"}) .. (#rows > 0 and "\n" or "")
end

-- a flow over random rows in that format, in pieces of a random size; and the rows
local function given(format)
  local rows = random_rows()
  local text = written(format, rows)
  return format[2](papy.open(T.temp(text), {workers = 2, chunk = R.chunk(text)})), rows
end

local function missing(v) return v == nil or v == papy.null or v == "" or v == "-" end

local function each_format(rounds, f)
  for name, format in pairs(formats) do
    for _ = 1, rounds do
      local flow, rows = given(format)
      local ok, why = pcall(f, flow, rows, name)
      if not ok then error(("%s: %s"):format(name, tostring(why)), 0) end
    end
  end
end

T.claim("every format gives the fields that were written", function()
  each_format(6, function(flow, rows, name)
    local got = flow:select(table.unpack(NAMES)):collect()
    T.eq(#got, #rows)
    for i, row in ipairs(rows) do
      T.eq(tostring(got[i].id), row.id)
      T.eq(got[i].host, row.host)
      T.eq(got[i].url, name == "layout" and row.url:gsub('"', "'") or row.url)
      if row.n then T.eq(tonumber(got[i].n), tonumber(row.n)) else T.ok(missing(got[i].n), got[i].n) end
    end
    T.eq(flow:report().mismatched, 0)
  end)
end)

-- the numbers of each host, hosts in the order of their first rows
local function numbers(rows)
  local order, of = {}, {}
  for _, row in ipairs(rows) do
    local g = of[row.host]
    if not g then
      g = {host = row.host, rows = {}, values = {}}
      of[row.host], order[#order + 1] = g, g
    end
    g.rows[#g.rows + 1] = row
    g.values[#g.values + 1] = tonumber(row.n)
  end
  return order
end

local function is_near(got, wanted, what)
  if wanted == nil then return T.ok(missing(got), what, got) end
  T.ok(got ~= nil and got ~= papy.null and math.abs(got - wanted) <= 1e-9 * math.max(1, math.abs(wanted)), what, got, wanted)
end

T.claim("aggregates of groups", function()
  each_format(4, function(flow, rows)
    local got = flow:group_by("host", {count = "count", mean = "mean n", deviation = "stddev n", median = "median n",
      urls = "distinct url", first = "first id", last = "last id", top = "top2 url"}):collect()
    local groups = numbers(rows)
    T.eq(#got, #groups)
    for i, g in ipairs(groups) do
      local row, sum, urls, order = got[i], 0, {}, {}
      for _, v in ipairs(g.values) do sum = sum + v end
      local mean, squares = #g.values > 0 and sum / #g.values or nil, 0
      for _, v in ipairs(g.values) do squares = squares + (v - mean) ^ 2 end
      for _, r in ipairs(g.rows) do
        local url = tostring(r.url):gsub('"', "'")
        if not urls[url] then order[#order + 1] = url end
        urls[url] = (urls[url] or 0) + 1
      end
      table.sort(order, function(a, b) return urls[a] > urls[b] end)
      T.eq(row.host, g.host)
      T.eq(row.count, #g.rows)
      T.eq(row.urls, #order)
      T.eq(tostring(row.first), g.rows[1].id)
      T.eq(tostring(row.last), g.rows[#g.rows].id)
      is_near(row.mean, mean, "mean")
      if #g.values > 1 then is_near(row.deviation, math.sqrt(squares / (#g.values - 1)), "stddev") end
      table.sort(g.values)
      if #g.values > 0 then T.ok(math.abs(row.median - g.values[(#g.values + 1) // 2]) <= 0.01 * math.abs(row.median) + 1e-9) end
      for k, top in ipairs(row.top) do T.eq(top.count, urls[order[k]]) end
      T.eq(#row.top, math.min(2, #order))
    end
  end)
end)

T.claim("histogram, sort, top and uniq of records", function()
  each_format(4, function(flow, rows)
    local buckets, total = {}, 0
    for _, row in ipairs(rows) do
      local n = tonumber(row.n)
      if n then buckets[n // 200 * 200] = (buckets[n // 200 * 200] or 0) + 1 end
    end
    for _, bucket in ipairs(flow:histogram("n", 200):collect()) do
      T.eq(bucket.count, buckets[math.tointeger(bucket.from)] or 0, "from " .. bucket.from)
      total = total + bucket.count
    end
    for _, count in pairs(buckets) do total = total - count end
    T.eq(total, 0)
    local sorted = table.move(rows, 1, #rows, 1, {})
    table.sort(sorted, function(a, b)
      local x, y = tonumber(a.n) or -math.huge, tonumber(b.n) or -math.huge
      if x ~= y then return x > y end
      return tonumber(a.id) < tonumber(b.id)
    end)
    local function ids(list)
      local out = {}
      for i, row in ipairs(list) do out[i] = tostring(row.id) end
      return out
    end
    local known = flow:where(function(r) return not missing(r.n) end)
    local wanted = {}
    for _, row in ipairs(sorted) do wanted[#wanted + 1] = row.n and row.id end
    T.eq(ids(known:sort("-n", "id"):collect()), wanted)
    local best, k = ids(known:top(5, "n"):collect()), math.min(5, #wanted)
    local by_id = {}
    for _, row in ipairs(rows) do by_id[row.id] = row end
    T.eq(#best, k)
    for i = 1, k do T.eq(by_id[best[i]].n, by_id[wanted[i]].n) end
    local hosts = {}
    for i, g in ipairs(numbers(rows)) do hosts[i] = g.host end
    local got = {}
    for i, row in ipairs(flow:uniq("host"):collect()) do got[i] = row.host end
    T.eq(got, hosts)
  end)
end)

T.claim("join, on_mismatch, unordered, each, write", function()
  each_format(3, function(flow, rows)
    local sites = {{host = "a", site = "one"}, {host = "b", site = "two"}, {host = "b", site = "three"}}
    local inner, left = {}, {}
    for _, row in ipairs(rows) do
      local before = #inner
      for _, site in ipairs(sites) do
        if site.host == row.host then inner[#inner + 1] = row.id .. site.site end
      end
      for i = before + 1, #inner do left[#left + 1] = inner[i] end
      if #inner == before then left[#left + 1] = row.id .. "-" end
    end
    local function joined(opts)
      return flow:join(sites, "host", opts):map(function(r) return r.id .. (missing(r.site) and "-" or r.site) end):collect()
    end
    T.eq(joined(), inner)
    T.eq(joined {left = true}, left)
    local ids, sum = {}, 0
    for row in flow:unordered():iter() do ids[#ids + 1] = tonumber(row.id) end
    table.sort(ids)
    T.eq(ids, T.range(1, #rows))
    flow:each(function(row)
      sum = sum + 1
      T.eq(tonumber(row.id), sum)
    end)
    T.eq(sum, #rows)
    for _, suffix in ipairs {".csv", ".json"} do
      local path = T.temp() .. suffix
      T.eq(flow:select(table.unpack(NAMES)):write(path), #rows)
      local back = papy.open(path):fields(suffix:sub(2)):map(function(r) return tonumber(r.id) end):collect()
      T.eq(back, T.range(1, #rows), suffix)
      os.remove(path)
    end
  end)
  for _ = 1, T.rounds(10) do
    local text = R.log(60)
    local ref = R.records(text)
    local fit = #ref:match(R.COMBINED, R.COMBINED_NAMES).rows
    local flow = papy.open(T.temp(text), {workers = 2, chunk = R.chunk(text)}):match(R.COMBINED)
    T.eq(flow:on_mismatch("keep"):count(), #ref.rows)
    T.eq(flow:on_mismatch(function(line) return #line > 0 and {status = "none"} or nil end):where "status = 'none'":count(),
      #ref:filter(function(row) return #row.line > 0 end).rows - fit)
  end
end)

-- ---- where the bytes come from ----

T.claim("a file, several, a compressed one, a pipe, an iterator give the same answers", function()
  local packed = pcall(require, "papy.archive")
  for _ = 1, T.rounds(8) do
    local text = R.log(math.random(200))
    local path, pattern = T.temp(text), R.pattern()
    local ref = R.records(text)
    local sources = {
      file = function() return path end,
      pipe = function() return io.popen("cat " .. path) end,
      iterator = function() return io.lines(path, "L") end,
      gzip = packed and function() return os.execute(("gzip -kf '%s'"):format(path)) and path .. ".gz" end or nil,
    }
    for name, source in pairs(sources) do
      local function flow() return papy.open(source(), {workers = 2, chunk = R.chunk(text)}) end
      T.eq(flow():collect(), ref:lines(), name)
      T.eq(flow():count(pattern), #ref:grep(pattern).rows, name)
      T.eq(flow():fields("words"):where "len(line) > 20":count(),
        #ref:filter(function(row) return #row.line > 20 end).rows, name)
      local good = ref:match(R.COMBINED, R.COMBINED_NAMES):groups({"status"}, "bytes")
      local rows = flow():match(R.COMBINED):on_mismatch("skip"):group_by("status", {n = "count", sum = "sum bytes"}):collect()
      T.eq(#rows, #good, name)
      for i, g in ipairs(good) do T.eq(rows[i], {status = g.status, n = g.n, sum = g.sum}, name) end
    end
    T.eq(papy.open({path, path}, {chunk = R.chunk(text)}):count(pattern), 2 * #ref:grep(pattern).rows)
    os.remove(path .. ".gz")
  end
end)

-- ---- this machine's own files ----

T.claim("the files of this machine", function()
  local read = 0
  for _, path in ipairs {"/var/log/dpkg.log", "/var/log/alternatives.log", "/var/log/apt/history.log", "/etc/passwd",
    "/etc/services", "/etc/ssl/openssl.cnf", "/usr/share/common-licenses/GPL-3", "/proc/filesystems", T.papy()} do
    local file = io.open(path, "rb")
    local text = file and file:read "a"
    if file then file:close() end
    if text then
      read = read + 1
      local ref, name = R.records(text), path:find "^/proc" and path or T.temp(text) -- a copy: somebody may write into a log
      local function flow() return papy.open(name, {workers = 2, chunk = math.random(4000, 400000)}) end
      T.eq(flow():count(), #ref.rows, path)
      T.ok(table.concat(flow():collect(), "\n") == table.concat(ref:lines(), "\n"), path)
      for _, pattern in ipairs {"status installed", "[0-9]+:[0-9]+", "^[a-z]+", R.pattern()} do
        T.eq(flow():count(pattern), #ref:grep(pattern).rows, path .. ": " .. pattern)
      end
      local counts = {}
      for _, row in ipairs(ref:words().rows) do
        local word = row.fields[3]
        if word then counts[word] = (counts[word] or 0) + 1 end
      end
      local got = {}
      local third = flow():fields("words"):where(function(r) return r[3] ~= nil end)
      for row in third:count_by(3):iter() do got[row["3"]] = row.count end
      if path ~= T.papy() then T.eq(got, counts, path) end -- what a word is in a program is another question
    end
  end
  T.ok(read > 3, read)
end)

T.finish()
