-- idle: prints the CPU seconds that a pool of 8 workers and its host take while there is nothing to do, and how long
-- that was.

local function cpu(pid)
  local file <close> = assert(io.open(("/proc/%s/stat"):format(pid)))
  local user, system = file:read("a"):match("^.*%)" .. (" %S+"):rep(11) .. " (%d+) (%d+)") -- fields 14 and 15
  return (user + system) / 100
end

local pool = papy.NuMap {worker_num = 8}
local squares = pool:add_task(function(x) return x * x end, {1, 2, 3, 4, 5, 6, 7, 8})
pool:start()
squares:collect()

local function all()
  local sum = cpu("self")
  for _, worker in ipairs(pool:stats().workers) do sum = sum + cpu(worker.pid) end
  return sum
end

papy.sleep(0.2)
local before, began = all(), papy.now()
papy.sleep(5)
print(all() - before, papy.now() - began)
