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
local type, unpack = type, table.unpack
local pool_meta, task_meta = pool_core.metatables()
local tryer, stuck_task = pool_core.tryer, pool_core.stuck


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


-- A reader that asks for each item: ask() gives what try() gives. An input that raises gives one error in the place of the
-- missing item, which is also `raised`, and has ended; a failed item that it hands on from a task does not end it. While it
-- answers, whoever else asks has to come again.
local function asking_reader(ask, pure, stuck)
  local taken, ended, busy = 0, false, false
  local self = {pure = pure}

  function self.stuck()
    if busy then Error.raise("deadlock", "an input asks for what can only be had when the same input has answered") end
    if stuck then stuck() end
  end

  function self.try()
    if ended then return nil, true end
    if busy then return nil, false end
    busy = true
    local good, item, there = xpcall(ask, caught)
    busy = false
    if good then
      if not there then return nil, false end
      taken, ended = taken + 1, item == nil
      return item, true
    end
    if Error.is_interrupt(item) then error(item, 0) end
    ended = not Error.passes(item)
    local err = Error.of_input(item, "input", nil, taken + 1)
    err.index = err.index or taken + 1
    if ended then self.raised = err end
    return err, true
  end

  return self
end


local function call_reader(call, pure)
  return asking_reader(function() return call(), true end, pure)
end


-- An object that says itself what is there: x:try(). While it has nothing, it is asked again after x.wait seconds, if it has
-- that.
local function try_reader(x, pure)
  return asking_reader(function()
    local item, there = x:try()
    if not there and x.wait then pool_core.alarm(x.wait, true) end
    return item, there
  end, pure, x.stuck and function() x:stuck() end)
end


-- The results of a task, of a user or of a piper.
function M.task_reader(task)
  return {task = task, try = tryer(task), stuck = function() stuck_task(task) end}
end


local function is_callable(x)
  local meta = debug.getmetatable(x)
  return type(x) == "function" or (type(meta) == "table" and meta.__call ~= nil)
end


local function has_method(x, name)
  local ok, f = pcall(function() return x[name] end)
  return ok and is_callable(f)
end


local function zip_reader(x)
  local readers = {}
  for i, part in ipairs(zip.parts(x)) do readers[i] = M.reader(part) end
  return M.inboxes(readers, {consume = 1})
end


-- A reader of an array, an iterator function, an object with try, __call or next, a task, a pool or a zip; nil for anything
-- else.
function M.reader(x)
  local meta = debug.getmetatable(x)
  if type(x) == "userdata" and meta == task_meta then return M.task_reader(x) end
  if type(x) == "userdata" and meta == pool_meta then return M.task_reader(x:get_task(1)) end
  if zip.is(x) then return zip_reader(x) end
  local pure = type(meta) == "table" and meta.__pure == true
  if type(x) == "table" and has_method(x, "try") then return try_reader(x, pure or x.pure == true) end
  if is_callable(x) then return call_reader(function() return x() end, pure) end
  if type(x) ~= "table" and type(x) ~= "userdata" then return nil end
  if has_method(x, "next") then return call_reader(function() return x:next() end) end
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
    if good then return unpack(items, 1, count) end
    if items.n == 0 then error(count, 0) end
    raised = count -- after what came before it
    return unpack(items, 1, items.n)
  end
end


-- ---- rows and inboxes ----

-- the failed ones of n items as one error; or nil
local function failure_of(items, n, found)
  for i = 1, n do
    local item = items[i]
    if type(item) == "table" and Error.is(item) then
      found = found or {}
      found[#found + 1] = item
    end
  end
  return found
end


-- Rows, one item of each reader: a reader itself, for one who does not ask it while it is being answered. The inputs end with the
-- first of them that ends, and those after it are not asked.
local function row_reader(readers)
  local n, row, filled, ended = #readers, {}, 0, false
  local self = {}

  local function finish()
    ended = true
    for _, reader in ipairs(readers) do
      if reader.close then reader.close() end
    end
  end

  function self.try()
    while not ended and filled < n do
      local item, there = readers[filled + 1].try()
      if not there then return nil, false end
      if item == nil then
        finish()
      else
        filled = filled + 1
        row[filled] = item
      end
    end
    if ended then return nil, true end
    filled = 0
    return {unpack(row, 1, n)}, true -- made at once with room for all
  end

  function self.stuck()
    local reader = readers[filled + 1]
    if reader and not ended then reader.stuck() end
  end

  return self
end


-- Inboxes that are rows; an error stands for one with failed items.
local function single(rows, n)
  return {stuck = rows.stuck, try = function()
    local row, there = rows.try()
    local failed = row and failure_of(row, n)
    if failed then return Error.join(failed, #failed), true end
    return row, there
  end}
end


-- Inboxes that are arrays of several rows.
local function several(rows, width, o)
  local n, stride = o.consume, o.stride
  local block, made, first, last, ended = {}, {}, 1, 0, false

  local function add(inbox)
    local failed
    for _, row in ipairs(inbox) do failed = failure_of(row, width, failed) end
    last = last + 1
    made[last] = failed and Error.join(failed, #failed) or inbox
  end

  -- inbox j gets rows j, j + across, …
  local function spread(across)
    for j = 1, across do
      local inbox = {}
      for k = j, #block, across do inbox[#inbox + 1] = block[k] end
      add(inbox)
    end
    block = {}
  end

  local function spread_rest()
    local rest = #block
    if o.siblings and rest % n == 0 then return spread(rest // n) end
    for j = 1, rest, n do add(table.move(block, j, math.min(j + n - 1, rest), 1, {})) end
    block = {}
  end

  -- read rows until an inbox is made or the end is reached; false when more has to come first
  local function gather()
    while first > last and not ended do
      local row, there = rows.try()
      if not there then return false end
      if row == nil then
        ended = true
        spread_rest()
      else
        block[#block + 1] = row
        if #block == n * stride then spread(stride) end
      end
    end
    return true
  end

  return {stuck = rows.stuck, try = function()
    if not gather() then return nil, false end
    local inbox = made[first]
    if inbox == nil then return nil, true end
    made[first] = nil
    first = first + 1
    return inbox, true
  end}
end


-- A reader of the inboxes made of `readers`; as of rows, only one may ask, and not while it is being answered. With
-- o.consume = 1 an inbox is a row, one item of each reader. With consume = n it is an array of n rows: of every n * stride rows
-- read, inbox j has rows j, j + stride, j + 2 * stride, …; the rows left at the end fill one inbox after the other, unless they
-- are siblings, what a produce = n upstream made of the last items: then those that were made of one item stay together. An
-- error stands for an inbox with failed items.
function M.inboxes(readers, o)
  local rows = row_reader(readers)
  if o.consume == 1 then return single(rows, #readers) end
  return several(rows, #readers, o)
end


return M
