-- whole: a file that is written whole or not at all.
--
-- What is written goes to a file beside the one wanted, which takes its name when everything has reached it: whoever reads the
-- file never sees half of it, and what was there stays when the disk is full. Devices, pipes and standard output are written
-- to as they are.
local core = require "papy.core"

local M = {}

local PIECE <const> = 64 << 10 -- bytes written at a time


-- open(path) -> {file =, finish =, give_up =}, or nil and why. "-" is standard output. finish() closes the file and gives it its
-- name, and returns true or nil and why; give_up() leaves everything as it was.
function M.open(path)
  if path == "-" then
    return {file = io.stdout, finish = function() return io.stdout:flush() end, give_up = function() end}
  end
  local there = core.fs.stat(path)
  local whole = not there or there.kind == "file"
  local real = there and whole and core.fs.realpath(path) or path -- behind a link, the file itself
  local name = whole and ("%s.papy-%d"):format(real, core.sys.getpid()) or real
  local file, why = io.open(name, "wb")
  if not file then return nil, why end
  if there and whole then core.fs.chmod(name, there.mode) end -- a private file stays private, a program a program
  file:setvbuf("full", PIECE)
  return {
    file = file,
    finish = function()
      local ok, problem = file:close()
      if ok and whole then ok, problem = os.rename(name, real) end
      return ok, problem
    end,
    give_up = function()
      if io.type(file) == "file" then file:close() end
      if whole then os.remove(name) end
    end,
  }
end


return M
