-- hello: a function, a list, a pool. One call makes the pool, starts it, and is the stream of its results.
--
--   "world" "moon" "sun" ──▶ greet ──▶ results, in the order of the list
--                            │   │
--                       worker 1, worker 2
--
-- The function is an ordinary Lua function; it runs in the workers, which are forks of this program.

local greeting = "hello"

local function greet(name)
  return greeting .. ", " .. name
end

local results = {}
for line in papy.NuMap(greet, { "world", "moon", "sun" }, { worker_num = 2 }) do
  print(line)
  results[#results + 1] = line
end

assert(table.concat(results, "; ") == "hello, world; hello, moon; hello, sun")
