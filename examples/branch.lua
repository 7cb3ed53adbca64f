-- branch: the order of inputs, outputs and the slots of a join is fixed: by `branch`, ascending, then as the pipers were added.
--
--          ┌──▶ low  (branch 1) ──┐
--   top ───┤                      join      its inbox is {low, high}, though high was added first
--          └──▶ high (branch 2) ──┘

local function pass(inbox) return inbox[1] end
local function low(inbox) return inbox[1] - 1 end
local function high(inbox) return inbox[1] + 1 end
local function between(inbox) return inbox[1] .. ".." .. inbox[2] end

local top, join = papy.Piper(pass, { name = "top" }), papy.Piper(between, { name = "join" })
local pipeline = papy.Plumber()
pipeline:add_pipe { top, papy.Piper(high, { name = "high", branch = 2 }), join }
pipeline:add_pipe { top, papy.Piper(low, { name = "low", branch = 1 }), join }

local ranges = {}
pipeline:add_pipe { join, papy.Piper(function(inbox) ranges[#ranges + 1] = inbox[1] end, { name = "keep" }) }
pipeline:start { { 10, 20 } }
pipeline:run()
assert(pipeline:wait())
pipeline:show()
pipeline:stop()
assert(table.concat(ranges, " ") == "9..11 19..21")
