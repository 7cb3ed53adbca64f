-- fork: one piper read by two. Each of them gets every item, once and in order, at its own pace: one may be read to its end
-- before the other. What one reader has not taken yet is kept for it.
--
--                  ┌──▶ shout
--   words ──▶ trim ┤
--                  └──▶ count

local function trim(inbox) return inbox[1]:match "%S+" end
local function shout(inbox) return inbox[1]:upper() .. "!" end
local function count(inbox) return #inbox[1] end

local words = papy.Piper(trim) { { " one", "two ", " three " } }
local shouts = papy.Piper(shout, { parallel = papy.NuMap { worker_num = 2 } }) { words }
local counts = papy.Piper(count) { words }
shouts:start()
counts:start()

local function all(piper)
  local results = {}
  for result in piper do results[#results + 1] = result end
  return table.concat(results, " ")
end

local lengths, loud = all(counts), all(shouts)
print(lengths, loud)
assert(lengths == "3 3 5" and loud == "ONE! TWO! THREE!")
