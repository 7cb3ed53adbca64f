-- status_codes: requests and bytes for each status of a web server's log.
--
--   papy examples/status_codes.lua [ACCESS_LOG]
--
-- "combined" is how Apache and nginx write logs; only the fields that are asked for are looked at.

local function sample()
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  for i = 1, 3000 do
    file:write(('10.0.0.%d - - [02/Jan/2023:10:%02d:00 +0000] "GET /page/%d HTTP/1.1" %d %d "-" "curl"\n'):format(
      i % 9, i % 60, i % 7, i % 10 == 0 and 404 or 200, i % 1000))
  end
  return path
end

local own = not arg[1] and sample()
local log = papy.open(arg[1] or own):fields "combined"
local answer = log:group_by("status", { requests = "count", bytes = "sum bytes", clients = "distinct ip" }):sort "status"

answer:show()

if own then
  local rows = answer:collect()
  assert(#rows == 2 and rows[1].status == "200" and rows[1].requests == 2700 and rows[1].clients == 9)
  assert(rows[1].bytes + rows[2].bytes == 3 * 499500)
  os.remove(own)
end
