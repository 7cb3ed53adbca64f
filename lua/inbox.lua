-- inbox: what a piper reads. Items of its inputs become rows, rows become inboxes, as `consume` and the stride say.
--
-- A reader gives the items of one input, and never waits: try() returns the next item and true, or nil and false when it is not
-- there yet; nil and true at the end. A papy.Error stands in the place of a failed item. stuck() is asked when nothing moves any
-- more, and raises what the reader knows about that. A reader with `task` reads just the results of that task, one with `array`
-- its elements; a `pure` one cannot draw on the tasks of a pool.
local core = require "papy.core"
local Error = require "papy.error"
local zip = require "papy.zip"

local M = {}

local pool_core = core.pool
local pool_meta, task_meta = pool_core.metatables()
local try_task, stuck_task = pool_core.try, pool_core.stuck


local function caught(raised)
  if Error.is_interrupt(raised) then return raised end
  return Error.caught(raised, debug.traceback(nil, 2))
end


-- ---- inputs that are no pipers ----

local function nothing() end


local function array_reader(array)
  local i = 0
  return {array = array, pure = true, stuck = nothing, try = function()
    i = i + 1
    return array[i], true
  end}
end


-- An input that raises gives one error in the place of the missing item and has ended; a failed item that it hands on from a
-- task does not end it. While it answers, whoever else asks has to come again.
local function call_reader(call, pure)
  local taken, ended, busy = 0, false, false
  local function stuck()
    if busy then Error.raise("deadlock", "an input asks for what can only be had when the same input has answered") end
  end
  return {pure = pure, stuck = stuck, try = function()
    if ended then return nil, true end
    if busy then return nil, false end
    busy = true
    local good, item = xpcall(call, caught)
    busy = false
    if good then
      taken, ended = taken + 1, item == nil
      return item, true
    end
    if Error.is_interrupt(item) then error(item, 0) end
    ended = not Error.passes(item)
    local err = Error.of_input(item, "input", nil, taken + 1)
    err.index = err.index or taken + 1
    return err, true
  end}
end


-- The results of a task, of a user or of a piper.
function M.task_reader(task)
  return {task = task, try = function() return try_task(task) end, stuck = function() stuck_task(task) end}
end


local function is_callable(x)
  local meta = debug.getmetatable(x)
  return type(x) == "function" or (type(meta) == "table" and meta.__call ~= nil)
end


local function has_next(x)
  local ok, f = pcall(function() return x.next end)
  return ok and is_callable(f)
end


local function zip_reader(x)
  local readers = {}
  for i, part in ipairs(zip.parts(x)) do readers[i] = M.reader(part) end
  local rows = M.rows {readers = readers}
  return {stuck = function() rows:stuck() end, try = function() return rows:try() end}
end


-- A reader of an array, an iterator function, an object with __call or next, a task, a pool or a zip; nil for anything else.
function M.reader(x)
  local meta = debug.getmetatable(x)
  if type(x) == "userdata" and meta == task_meta then return M.task_reader(x) end
  if type(x) == "userdata" and meta == pool_meta then return M.task_reader(pool_core.task(x, 1)) end
  if zip.is(x) then return zip_reader(x) end
  if is_callable(x) then return call_reader(function() return x() end, type(meta) == "table" and meta.__pure == true) end
  if type(x) ~= "table" and type(x) ~= "userdata" then return nil end
  if has_next(x) then return call_reader(function() return x:next() end) end
  if type(x) == "userdata" then return nil end
  if meta == nil then return array_reader(x) end
  local i = 0
  return call_reader(function()
    i = i + 1
    return x[i]
  end, true)
end


-- What try() gives, as an input of a pool: a function that gives up to n items at once.
function M.feed(try)
  local items, raised = {}, nil
  local function gather(n)
    for i = 1, n do
      local item, there = try()
      if not there then return i - 1 end
      items[i] = item
      if item == nil then return i end
      items.n = i
    end
    return n
  end
  return function(n)
    if raised ~= nil then
      local why = raised
      raised = nil
      error(why, 0)
    end
    items.n = 0
    local good, count = pcall(gather, n)
    if good then return table.unpack(items, 1, count) end
    if items.n == 0 then error(count, 0) end
    raised = count -- after what came before it
    return table.unpack(items, 1, items.n)
  end
