-- spawn: a piper as several tasks of its pool, which share one input. With `produce = 2` before it and `spawn = 2`, the items of
-- one result are computed side by side, each by a task of its own; `consume = 2` brings them together.
--
--                          ┌═▶ slow ═┐
--   pair ──▶ produce = 2 ══┤         ╞═▶ consume = 2 ──▶ sum
--                          └═▶ slow ═┘

local function pass(inbox) return inbox[1] end

local function slow(inbox)
  papy.sleep(0.01)
  return inbox[1] * 10
end

local function sum(inbox) return inbox[1][1] + inbox[2][1] end

local pool = papy.NuMap { worker_num = 3 }
local pairs_of = papy.Piper(pass, { parallel = pool, produce = 2 }) { { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } } }
local tens = papy.Piper(slow, { parallel = pool, spawn = 2, track = true }) { pairs_of }
local sums = papy.Piper(sum, { parallel = pool, consume = 2 }) { tens }
sums:start()

local results = {}
for result in sums do results[#results + 1] = result end
print(table.concat(results, " "))
assert(table.concat(results, " ") == "30 70 110 150")
assert(#tens.tracked == 2) -- one table of results for each task
sums:stop()
