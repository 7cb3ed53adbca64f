-- pause: a pipeline can be paused, looked at and run on; nothing is lost and nothing comes twice. Its input has no end: stop
-- ends it, and whatever was read by then passes to the last piper.
--
--   1 2 3 4 5 6 7 ... ──▶ triple ═▶ keep

local read, kept = 0, {}

local function numbers()
  read = read + 1
  return read
end

local pipeline = papy.Plumber()
pipeline:add_pipe {
  papy.Piper(function(inbox) return inbox[1] * 3 end, { parallel = papy.NuMap { worker_num = 2 }, name = "triple" }),
  papy.Piper(function(inbox) kept[#kept + 1] = inbox[1] end, { name = "keep" }),
}

pipeline:start { numbers }
pipeline:run()
assert(pipeline:wait(0.1) == false) -- the time is up, the pipeline is not finished
pipeline:pause()
local so_far = #kept
papy.sleep(0.05)
print(pipeline.state, so_far)
assert(#kept == so_far)

pipeline:run()
papy.sleep(0.05) -- it moves whenever papy waits
pipeline:stop()

print(pipeline.state, #kept > so_far, #kept == read)
assert(#kept > so_far and #kept == read)
for i, value in ipairs(kept) do assert(value == 3 * i) end
