-- unordered: results as they are finished, instead of in the order of the input.
--
--   slow quick quick quick ──▶ work ──▶ ordered:     slow  quick quick quick     all wait for the first
--                                       unordered:   quick quick quick slow
--
-- `track` remembers every result at the place of its item, so that the order of the input can be had back.

local function work(job)
  if job == "slow" then papy.sleep(0.5) end
  return job
end

local jobs = { "slow", "quick 1", "quick 2", "quick 3" }

local ordered = papy.NuMap(work, jobs, { worker_num = 2, buffer = 4 })
assert(ordered:next() == "slow")
ordered:stop()

local pool = papy.NuMap { worker_num = 2, buffer = 4, ordered = false }
local task = pool:add_task(work, jobs, { track = true })
pool:start()
local last
for job in task do
  print(job)
  last = job
end

assert(last == "slow")
assert(task.tracked[1] == "slow" and task.tracked[4] == "quick 3")
