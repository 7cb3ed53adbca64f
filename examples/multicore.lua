-- multicore: a list of calls over ranges of what the workers have anyway.
--
--   1 ────────────────── n        every worker has `visits`, as it was at the fork
--   first last│first last│ …      two numbers go out, one comes back

local multicore = require "multicore"

local visits = {}
for i = 1, 200000 do visits[i] = { user = i % 1000, bytes = i % 7 } end

local function bytes_of(user, first, last)
  local sum = 0
  for i = first, last do
    if visits[i].user == user then sum = sum + visits[i].bytes end
  end
  return sum
end

multicore.initialize()

local function total(user)
  local task = multicore.Task { max_load_average = 8 }
  if not task then return bytes_of(user, 1, #visits) end -- the machine has enough to do
  for first, last in multicore.ranges(visits) do task:run(bytes_of, user, first, last) end
  local sum = 0
  for _, bytes in ipairs(task:get()) do sum = sum + bytes end
  return sum
end

print(total(42))
assert(total(42) == bytes_of(42, 1, #visits))

-- A call that fails is raised by get, with the results of the others; or it is an error in its place.
local task = assert(multicore.Task())
task:run(bytes_of, 42, 1, 1000)
task:run(bytes_of, 42, "x", "y")
local results = task:get { errors = "return", timeout = 60 }
print(results[2])
assert(results[1] == bytes_of(42, 1, 1000) and results[2].kind == "function")

multicore.shutdown()
