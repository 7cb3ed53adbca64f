-- Plumber: an input that has nothing yet holds up nobody: start, wait with a time, pause and stop return, and the prompt too.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local function same(inbox) return inbox[1] end

-- a pipeline that keeps what comes, of a linear piper or one in a pool
local function keeping(pool)
  local kept = {}
  local function keep(inbox) kept[#kept + 1] = inbox[1] end
  return papy.Plumber { pipes = { { papy.Piper(same, { parallel = pool }), keep } } }, kept
end

local function seconds(f, ...)
  local began = papy.now()
  local result = f(...)
  return papy.now() - began, result
end

for _, how in ipairs { "linear", "pool" } do
  local function pool() return how == "pool" and papy.NuMap { worker_num = 1 } or false end

  claim("a slow task as an input (" .. how .. ")", function()
    local slow = papy.NuMap { worker_num = 1 }
    local task = slow:add_task(function(x)
      papy.sleep(x == 1 and 0 or 30)
      return x
    end, { 1, 2, 3 })
    slow:start()
    local plumber, kept = keeping(pool())
    ok(seconds(plumber.start, plumber, { task }) < 2 * T.slow, "start waited")
    plumber:run()
    local took, finished = seconds(plumber.wait, plumber, 0.3)
    eq(finished, false)
    ok(took < 3 * T.slow, "wait took", took)
    ok(seconds(plumber.pause, plumber) < 2 * T.slow, "pause waited")
    ok(seconds(plumber.stop, plumber) < 2 * T.slow, "stop waited")
    eq(kept, { 1 })
    slow:stop { force = true }
  end)

  claim("a followed file as an input (" .. how .. ")", function()
    local path = T.temp "one\ntwo\n"
    local lines = papy.workers.io.make_lines(path, { follow = true, wait = 0.01 })
    local plumber, kept = keeping(pool())
    ok(seconds(plumber.start, plumber, { lines }) < 2 * T.slow, "start waited")
    plumber:run()
    local took, finished = seconds(plumber.wait, plumber, 0.3)
    eq(finished, false)
    ok(took < 3 * T.slow, "wait took", took)
    local f = assert(io.open(path, "a"))
    f:write "three\n"
    f:close()
    ok(T.wait_until(function() return #kept == 3 end), "the third line")
    ok(seconds(plumber.stop, plumber) < 2 * T.slow, "stop waited")
    eq(kept, { "one", "two", "three" })
  end)
end

T.finish()
