-- chain: pipers one after the other, on one pool. The results go from worker to worker; this program sees the last ones only.
--
--   words ──▶ upper ═▶ reverse ═▶ length ──▶ here
--
-- A chain of any length needs no more buffer than one stride.

local function upper(inbox) return inbox[1]:upper() end
local function reverse(inbox) return inbox[1]:reverse() end
local function label(inbox) return ("%s: %d"):format(inbox[1], #inbox[1]) end

local pool = papy.NuMap { worker_num = 2, stride = 2, buffer = 2 }
local first = papy.Piper(upper, { parallel = pool }) { { "a", "chain", "of", "words" } }
local second = papy.Piper(reverse, { parallel = pool }) { first }
local third = papy.Piper(label, { parallel = pool }) { second }
third:start()

local results = {}
for result in third do results[#results + 1] = result end
third:stop()
print(table.concat(results, ", "))
assert(table.concat(results, ", ") == "A: 1, NIAHC: 5, FO: 2, SDROW: 5")
