-- pump: takes the results of the outputs of a pipeline, one of each in turn, and throws them away. It does not wait: an output
-- that has nothing ready is passed over until the next turn.
local core = require "papy.core"
local Error = require "papy.error"

local Pump = {}
Pump.__index = Pump

local M = {}


-- A pump for pipers that are outputs. is_fatal(err) is asked for every failed item: true halts the pump.
function M.new(pipers, is_fatal)
  local open = {}
  for i, piper in ipairs(pipers) do open[i] = {piper = piper, outlet = piper:_outlet()} end
  return setmetatable({
    open = open,         -- the outputs that have not ended
    at = 1,              -- whose turn it is among them
    is_fatal = is_fatal,
    failure = nil,       -- the error that ended the pumping: a fatal one, or one of a pool
    halted = false, held = false,
  }, Pump)
end


-- Has every output ended, or the pump halted?
function Pump:done()
  return self.halted or #self.open == 0
end


-- Stop within this round: for functions that the round itself calls.
function Pump:hold()
  self.held = true
end


-- Take one result of output number i. False when it has ended; what pull raises is no item's error and ends it too.
local function take(self, i)
  local good, item = pcall(self.open[i].outlet.pull, self.open[i].outlet)
  if not good and Error.is_interrupt(item) then error(item, 0) end
  if good and item ~= nil then
    if Error.is(item) and self.is_fatal and self.is_fatal(item) then
      self.failure, self.halted = self.failure or item, true
    end
    return true
  end
  if not good then self.failure = self.failure or item end
  table.remove(self.open, i)
  return false
end


-- One result of each output that is ready. Returns how much moved.
local function round(self)
  local moves = 0
  while self.at <= #self.open do
    local ready = self.open[self.at].outlet:ready()
    if ready then moves = moves + 1 end
    if not ready or take(self, self.at) then self.at = self.at + 1 end
    if self.held or self.halted then return moves end
  end
  self.at = 1
  return moves
end


-- Go round as long as anything is ready, about `seconds` long at most. Returns how much moved.
function Pump:turn(seconds)
  local moves, deadline = 0, core.sys.now() + seconds
  self.held = false
  repeat
    local moved = round(self)
    moves = moves + moved
  until moved == 0 or self.held or self:done() or core.sys.now() >= deadline
  return moves
end


-- Nothing is ready and nothing is under way: let the outputs make room in full buffers. Where none of them can, they are stuck,
-- and their error is that of the pump.
function Pump:unblock()
  local stuck
  for _, output in ipairs(self.open) do
    local good, why = pcall(output.outlet.unblock, output.outlet)
    if good and why then return end
    if not good and Error.is_interrupt(why) then error(why, 0) end
    stuck = stuck or (not good and why) or nil
  end
  stuck = stuck or Error.new {kind = "deadlock", message = "nothing moves any more, though not all outputs have ended"}
  self.failure, self.open = self.failure or stuck, {}
end


-- Turn until all outputs have ended, whatever they give. Returns the error of a pool that kept one from ending, or nil.
function Pump:exhaust()
  self.is_fatal, self.halted = nil, false
  local before = self.failure
  while not self:done() do
    if self:turn(math.huge) == 0 and not self:done() and core.pool.wait() == "idle" then self:unblock() end
  end
  return self.failure ~= before and self.failure or nil
end


return M
