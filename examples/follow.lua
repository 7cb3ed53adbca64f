-- follow: stay with a growing log, also when it is rotated, until there is nothing more to wait for.
--
--   papy examples/follow.lua LOG PATTERN      prints lines that match, as they come; Ctrl-C ends it

if arg[1] then
  for line in papy.open(arg[1], { follow = true, from = "end" }):grep(arg[2] or "."):iter() do print(line) end
  os.exit()
end

-- without arguments: somebody writes, rotates and writes on, while we read
local path = os.tmpname()
assert(io.open(path, "w")):close()
local pool = papy.NuMap { worker_num = 1, buffer = 10 }
local writer = pool:add_task(function(n)
  papy.sleep(0.05)
  if n == 6 then os.rename(path, path .. ".1") end
  local file <close> = assert(io.open(path, "a"))
  file:write("line ", n, "\n")
  return n
end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
pool:start()

local seen = {}
for line in papy.open(path, { follow = true, wait = 0.02 }):grep "line":iter() do
  seen[#seen + 1] = line
  if line == "line 10" then break end
end
for i, line in ipairs(seen) do assert(line == "line " .. i) end
assert(#seen == 10)
print("10 lines, over a rotation")
assert(#writer:collect() == 10)
pool:stop()
os.remove(path)
os.remove(path .. ".1")
