-- errors: whatever happens to an item is raised in the item's own place; the next call goes on with the next item.
--
--   1 2 3 4 5 ──▶ work ──▶ 10  error!  30  error!  50
--                              raised      its worker died
--
-- The error knows where it happened: kind, message, traceback, task, index, item.

local function work(x)
  if x == 2 then error "I do not like even numbers" end
  if x == 4 then os.exit(1) end -- ends the worker, not the program
  return x * 10
end

local pool = papy.NuMap(work, { 1, 2, 3, 4, 5 }, { worker_num = 2 })
local results = {}
repeat
  local good, result = pcall(pool.next, pool)
  if good then
    print(result)
  else
    print(result.kind, result.index, tostring(result))
    result = result.kind
  end
  results[#results + 1] = result
until result == nil

assert(table.concat(results, " ") == "10 function 30 died 50")
