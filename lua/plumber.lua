-- Plumber: a dagger with run-time control. It moves on whenever papy waits: in wait, in any next, in papy.sleep, and while the
-- prompt waits for keys.
--
--   new ─start─▶ started ─run─▶ running ⇄ paused        run() goes on after pause()
--                                  └─▶ finished         all outputs have ended, or the pipeline failed
--   any but new ─stop─▶ stopped ─start─▶ started …      again, with new data
local Dagger = require "papy.dagger"
local Error = require "papy.error"
local Pump = require "papy.pump"
local core = require "papy.core"
local options = require "papy.options"
local picture = require "papy.picture"
local pipers = require "papy.piper"
local save = require "papy.save"

local M = {}

local Plumber = setmetatable({}, {__index = Dagger.class})
for name, method in pairs(Dagger.class) do
  if name:find "^__" then Plumber[name] = method end
end
Plumber.__name = "papy.Plumber"
Plumber.__index = Plumber
M.class = Plumber

-- how long one turn may take, in seconds: what a person at the prompt does not notice
local TURN = 0.005

-- is nothing with any worker of this process?
local all_idle = core.pool.idle

-- how many pipelines are in a turn just now: the loop calls no turn inside another
local turning = 0


-- ---- what is allowed when ----

local allowed_in = {
  start = {"new", "stopped"},
  run = {"started", "paused"},
  pause = {"running", "finished"},
  wait = {"running", "finished"},
  stop = {"started", "running", "paused", "finished", "stopped"},
}

local allowed_now = {
  new = "start()", started = "run() or stop()", running = "wait(), pause() or stop()", paused = "run() or stop()",
  finished = "wait() or stop()", stopped = "start()",
}


local function must_allow(self, what)
  for _, state in ipairs(allowed_in[what]) do
    if self.state == state then return end
  end
  Error.raise("plumber", "%s: the pipeline is %s; allowed now: %s", what, self.state, allowed_now[self.state])
end


local function must_be_outside(self, what)
  if self.turning then
    Error.raise("plumber", "%s: called by a function of the pipeline itself; there only pause() is allowed", what)
  end
end


local function enter(self, state)
  if core.log.enabled "debug" then core.log.write("debug", "papy", "the pipeline is " .. state) end
  self.state = state
end


-- ---- starting ----

local function forget_run(self)
  self.failure, self.pump, self.final = nil, nil, nil
  self.began, self.start_time, self.run_time = core.sys.now(), os.time(), nil
end


-- Connect the inputs to `datas`, an array with one data set per input, and start: parallel pipers begin to work, as far as
-- their buffers go. Raises kind "dagger" for missing or superfluous data and for pools that are running, and then nothing is
-- started.
function Plumber:start(datas)
  must_allow(self, "start")
  if #self:nodes() == 0 then Error.raise("plumber", "start: the pipeline has no pipers") end
  if not self.wired then
    self:connect(datas)
  elseif datas ~= nil then
    self:connect_inputs(datas) -- which refuses any
  end
  local ok, why = pcall(Dagger.class.start, self)
  if not ok then
    self:disconnect {force = true}
    error(why, 0)
  end
  forget_run(self)
  self.pid = core.sys.getpid()
  enter(self, "started")
end


-- ---- running ----

local function leave_loop(self)
  if self.turn then core.pool.off_turn(self.turn) end
end


local function finish(self)
  leave_loop(self)
  enter(self, "finished")
  self.run_time = core.sys.now() - self.began
  self.failure = self.pump.failure
  for _, gate in ipairs(self.gates) do
    gate:close()
    self.failure = self.failure or gate.failure
  end
end


-- Give the pump a turn; where nothing is ready and no pool of this process works, room must be made.
local function pump(self)
  local moves = self.pump:turn(TURN)
  if moves > 0 or self.pump:done() or not all_idle() then return moves end
  self.pump:unblock()
  return 1
end


-- Does an input of this pipeline wait inside its pull? What took results then would make room for ever more pulls.
local function in_a_pull(self)
  for _, gate in ipairs(self.gates) do
    if gate.pulling then return true end
  end
  return false
end


-- One turn, or nothing in a worker that inherited it. Returns how much moved.
local function turn(self)
  if self.state ~= "running" or core.sys.getpid() ~= self.pid or in_a_pull(self) then return 0 end
  self.turning, turning = true, turning + 1
  local ok, moves = pcall(pump, self)
  self.turning, turning = false, turning - 1
  if not ok then error(moves, 0) end
  if self.pump:done() and self.state == "running" then
    finish(self)
    moves = moves + 1
  end
  return moves
end


