-- dump_load: bulk data goes from worker to worker through files; only small handles pass through the pipeline. A run that was
-- broken off leaves the files, and the next one goes on with them.
--
--   seeds ──▶ make, item_dumps, dump_item ──▶ {"file", path, 0} ──▶ load_item, item_loads, measure ──▶ results
--             a table of many values           some bytes
--
-- type = "fifo" instead of "file" would keep nothing on disk.
local io_ = papy.workers.io
local dir = assert(papy.fs.temp "directory")

local function make(inbox)
  local values = {}
  for i = 1, 10000 do values[i] = i % inbox[1] end
  return values
end

local function measure(inbox)
  local sum = 0
  for _, v in ipairs(inbox[1]) do sum = sum + v end
  return sum
end

local up = papy.Worker({ make, io_.item_dumps, io_.dump_item }, { {}, {}, { { dir = dir, suffix = ".item" } } })
local down = papy.Worker { io_.load_item, io_.item_loads, measure }

local pool = papy.NuMap { worker_num = 2 }
local handles = pool:add_task(up, { { 2 }, { 3 }, { 10 } })
local sums = pool:add_task(function(handle) return down { handle } end, handles)
pool:start()
local results = sums:collect()
pool:stop()
print(table.concat(results, " "))
assert(table.concat(results, " ") == "5000 10000 45000")

-- what was dumped but not yet loaded is found again
up { 5 }
local found = {}
for path in io_.find_items { dir = dir, suffix = ".item" } do found[#found + 1] = down { io_.handle(path) } end
os.remove(dir)
assert(#found == 1 and found[1] == 20000)
