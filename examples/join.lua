-- join: one piper that reads two. Its inbox has one slot per input, in the order given; item k of one meets item k of the other,
-- however long each has taken. The shortest input ends it.
--
--   names  ──▶ shorten ═┐
--                       label ──▶ results
--   prices ──▶ double ──┘

local function shorten(inbox)
  papy.sleep(0.01)
  return inbox[1]:sub(1, 3)
end

local function double(inbox) return inbox[1] * 2 end

local function label(inbox)
  local name, price = inbox[1], inbox[2]
  return ("%s=%d"):format(name, price)
end

local names = papy.Piper(shorten, { parallel = papy.NuMap { worker_num = 2 } }) { { "apple", "banana", "cherry" } }
local prices = papy.Piper(double) { { 10, 20, 30, 40 } }
local labels = papy.Piper(label) { names, prices }
labels:start()

local results = {}
for result in labels do results[#results + 1] = result end
print(table.concat(results, " "))
assert(table.concat(results, " ") == "app=20 ban=40 che=60")
