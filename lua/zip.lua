-- zip: an input of arrays {a, b, …} made of several inputs, whose parts the scheduler knows.
local Error = require "papy.error"

local Zip = {__name = "papy.zip"}
Zip.__index = Zip

local M = {}


function M.is(x)
  return type(x) == "table" and rawequal(getmetatable(x), Zip)
end


function M.parts(z)
  return table.move(z, 1, #z, 1, {})
end


-- a function that gives the part's next item
local function puller(part)
  if type(part) == "function" then return part end
  local meta = debug.getmetatable(part)
  if type(meta) == "table" and meta.__call then return function() return part() end end
  if type(part) == "table" and type(part.next) ~= "function" then
    local i = 0
    return function()
      i = i + 1
      return part[i]
    end
  end
  return function() return part:next() end
end


-- The next row; nil when any part has ended, without asking the parts after it. A failed item of a part costs the whole row and
-- nothing of the next one; a call that something else ended (Ctrl-C, say) is gone on with by the next.
function Zip:__call()
  self.pull, self.row = self.pull or {}, self.row or {n = 0, failed = false}
  local row = self.row
  for i = row.n + 1, #self do
    self.pull[i] = self.pull[i] or puller(self[i])
    local good, value = pcall(self.pull[i])
    if not good and not Error.passes(value) then error(value, 0) end
    if value == nil then return nil end
    row[i], row.n, row.failed = value, i, row.failed or not good
  end
  self.row = nil
  if row.failed then error(Error.join(row, #self), 0) end
  return #self > 0 and table.move(row, 1, #self, 1, {}) or nil
end


-- papy.zip(a, b, …): an input whose items are arrays with one item of each; it ends with the first part that ends. Parts are
-- inputs of any kind; tasks among them are handed on by reference.
function M.zip(...)
  local z = {...}
  for i = 1, select("#", ...) do
    if z[i] == nil then Error.raise("input", "zip: part %d is nil", i) end
  end
  return setmetatable(z, Zip)
end


return M
