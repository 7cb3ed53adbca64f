-- sessions: an aggregate of one's own. Requests of one address that follow one another within half an hour are a session.
--
-- init, step and finish make a value of a part of the log, merge joins two parts that follow one another: so the parts can be
-- worked on at the same time. A session that goes over the border of two parts is put together again.

local GAP = 30 * 60

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for i = 0, 999 do file:write(("%d 10.0.0.%d /page\n"):format(1672653600 + i * 10 + (i >= 500 and 3600 or 0), i % 5)) end
file:close()

-- for each address: when its first and last request were, and how many breaks of more than GAP lie between
local function step(seen, r)
  local time, s = tonumber(r.time), seen[r.ip]
  if not s then
    seen[r.ip] = { first = time, last = time, breaks = 0 }
  else
    if time - s.last > GAP then s.breaks = s.breaks + 1 end
    s.last = time
  end
  return seen
end

local function merge(a, b)
  for ip, later in pairs(b) do
    local s = a[ip]
    if s then
      s.breaks = s.breaks + later.breaks + (later.first - s.last > GAP and 1 or 0)
      s.last = later.last
    else
      a[ip] = later
    end
  end
  return a
end

local function finish(seen)
  local n = 0
  for _, s in pairs(seen) do n = n + s.breaks + 1 end
  return n
end

local sessions = papy.open(path, { chunk = 1000 }):fields { "time", "ip", "url" }
  :aggregate { init = function() return {} end, step = step, merge = merge, finish = finish }
print(sessions .. " sessions")
assert(sessions == 10)
os.remove(path)
