-- top_urls: which pages failed most often. A pattern says what a line looks like, an expression which lines count.
--
--   papy examples/top_urls.lua [ACCESS_LOG]

local line = [=[^(?<ip>\S+) .* "(?<method>\S+) (?<url>[^\s?]+)[^"]*" (?<status>\d{3}) (?<bytes>\d+|-)]=]

local function sample()
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  for i = 1, 2000 do
    file:write(('10.0.0.1 - - [02/Jan/2023:10:00:00 +0000] "GET /p%d?x=%d HTTP/1.1" %d 17\n'):format(
      i % 20, i, i % 20 < 3 and 500 or 200))
  end
  return path
end

local own = not arg[1] and sample()
local failed = papy.open(arg[1] or own):match(line):where "status >= 500 and method = 'GET'"

failed:count_by("url"):top(10):show()

if own then
  local top = failed:count_by("url"):top(10):collect()
  assert(#top == 3 and top[1].url == "/p0" and top[1].count == 100)
  os.remove(own)
end
