-- piper: a worker that reads inputs. A linear one computes here, one result when one is asked for; a parallel one computes ahead
-- in the workers of a pool, as far as the pool's buffer goes. What it gives is the same.
--
--   1 2 3 ... ──▶ square ──▶ results
--                 here, or in a pool

local function square(inbox) return inbox[1] * inbox[1] end

-- an endless input, and how far it has been read
local function numbers()
  local n = 0
  return function()
    n = n + 1
    return n
  end, function() return n end
end

local input, read = numbers()
local linear = papy.Piper(square) { input }
linear:start()
assert(linear:next() == 1 and linear:next() == 4)
assert(read() == 2) -- two results, two items
linear:stop { force = true }

input, read = numbers()
local parallel = papy.Piper(square, { parallel = papy.NuMap { worker_num = 2, buffer = 6 } }) { input }
parallel:start()
papy.sleep(0.05)
print(read(), "items read ahead")
assert(parallel:next() == 1 and parallel:next() == 4)
assert(read() <= 6 + 2)
parallel:stop { force = true }
