-- buffer: how many items may be between submission and delivery, all tasks together. It bounds the memory, and it is
-- the brake: an endless input is read only as fast as somebody takes the results.
--
--   1 2 3 4 5 6 7 ...  ──▶ ┌────────────────────┐ ──▶ next() ──▶ next() ──▶ ...
--        endless           │ at most 4 are here │
--                          └────────────────────┘

local numbers_read = 0

local function numbers()
  numbers_read = numbers_read + 1
  return numbers_read
end

local pool = papy.NuMap { worker_num = 2, buffer = 4 }
local halves = pool:add_task(function(x) return x / 2 end, numbers)
pool:start()

papy.sleep(0.2)
print("nothing taken, read ahead:", numbers_read)
assert(numbers_read <= 4 + 1)

for i = 1, 3 do assert(halves:next() == i / 2) end

papy.sleep(0.2)
print("three taken, read:", numbers_read)
assert(numbers_read <= 3 + 4 + 1)

pool:stop()
