-- gate: an input on its way into a pipeline. It can be closed, so that endless inputs end when the pipeline stops; it
-- counts what was consumed, and it remembers what the input raised, so that wait() can tell. It is read as its input is, without
-- waiting (see inbox): an input that has nothing yet holds up nobody.
local inbox = require "papy.inbox"

local Gate = {__name = "papy.Gate"}
Gate.__index = Gate

local M = {}


-- No more items: the input ends here, whatever it still has.
function Gate:close()
  self.closed = true
end


-- The next item and true; nil and true at the end; nil and false when there is none yet. What the input raised is given once, as
-- a papy.Error in the place of the missing item; then it has ended. A failed item of a task does not end it.
function Gate:try()
  if self.closed then return nil, true end
  self.pulling = true
  local ok, item, there = pcall(self.reader.try)
  self.pulling = false
  if not ok then error(item, 0) end
  if not there then return nil, false end
  if item == nil then self.closed = true else self.taken = self.taken + 1 end
  if self.reader.raised then
    self.closed, self.failure = true, self.reader.raised
    self.failure.name, self.failure.piper = self.failure.name or self.name, self.failure.piper or self.name
  end
  return item, true
end


-- Raises what is known about why nothing comes.
function Gate:stuck()
  self.reader.stuck()
end


-- A gate for the input, or nil when it cannot be one.
function M.new(input, name)
  local reader = inbox.reader(input)
  if not reader then return nil end
  return setmetatable({reader = reader, pure = reader.pure, taken = 0, name = name, closed = false, pulling = false}, Gate)
end


return M