end


-- ---- rows ----

local Rows = {}
Rows.__index = Rows


-- Inboxes made of `readers`. With consume = 1 an inbox is a row, one item of each reader. With consume = n it is an array of n
-- rows: of every n * stride rows read, inbox j has rows j, j + stride, j + 2 * stride, …; the rows left at the end fill one
-- inbox after the other, unless they are siblings, what a produce = n upstream made of the last items: then those that were
-- made of one item stay together.
function M.rows(o)
  return setmetatable({
    readers = o.readers, consume = o.consume or 1, stride = o.stride or 1, siblings = o.siblings,
    row = {}, filled = 0,         -- the row under way
    block = {},                   -- complete rows that wait for their block
    made = {}, first = 1, last = 0, -- inboxes, first in, first out
    ended = false, busy = false,
  }, Rows)
end


-- the failed items of an inbox as one error, or nil
local function failure_of(inbox, consume)
  local found
  for _, slot in ipairs(inbox) do
    if type(slot) == "table" then
      if consume > 1 then
        for _, item in ipairs(slot) do
          if Error.is(item) then found = found or {}; found[#found + 1] = item end
        end
      elseif Error.is(slot) then
        found = found or {}
        found[#found + 1] = slot
      end
    end
  end
  return found and Error.join(found, #found)
end


local function end_all(self)
  self.ended = true
  for _, reader in ipairs(self.readers) do
    if reader.close then reader.close() end
  end
end


-- Read into the row what is there. True when the row is complete, or will never be: the inputs end with the first of them
-- that ends, and those after it are not asked.
local function fill(self)
  if self.busy then return false end
  local readers = self.readers
  while self.filled < #readers do
    self.busy = true
    local good, item, there = pcall(readers[self.filled + 1].try)
    self.busy = false
    if not good then error(item, 0) end
    if not there then return false end
    if item == nil then
      end_all(self)
      return true
    end
    self.filled = self.filled + 1
    self.row[self.filled] = item
  end
  return true
end


local function take_row(self)
  local row = self.row
  self.row, self.filled = {}, 0
  return row
end


local function add_inbox(self, inbox)
  self.last = self.last + 1
  self.made[self.last] = failure_of(inbox, self.consume) or inbox
end


-- inbox j gets rows j, j + width, …
local function spread(self, width)
  for j = 1, width do
    local inbox = {}
    for k = j, #self.block, width do inbox[#inbox + 1] = self.block[k] end
    add_inbox(self, inbox)
  end
  self.block = {}
end


local function spread_rest(self)
  local rest, n = #self.block, self.consume
  if self.siblings and rest % n == 0 then
    spread(self, rest // n)
    return
  end
  for j = 1, rest, n do add_inbox(self, table.move(self.block, j, math.min(j + n - 1, rest), 1, {})) end
  self.block = {}
end


-- Read rows until an inbox is made or the end is reached; false when more has to come first.
local function gather(self)
  while self.first > self.last and not self.ended do
    if not fill(self) then return false end
    if self.ended then
      spread_rest(self)
    else
      self.block[#self.block + 1] = take_row(self)
      if #self.block == self.consume * self.stride then spread(self, self.stride) end
    end
  end
  return true
end


-- The next inbox, a papy.Error for one with failed items, nil at the end; and whether it is there.
function Rows:try()
  if self.consume == 1 then -- the usual case, without a block
    if self.ended then return nil, true end
    if not fill(self) then return nil, false end
    if self.ended then return nil, true end
    local row = take_row(self)
    return failure_of(row, 1) or row, true
  end
  if not gather(self) then return nil, false end
  if self.first > self.last then return nil, true end
  local inbox = self.made[self.first]
  self.made[self.first] = nil
  self.first = self.first + 1
  return inbox, true
end


-- Nothing moves: raise what keeps the row under way from being complete, if it is known.
function Rows:stuck()
  local reader = self.readers[self.filled + 1]
  if reader and not self.ended then reader.stuck() end
  if self.busy then Error.raise("deadlock", "an input asks for what can only be had when the same input has answered") end
end


return M
