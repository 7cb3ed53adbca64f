-- What is done with answers: rows as flows again, flows as inputs of pools and pipers, formats, files, explanations.
local T = require "support"

local function log(n)
  local out = {}
  for i = 1, n do
    out[i] = ('10.0.0.%d - - [02/Jan/2023:%02d:00:00 +0000] "GET /p%d HTTP/1.1" %d %d "-" "curl"'):format(
      i % 4, i % 24, i % 7, i % 5 == 0 and 404 or 200, i)
  end
  return T.temp(table.concat(out, "\n") .. "\n")
end

local path = log(1000)
local function flow() return papy.open(path, {workers = 2, chunk = 3000}):fields "combined" end

T.claim("groups are a flow again: where, derive, select, sort, top, head, count, iteration", function()
  local groups = flow():group_by("url", {n = "count", bytes = "sum bytes"})
  T.eq(groups:count(), 7)
  T.eq(groups:names(), {"url", "bytes", "n"})
  T.eq(groups:where(function(r) return r.url == "/p3" end):collect(), {{url = "/p3", n = 143, bytes = 71500}})
  T.eq(groups:where "n > 142 and url = '/p3'":count(), 1)
  T.eq(groups:derive{mean = "bytes / n"}:where "url = '/p3'":select("mean"):collect(), {{mean = 71500 / 143}})
  T.eq(groups:sort("-bytes"):head(1):collect()[1].url, groups:top(1, "bytes"):collect()[1].url)
  local seen = 0
  for row in groups:iter() do
    T.ok(row.url:find "^/p%d$")
    seen = seen + 1
  end
  T.eq(seen, 7)
  T.eq(groups:group_by({}, {urls = "count", n = "sum n"}):collect(), {{urls = 7, n = 1000}})
end)

T.claim("an answer is read by several at the same time, and after a loop that was left", function()
  local groups, n = flow():count_by "status", 0
  for a in groups:iter() do
    for b in groups:sort("status"):iter() do n = n + (a.status <= b.status and 1 or 0) end
  end
  T.eq(n, 3)
  for row in groups:sort("-status"):iter() do
    if row.status == "404" then break end
  end
  T.eq(groups:sort("-status"):top(1, "count"):collect(), {{status = "200", count = 800}})
  T.eq(flow():histogram("bytes", 1000):count(), flow():histogram("bytes", 1000):count())
end)

T.claim("several keys, aggregates by their own names, the default", function()
  local rows = flow():group_by({"status", "url"}, {"count", "max bytes", "distinct ip"}):sort("status", "url"):collect()
  T.eq(rows[1], {status = "200", url = "/p0", count = 114, max_bytes = 994, distinct_ip = 4})
  T.eq(flow():group_by("status"):sort("status"):collect(), {{status = "200", count = 800}, {status = "404", count = 200}})
  T.raises("did you mean 'sum'", function() return flow():group_by("status", {n = "smu bytes"}) end)
end)

