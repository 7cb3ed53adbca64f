-- memory: memory.lua flat prints the host's peak in kB after 10^4 and after 10^6 items of an input without end.
-- memory.lua dirty BATCH prints the size of a table in kB, and the most private dirty memory of a worker that read it.

local function field(pid, file, name)
  for line in io.lines(("/proc/%s/%s"):format(pid, file)) do
    local n = line:match("^" .. name .. ":%s*(%d+) kB")
    if n then return tonumber(n) end
  end
end

local function flat()
  local i = 0
  local function input()
    i = i + 1
    return ("item %d"):format(i):rep(10)
  end
  local results = papy.NuMap(function(x) return x:upper() end, input, {worker_num = 2, stride = 64, batch = "auto"})
  for n = 1, 1000000 do
    results:next()
    if n == 10000 or n == 1000000 then print(field("self", "status", "VmHWM")) end
  end
end

local function dirty(batch)
  local big, tasklets, i = {}, 1000000, 0
  while i % 1000 > 0 or collectgarbage("count") * 1024 < 500e6 do
    i = i + 1
    big[i] = {i, "entry " .. i}
  end
  local size, at = math.floor(collectgarbage("count")), 0
  local function input()
    at = at + 1
    return at <= tasklets and at or nil
  end
  local pool = papy.NuMap(function(x)
    local entry = big[x * 7919 % #big + 1]
    return entry[1] + #entry[2]
  end, input, {worker_num = 2, stride = 1024, batch = tonumber(batch) or batch})
  for _ = 1, tasklets do pool:next() end
  local worst = 0
  for _, worker in ipairs(pool:stats().workers) do
    worst = math.max(worst, field(worker.pid, "smaps_rollup", "Private_Dirty"))
  end
  print(size, worst)
end

({flat = flat, dirty = dirty})[arg[1]](arg[2])
