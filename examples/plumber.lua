-- plumber: a pipeline with run-time control. It works on whenever papy waits; outputs that matter store what they get.
--
--   1 2 3 ... ──▶ square ═▶ halve ═▶ keep          square and halve compute in two workers, keep here
--
-- start, run, wait, stop: every item comes out once, as a value or as an error in its own place.

local kept = {}

local function square(inbox) return inbox[1] ^ 2 end
local function halve(inbox) return inbox[1] / 2 end
local function keep(inbox) kept[#kept + 1] = inbox[1] end

local pool = papy.NuMap { worker_num = 2 }
local pipeline = papy.Plumber()
pipeline:add_pipe {
  papy.Piper(square, { parallel = pool, name = "square" }),
  papy.Piper(halve, { parallel = pool, name = "halve", track = true }),
  papy.Piper(keep, { name = "keep" }),
}

pipeline:start { { 1, 2, 3, "four", 5 } }
pipeline:run()
assert(pipeline:wait())
pipeline:show()
local stats = pipeline:stats()
pipeline:stop()

print(table.unpack(kept))
assert(#kept == 4 and kept[1] == 0.5 and kept[4] == 12.5)
assert(stats.pipers.square.failed == 1)
local err = stats.tracked.halve[1][4]
print("item 4:", err)
assert(err.kind == "function")