-- Let a started or paused pipeline work: the results of its outputs are taken, one of each in turn, and thrown away. Returns
-- at once.
function Plumber:run()
  must_allow(self, "run")
  self.pump = self.pump or Pump.new(self:get_outputs(), pipers.is_fatal)
  self.turn = self.turn or function() return turn(self) end
  enter(self, "running")
  core.pool.on_turn(self.turn)
end


-- Take no more results; parallel pipers go on until their buffers are full. Nothing is lost, run() goes on where it was. Does
-- nothing when the pipeline has finished.
function Plumber:pause()
  must_allow(self, "pause")
  if self.state == "finished" then return end
  leave_loop(self)
  self.pump:hold()
  enter(self, "paused")
end


-- One step of waiting; inside a function of another pipeline it has to turn this one itself.
local function step(self, seconds)
  if turning > 0 and turn(self) > 0 then return end
  local news = core.pool.wait(seconds)
  if news == "idle" and self.state == "running" then self.pump:unblock() end
end


-- The same; Ctrl-C leaves the pipeline paused.
local function step_or_pause(self, seconds)
  local ok, why = pcall(step, self, seconds)
  if ok then return end
  if self.state == "running" then self:pause() end
  error(why, 0)
end


-- Wait until every output has ended, at most so many seconds (a number, or {timeout = seconds}). Returns true when they have;
-- false when the time is up or the pipeline was paused meanwhile; nil and the error when the pipeline ended because an input
-- raised or a piper in debug mode failed.
function Plumber:wait(opts)
  must_be_outside(self, "wait")
  must_allow(self, "wait")
  if type(opts) == "number" then opts = {timeout = opts} end
  local timeout = options.check("wait", opts, {timeout = "seconds"}).timeout
  local deadline = timeout and core.sys.now() + timeout
  while self.state == "running" do
    local left = deadline and math.max(0, deadline - core.sys.now())
    step_or_pause(self, left)
    if left == 0 and self.state == "running" then return false end
  end
  if self.failure then return nil, self.failure end
  return self.state == "finished"
end


-- What every piper has done, and the results of those that track them.
local function count(self)
  local counts, tracked = {}, {}
  for _, piper in ipairs(self:nodes()) do
    local done, failed = piper:_counts()
    counts[piper.name] = {done = done, failed = failed}
    if piper.tracked then tracked[piper.name] = piper.tracked end
  end
  return {pipers = counts, tracked = tracked}
end


local function rest(self, force)
  local stuck = not force and self:_drain() or nil
  self.failure = self.failure or stuck
  self.final = count(self)
  Dagger.class.stop(self, {force = force or stuck ~= nil})
  self:disconnect {force = true}
end


-- End the run, from any state but new: the inputs end, every consumed item passes to the outputs, and the pools rest. The
-- pipeline can then be started again with new data. opts: force = true, at once, and what is under way is lost. Does nothing when
-- stopped.
function Plumber:stop(opts)
  must_be_outside(self, "stop")
  must_allow(self, "stop")
  local force = options.check("stop", opts, {force = "boolean"}).force
  if self.state == "stopped" then return end
  if self.state == "running" then self:pause() end
  self.turning = true
  local ok, why = pcall(rest, self, force)
  self.turning = false
  if not ok then error(why, 0) end
  self.run_time = self.run_time or core.sys.now() - self.began
  enter(self, "stopped")
end


-- ---- looking ----

local function copy(t)
  local new = {}
  for key, value in pairs(t) do new[key] = value end
  return new
end


-- Numbers about the run, a fresh table: start_time (as os.time gives it), run_time (seconds until now, or until the end),
-- pipers[name] = {done =, failed =} (failed ones are done too), and tracked[name][spawn][index], the results of pipers that have
-- `track`.
function Plumber:stats()
  local now = self.began and (self.final or count(self)) or {pipers = {}, tracked = {}}
  local stats = {start_time = self.start_time, run_time = self.run_time, pipers = {}, tracked = {}}
  if self.began and not self.run_time then stats.run_time = core.sys.now() - self.began end
  for name, counts in pairs(now.pipers) do stats.pipers[name] = copy(counts) end
  for name, spawns in pairs(now.tracked) do
    stats.tracked[name] = {}
    for spawn, results in ipairs(spawns) do stats.tracked[name][spawn] = copy(results) end
  end
  return stats
end


-- The pipeline as Graphviz text.
function Plumber:dot()
  return picture.dot(self)
end


-- Draw the pipeline on the terminal: the graph, and beside each piper where it computes and what it has done.
function Plumber:show()
  picture.show(self, self.state, self.began and self:stats())
end


-- save and load, see save.lua
for name, method in pairs(save.methods) do Plumber[name] = method end


-- papy.Plumber{pipers = {…}, pipes = {{a, b}, …}}: a pipeline of those pipers and pipes.
function M.Plumber(opts)
  local self = Dagger.new(Plumber, opts)
  self.state = "new"
  return self
end


return M
