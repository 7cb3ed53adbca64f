-- flow: the flows that rows_flows.py measures.
--   flow.lua WHAT FILE WORKERS
local what, path, workers = arg[1], arg[2], tonumber(arg[3])
local log = papy.open(path, { workers = workers })

local line = [=[^(?<ip>\S+) \S+ \S+ \[(?<time>[^]]+)\] "(?<method>\S+) (?<url>\S+)[^"]*" (?<status>\d+) (?<bytes>\d+|-)]=]
local with_latency = [[$_ $_ $_ [$_] "$_" $status $_ "$_" "$_" $ms]]

local flows = {
  match = function() return log:match(line):group_by("status", { n = "count", sum = "sum bytes" }) end,
  fields = function() return log:fields("combined"):group_by("status", { n = "count", sum = "sum bytes" }) end,
  urls = function() return log:fields("combined"):count_by("url"):top(10) end,
  largest = function() return log:fields("combined"):select("bytes", "url"):top(20, "bytes") end,
  lua = function()
    return log:match [[" (?<status>\d{3}) (?<bytes>\d+) "]]
      :where(function(r) return r.status ~= "304" end):sum_by("status", "bytes")
  end,
  quantiles = function() return log:fields(with_latency):group_by("status", { p50 = "p50 ms", p99 = "p99 ms" }) end,
  json = function() return log:fields("json"):where("status >= 500"):count_by "service" end,
  count = function() return log:count "503" end,
}

local answer = flows[what]()
if type(answer) == "number" then
  print(answer)
else
  local names = answer:names()
  for row in answer:iter() do
    local cells = {}
    for i, name in ipairs(names) do cells[i] = tostring(row[name]) end
    print(table.concat(cells, " "))
  end
end
