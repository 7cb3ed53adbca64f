-- grep: the lines of a file that match, in their order, searched by all cores.
--
--   papy examples/grep.lua PATTERN FILE...
--
-- From the shell the same is:  papy -q 'log:grep "PATTERN"' FILE...

local function sample()
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  for i = 1, 1000 do file:write(i % 100 == 0 and ("error: disk %d is full\n"):format(i) or "all is well\n") end
  return path
end

local pattern, files = arg[1] or [[disk \d+ is]], { table.unpack(arg, 2) }
local own = #files == 0 and sample()
if own then files = own end

local found = papy.open(files):grep(pattern)
for line in found:iter() do print(line) end

if own then
  assert(found:count() == 10)
  assert(found:collect()[3] == "error: disk 300 is full")
  assert(found:head(1):collect()[1] == "error: disk 100 is full") -- reads no further
  os.remove(own)
end
