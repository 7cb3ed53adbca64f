-- worker: functions composed from left to right, called on an inbox: an array with one value per upstream piper.
--
--   {7} ──▶ half ──▶ {3.5} ──▶ power, 2 ──▶ 12.25
--
-- An error is a value: a papy.Error that knows the function, its place and its input, and that later workers pass on untouched.

local function half(inbox) return inbox[1] / 2 end
local function power(inbox, n) return inbox[1] ^ n end

local area = papy.Worker({ half, power }, { {}, { 2 } })
print(area { 7 })
assert(area { 7 } == 12.25)

-- workers in workers; equal are those of the same functions and arguments
local twice = papy.Worker { area, area }
assert(twice { 4 } == 4.0)
assert(papy.Worker { half, papy.Worker(power, { 2 }) } == area)

local failed = area { "seven" }
print(failed)
assert(failed.kind == "function" and failed.item == '{"seven"}')
assert(twice { failed } == failed)
