-- numap: several tasks share the workers of one pool. Each has a function, an input, and a stream of results of its
-- own.
--
--   1 2 3 4  ──▶ square ──▶ squares:next()
--                     ╲
--                      ══ two workers
--                     ╱
--   words    ──▶ upper  ──▶ words:next()
--
-- Any iterator can be an input; it is read only as far as the pool has room.

local pool = papy.NuMap { worker_num = 2 }
local squares = pool:add_task(function(x, power) return x ^ power end, { 1, 2, 3, 4 }, { args = { 2 } })
local words = pool:add_task(string.upper, string.gmatch("one two three four", "%a+"))
pool:start()

local lines = {}
for square in squares do
  lines[#lines + 1] = ("%g is %s squared"):format(square, words:next())
  print(lines[#lines])
end
pool:stop()

assert(table.concat(lines, ", ")
  == "1 is ONE squared, 4 is TWO squared, 9 is THREE squared, 16 is FOUR squared")
