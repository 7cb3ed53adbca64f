-- latency_quantiles: how long requests took, per hour: median, 99th percentile (within 1 %), and the worst.
--
-- The log has its own format here, written as its lines look.

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for hour = 0, 3 do
  for i = 1, 1000 do
    file:write(("2023-01-02T%02d:%02d:%02dZ api GET /users took %d ms\n"):format(hour, i // 60 % 60, i % 60, i * (hour + 1)))
  end
end
file:close()

local log = papy.open(path):fields "$time api $method $url took $ms ms"
local hours = log:parse_time("time", "iso"):bucket("time", "1h")
  :group_by("time", { n = "count", p50 = "median ms", p99 = "p99 ms", worst = "max ms" })

hours:show()

local rows = hours:collect()
assert(#rows == 4)
for i, row in ipairs(rows) do
  assert(row.time == ("2023-01-02T%02d:00:00Z"):format(i - 1))
  assert(row.n == 1000 and row.worst == 1000 * i)
  assert(math.abs(row.p50 - 500 * i) <= 0.01 * 500 * i and math.abs(row.p99 - 990 * i) <= 0.01 * 990 * i)
end
os.remove(path)
