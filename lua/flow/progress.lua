-- progress: one line on the terminal about a flow that takes long.
--
-- Drawn on stderr, only when that is a terminal, from a second on and a few times a second; it counts bytes that are done, and is
-- wiped out when the work ends, or when somebody else is going to write.
local core = require "papy.core"

local M = {}

local FIRST <const>, EVERY <const> = 1, 0.2 -- seconds


-- the bytes of a source, nil when they are not known before
local function total_of(source)
  local total = 0
  for _, entry in ipairs(source.entries) do
    if entry.kind ~= "path" then return nil end
    local kind, size = core.source.sniff(entry.value)
    if kind ~= "plain" then return nil end
    total = total + size
  end
  return total
end


local function size_text(bytes)
  for _, unit in ipairs {"B", "KB", "MB", "GB"} do
    if bytes < 1000 then return (unit == "B" and "%d %s" or "%.1f %s"):format(unit == "B" and bytes // 1 or bytes, unit) end
    bytes = bytes / 1000
  end
  return ("%.1f TB"):format(bytes)
end


-- "  45 %  1.2 GB of 2.6 GB, 1.1 GB/s, 1 s left"
local function line_of(done, total, seconds)
  local rate = done / seconds
  local text = ("%s, %s/s"):format(size_text(done), size_text(rate))
  if not total or total == 0 then return text end
  return ("%3d %%  %s of %s, %s/s, %d s left"):format(100 * done // total, size_text(done), size_text(total), size_text(rate),
    math.ceil((total - done) / rate))
end


-- For a run over `source`: add(bytes) as parts are done, and wipe(); nil where nobody would see it. given: the parts are handed
-- to somebody who may write, so the line is there only from wait() on until the next part is.
function M.new(source, given)
  local columns = not source.follow and core.sys.columns(2)
  if not columns then return nil end
  local began, done, total, drawn, next_at = core.sys.now(), 0, nil, false, FIRST
  local self = {}
  local function draw(seconds)
    if next_at == FIRST then total = total_of(source) end
    io.stderr:write("\r\027[K", line_of(done, total, seconds):sub(1, columns - 1))
    drawn, next_at = true, seconds + EVERY
  end
  function self.wait()
    local seconds = core.sys.now() - began
    if given and seconds >= FIRST then draw(seconds) end
  end
  function self.add(bytes)
    done = done + bytes
    if given then return self.wipe() end
    local seconds = core.sys.now() - began
    if seconds >= next_at then draw(seconds) end
  end
  function self.wipe()
    if drawn then io.stderr:write "\r\027[K" end
    drawn = false
  end
  return self
end


return M