T.claim("top, and head of sort: workers send no more than the first records of each part", function()
  local answers, sort = require "papy.flow.answers", require "papy.sort"
  local order = sort.order {{"bytes", true}}
  for _, records in ipairs {flow(), flow():map(function(r) return {bytes = r.bytes, line = r.line} end)} do
    local most, parts = 0, 0
    for partial in answers.partials(records, {kind = "sort", order = order, most = 3, pack = sort.packer(order, 3)}) do
      most, parts = math.max(most, #partial.value), parts + 1
    end
    T.ok(parts > 10 and most < 3 * 250, parts, most)
  end
end)

T.claim("uniq, histogram, first, last, top", function()
  T.eq(flow():uniq("status"):count(), 2)
  local total = 0
  for bucket in flow():histogram("bytes", 100):iter() do
    T.eq((bucket.to - bucket.from) % 100, 0) -- more than 100 where there would be too many buckets
    total = total + bucket.count
  end
  T.eq(total, 1000)
  local row = flow():group_by({}, {first = "first bytes", last = "last bytes", top = "top2 status"}):collect()[1]
  T.eq({row.first, row.last, row.top[1].value, row.top[1].count}, {"1", "1000", "200", 800})
end)

T.claim("join with a table, an array, and what is left out", function()
  local names = {{status = "200", name = "fine"}, {status = "500", name = "bad"}}
  T.eq(flow():join(names, "status"):count_by("name"):collect(), {{name = "fine", count = 800}})
  local other = papy.open(T.temp "status,name\n200,fine\n404,gone\n"):fields "csv"
  T.eq(flow():join(other, "status"):count_by("name"):collect(), {{name = "fine", count = 800}, {name = "gone", count = 200}})
end)

T.claim("a flow is the input of a pool, and of a piper", function()
  local sum = 0
  local numbers = papy.NuMap(function(r) return tonumber(r.bytes) end, flow():where "status = 404", {worker_num = 2})
  for v in numbers do sum = sum + v end
  T.eq(sum, 200 * 1005 // 2)
  local lengths = papy.Piper(function(inbox) return #inbox[1] end){papy.open(path, {workers = 2}):head(3)}:start()
  local n = 0
  for length in lengths do
    T.ok(length > 50, length)
    n = n + 1
  end
  T.eq(n, 3)
end)

T.claim("a flow is its own iterator, and the same one again and again", function()
  local few = papy.open(path, {workers = 2}):head(3)
  for _ = 1, 2 do
    local n = 0
    for line in few do
      T.ok(line:find "^10%.")
      n = n + 1
    end
    T.eq(n, 3)
  end
end)

T.claim("steps leave the flow they are called on as it was", function()
  local base = flow()
  local errors = base:where "status = 404"
  T.eq(base:count(), 1000)
  T.eq(errors:count(), 200)
  T.eq(base:where(function() return false end):count(), 0)
  T.eq(errors:count(), 200)
end)

T.claim("unordered gives the same records", function()
  local sum = 0
  for row in flow():select("bytes"):unordered():iter() do sum = sum + tonumber(row.bytes) end
  T.eq(sum, 500500)
end)

T.claim("each runs here, in order", function()
  local last = 0
  flow():each(function(r)
    T.eq(tonumber(r.bytes), last + 1)
    last = last + 1
  end)
  T.eq(last, 1000)
end)

T.claim("written and read again: text, csv, json, compressed", function()
  for _, name in ipairs {"/rows.csv", "/rows.json", "/rows.csv.gz"} do
    local out = os.tmpname()
    os.remove(out)
    assert(papy.fs.mkdir(out))
    flow():count_by("status"):write(out .. name)
    local back = papy.open(out .. name):fields(name:find "json" and "json" or "csv"):collect()
    T.eq(#back, 2, name)
    T.eq(tostring(back[1].status), "200", name)
    T.eq(tonumber(back[1].count), 800, name)
    os.remove(out .. name)
    os.remove(out)
  end
  local lines = T.temp()
  papy.open(path, {workers = 2, chunk = 500}):grep "404":write(lines, "text")
  T.eq(papy.open(lines):count(), papy.open(path):count "404")
end)

T.claim("csv with a header: quoted fields, several files, small chunks", function()
  local a, b = T.temp 'x,y\n1,"a, b"\n2,c\n', T.temp 'x,y\n3,d\n'
  for _, chunk in ipairs {1, 10, 1000} do
    T.eq(papy.open({a, b}, {chunk = chunk}):fields("csv"):collect(),
      {{x = "1", y = "a, b"}, {x = "2", y = "c"}, {x = "3", y = "d"}})
  end
  T.eq(papy.open({a, b}):fields("csv"):where "x >= 2":select("y"):collect(), {{y = "c"}, {y = "d"}})
end)

T.claim("csv with a header from what can be read only once", function()
  local list, i = {"x,y", "1,a", "2,b"}, 0
  local lines = papy.open(function()
    i = i + 1
    return list[i]
  end):fields "csv"
  T.eq(lines:collect(), {{x = "1", y = "a"}, {x = "2", y = "b"}})
  local pipe = assert(io.popen "printf 'x,y\\n1,a\\n'; sleep 0.2; printf '2,b\\n'")
  T.eq(papy.open(pipe):fields("csv"):where "x = 2":collect(), {{x = "2", y = "b"}})
  T.eq(papy.open(T.temp ""):fields("csv"):count(), 0)
  T.raises("input", function() return papy.open({T.temp "", "/nowhere.csv"}):fields "csv" end)
end)

T.claim("json: kinds of values, nested fields, lines that are none", function()
  local file = T.temp '{"a":1,"b":{"c":"x"},"d":null}\n{"a":2.5,"b":{"c":"y"},"e":true}\nnot json\n'
  local rows = papy.open(file):fields "json":on_mismatch "skip"
  T.eq(rows:select("a", "b.c"):collect(), {{a = 1, ["b.c"] = "x"}, {a = 2.5, ["b.c"] = "y"}})
  T.eq(rows:where "b.c = 'y'":count(), 1)
  T.eq(rows:where(function(r) return r.e end):count(), 1)
  T.eq(rows:where(function(r) return r.d == papy.null end):count(), 1)
  T.eq(rows:group_by({}, {sum = "sum a"}):collect(), {{sum = 3.5}})
end)

T.claim("compressed files give what plain ones give", function()
  local packed = T.temp() .. ".gz"
  os.execute(("gzip -c %s > %s"):format(path, packed))
  T.eq(papy.open(packed):fields("combined"):count_by("url"):collect(), flow():count_by("url"):collect())
  T.eq(papy.open({packed, path}):count "404", 2 * papy.open(path):count "404")
  os.remove(packed)
end)

T.claim("explain says what runs where", function()
  local plan = flow():where "status = 404":where(function() return true end):map(function(r) return r.url end):explain()
  local text = tostring(plan)
  T.ok(text:find "native" and text:find "Lua" and text:find "status" and text:find(path, 1, true), text)
  T.ok(tostring(papy.open(path):grep "needle":explain()):find "needle")
  T.ok(tostring(flow():top(3, "bytes"):explain()):find("top (sorted in the workers, merged in the host)", 1, true))
  T.ok(tostring(flow():head(9):top(3, "bytes"):explain()):find("top (in the host)", 1, true))
end)

T.claim("mistakes are said where they are made", function()
  T.raises("option", function() return flow():where(7) end)
  T.raises("closing", function() return papy.open(path):match "(" end)
  T.raises("option", function() return flow():head(-1) end)
  T.raises("option", function() return flow():sample(2) end)
  T.raises("option", function() return flow():fields "csv" end)
  T.raises("option", function() return papy.open(path):fields "cobmined" end)
  T.raises("position", function() return flow():where "status >=" end)
  T.raises("did you mean .status", function() return flow():where "stauts = 1":count() end)
  T.raises("option", function() return papy.open(path, {wrokers = 2}) end)
end)

T.claim("what can be read only once says so when it is asked again, never 'nothing'", function()
  local data = T.temp("a,b\n1,2\n3,4\n")
  local function again(source, name)
    for _, split in ipairs {false, true} do
      local once = papy.open(source())
      if split then once = once:fields "csv" end
      T.eq(once:count(), split and 2 or 3)
      for _, answer in ipairs {"count", "collect"} do
        local e = T.raises("input", once[answer], once)
        T.ok(tostring(e):find(name, 1, true) and tostring(e):find "can be read only once, and has been", tostring(e))
      end
    end
    local whole = papy.open(source())
    T.eq(whole:fields("csv"):count(), 2)
    T.raises("only once", whole.fields, whole, "csv")
  end
  again(function() return io.popen("cat " .. data) end, "file")
  again(function() return io.lines(data) end, "iterator")
  local fifo = papy.fs.temp "fifo"
  again(function()
    os.execute(("cat %s >%s &"):format(data, fifo))
    return fifo
  end, fifo)
  os.remove(fifo)
  local file = papy.open(io.open(data)):fields "csv" -- as often as one likes
  T.eq(file:count() + file:count(), 4)
  local text = T.run(([[
    local log = papy.open "-"
    print(log:count(), pcall(log.count, log))]]), "cat " .. data .. " | timeout 30")
  T.ok(text:find "standard input can be read only once", text)
end)


T.claim("a header from a pipe does not hold up what comes behind it", function()
  local began = papy.now()
  local csv = papy.open(io.popen "printf 'a\\n1\\n'; sleep 5; echo 2"):fields "csv"
  local step, _, _, closing <close> = csv:iter() -- luacheck: ignore closing
  T.eq(step(), {a = "1"})
  T.ok(papy.now() - began < 4.5, papy.now() - began)
end)


T.finish()
