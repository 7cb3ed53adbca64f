-- gate: an input on its way into a pipeline. It can be closed, so that endless inputs end when the pipeline stops; it
-- counts what was consumed, and it remembers what the input raised, so that wait() can tell.
local Error = require "papy.error"

local Gate = {__name = "papy.Gate"}

local M = {}


local function is_callable(x)
  local meta = debug.getmetatable(x)
  return type(x) == "function" or (type(meta) == "table" and meta.__call ~= nil)
end


local function has_next(x)
  local ok, f = pcall(function() return x.next end)
  return ok and is_callable(f)
end


local function elements(array)
  local i = 0
  return function()
    i = i + 1
    return array[i]
  end
end


-- A function that gives the next item of the input, and whether it cannot draw on the tasks of a pool; nil for what is no input.
local function puller(input)
  local meta = debug.getmetatable(input)
  if is_callable(input) then return function() return input() end, type(meta) == "table" and meta.__pure == true end
  if type(input) ~= "table" and type(input) ~= "userdata" then return nil end
  if has_next(input) then return function() return input:next() end, false end
  if type(input) == "table" then return elements(input), true end
end


-- Ctrl-C goes on as it is; anything else is kept with its traceback.
local function caught(raised)
  if Error.is_interrupt(raised) then return raised end
  return Error.caught(raised, debug.traceback(nil, 2))
end


local methods = {}


-- No more items: the input ends here, whatever it still has.
function methods:close()
  self.closed = true
end


Gate.__index = methods


-- The next item. What the input raises is raised once, in the place of the missing item; then it has ended. A failed item of
-- a task passes, and does not end the input.
function Gate:__call()
  if self.closed then return nil end
  self.pulling = true
  local ok, item = xpcall(self.pull, caught)
  self.pulling = false
  if ok then
    if item == nil then self.closed = true else self.taken = self.taken + 1 end
    return item
  end
  if Error.is_interrupt(item) then error(item, 0) end
  if not Error.passes(item) then
    self.closed = true
    item = Error.of_input(item, "input", nil, self.taken + 1, self.name)
    self.failure = item
  end
  error(item, 0)
end


local pure_gate = {}
for key, value in pairs(Gate) do pure_gate[key] = value end
pure_gate.__pure = true


-- A gate for the input, or nil when it cannot be one.
function M.new(input, name)
  local pull, pure = puller(input)
  if not pull then return nil end
  return setmetatable({pull = pull, taken = 0, name = name, closed = false, pulling = false}, pure and pure_gate or Gate)
end


return M
