-- outbox: the results of a piper, one after the other, for any number of readers.
--
-- The results of a parallel piper that come as its task gives them are read from the pool, which keeps them for readers that
-- are apart. All others are those of a stream: it appends them to a list of links, on which every reader stands somewhere and
-- goes on by itself. What the last reader has passed is garbage, so only as much is kept as the readers are apart.
--
-- A reader, as of inbox.lua, never waits. While papy waits, other pipelines and pools move on, and some of them may ask this
-- very stream for its next result. So there is one place that waits (pull), at the end of a pipeline, and nothing on the way to a
-- result is held in a waiting function: what was waited for is looked up again after it.
local core = require "papy.core"
local Error = require "papy.error"
local inbox = require "papy.inbox"

local M = {}

local pool_core = core.pool
local now = core.sys.now
local wait, give_way = pool_core.wait, pool_core.give_way
local type, pcall = type, pcall

local Stream = {}


-- a class with the methods of another one
local function derive(class)
  local derived = {}
  for name, method in pairs(class) do derived[name] = method end
  derived.__index = derived
  return derived
end


-- o: name, produce, repeats, stride, debug
local function new_stream(o, meta)
  local root = {next = false}
  return setmetatable({
    o = o, tail = root,
    root = root,          -- where the first reader begins
    taken = 0, failed = 0, -- results, before produce
    block = {},           -- results that wait for their stride
    ended = false, busy = false,
  }, meta)
end


-- ---- from results to items ----

local function append(self, item)
  local link = {item = item, next = false} -- made at once with room for both
  self.tail.next = link
  self.tail = link
end


local function length_words(result)
  if type(result) ~= "table" then return "is " .. Error.render(result) end
  return ("has %d elements: %s"):format(#result, Error.render(result))
end


-- the element of a produced result, or its placeholder
local function check_length(self, result, index)
  if Error.is(result) or self.o.repeats then return result end
  local n, good = self.o.produce, type(result) == "table"
  for i = 1, good and n or 0 do good = good and result[i] ~= nil end
  if good and result[n + 1] == nil then return result end
  self.failed = self.failed + 1
  return Error.new {kind = "piper", name = self.o.name, piper = self.o.name, index = index,
    message = ("piper '%s' has produce = %d, but its result %s"):format(self.o.name, n, length_words(result))}
end


-- Of a stride of results come all first elements, then all second ones, …; a failed result stands in each of its places.
local function unroll(self)
  local results = self.block
  self.block = {}
  for i = 1, #results > 0 and self.o.produce or 0 do
    for _, result in ipairs(results) do
      append(self, (self.o.repeats or Error.is(result)) and result or result[i])
    end
  end
end


-- Errors of a piper in debug mode are marked, so that whoever takes them at the end of the pipeline raises them.
local function add_result(self, result)
  self.taken = self.taken + 1
  if type(result) == "table" and Error.is(result) then
    self.failed = self.failed + 1
    result.index = result.index or self.taken
    if self.o.debug then result.debug = true end
  end
  if self.o.produce == 1 then
    append(self, result)
    return
  end
  result = check_length(self, result, self.taken)
  if self.o.debug and Error.is(result) then result.debug = true end
  self.block[#self.block + 1] = result
  if #self.block == self.o.stride then unroll(self) end
end


local function finish(self)
  unroll(self)
  self.ended = true
end


-- Bring the stream on by one result, or to its end, if it can be done without waiting. While it is under way, others may ask for
-- the same: they have to come again.
function Stream:try()
  if self.busy then return false end
  self.busy = true
  local good, moved = pcall(self.step, self)
  self.busy = false
  if not good then error(moved, 0) end -- of a pool, or Ctrl-C
  return moved
end


-- A reader of the stream: from its beginning, or (late) of what nobody has read yet.
function Stream:reader(late)
  local stream, at = self, late and self.read and self.tail or self.root
  local reader = {}

  function reader.try()
    -- another reader may have brought the stream on while it was tried in vain
    while at.next or stream.ended or stream:try() or at.next or stream.ended do
      local link = at.next
      if link then
        at = link
        stream.read, stream.root = true, nil
        return link.item, true
      end
      if stream.ended then return nil, true end
    end
    return nil, false
  end

  -- Is there an item, or the end? What can be made without waiting is made for the answer. A pull raises what this meets.
  function reader.ready()
    while not (at.next or stream.ended) do
      local good, moved = pcall(stream.try, stream)
      if not good and Error.is_interrupt(moved) then error(moved, 0) end
      if not good then return true end
      if not moved then return false end
    end
    return true
  end

  -- Keep nothing for this reader; it gives the end from now on.
  function reader.close()
    stream.read, stream.root = true, nil
    stream, at = {ended = true, stuck = function() end}, {}
  end

  function reader.stuck() stream:stuck() end

  return reader
end


-- ---- a parallel piper whose results are just those of its task ----

-- A view of a task for one reader. pools: see M.pull.
function M.view(pool, number, id, reader, pools)
  local task = pool_core.task(pool, number, id, nil, nil, reader)
  local fields = pool_core.fields(task)
  fields.pool, fields.number, fields.id, fields.pools = pool, number, id, pools
  return task
end


local Direct = {}
Direct.__index = Direct


-- task: a view; planned: for how many readers.
function M.direct(task, planned)
  return setmetatable({task = task, planned = planned, given = 0}, Direct)
end


-- A reader: one of those that were planned, or one more, of what nobody has read yet.
function Direct:reader()
  local number = self.given
  if number < self.planned then self.given = number + 1 else number = pool_core.reader(self.task) end
  local fields = pool_core.fields(self.task)
  local task = M.view(fields.pool, fields.number, fields.id, number, fields.pools)
  local reader = inbox.task_reader(task)
  reader.pull = task -- waits by itself
  function reader.ready()
    local good, yes = pcall(pool_core.ready, task)
    return not good or yes
  end
  function reader.close() pool_core.unread(task) end
  return reader
end


-- ---- outlets ----

local Outlet = {}
Outlet.__index = Outlet


-- Where a piper is read: by another one, or (nil) at the end of a pipeline. on_end: called when the end has been read there.
function M.outlet(reader, on_end)
  return setmetatable({reader = reader, on_end = on_end}, Outlet)
end


-- Read from that source from now on; from none: the piper is not started. pools: see M.pull.
function Outlet:bind(source, pools)
  self.source, self.pools = source, pools
end


-- Read no more.
function Outlet:close()
  if self.source then self.source.close() end
  self.source = nil
end


-- A function that does what pull does, but leaves telling of the end to that.
function Outlet:puller()
  local source, pools = self.source, self.pools
  return source.pull or function() return M.pull(source, pools) end
end


-- The next item; nil at the end; may wait.
function Outlet:pull()
  local source = self.source
  if not source then Error.raise("closed", "the piper is not started") end
  local item
  if source.pull then item = source.pull() else item = M.pull(source, self.pools) end
  if item == nil then self.on_end() end
  return item
end


-- Would a pull return at once?
function Outlet:ready()
  return self.source ~= nil and self.source.ready()
end


-- Nothing is ready and nothing moves: see M.unblock.
function Outlet:unblock()
  return M.unblock(self.source, self.pools)
end


-- ---- waiting ----

-- The reader's next item; may wait. pools: those it draws on, which have to give way when nothing moves.
function M.pull(reader, pools)
  while true do
    local item, there = reader.try()
    if there then return item end
    if wait() == "idle" and not M.unblock(reader, pools) then
      Error.raise("deadlock", "nothing moves any more, though not everything has ended")
    end
  end
end


-- Nothing moves: let the pools give way, or raise what keeps the reader's next item from coming. False if neither can be.
function M.unblock(reader, pools)
  local before = pool_core.taken()
  if give_way(pools) or reader.ready() or pool_core.taken() ~= before then return true end
  reader.stuck()
  return reader.ready() or not pool_core.idle()
end


-- ---- a linear piper: computed here, when somebody asks ----

local Linear = derive(Stream)


-- Results of run(inbox) for every inbox that `source` gives. With `boxed` it gives items instead, each of which is an inbox's
-- only one. tracked: a table for the results by number, or nil.
function M.linear(source, boxed, run, o, tracked)
  local self = new_stream(o, Linear)
  self.source, self.boxed, self.run, self.tracked = source, boxed, run, tracked
  return self
end


-- Make one result, or reach the end, if what it is made of is there.
function Linear:step()
  local item, there = self.source.try()
  if not there then return false end
  if item == nil then
    finish(self)
    return true
  end
  if type(item) ~= "table" or not Error.is(item) then item = self.run(self.boxed and {item} or item) end
  if self.tracked then self.tracked[self.taken + 1] = item end
  add_result(self, item)
  return true
end


function Linear:stuck()
  if self.busy then
    Error.raise("deadlock", "piper '%s': its function waits for what only comes when it has returned", self.o.name)
  end
  self.source.stuck()
end


-- ---- a parallel piper: the results of one task, or of several in turn ----

local Pooled = derive(Stream)


-- The results of `tasks` (views that give), of one pool; a stride of each in turn. o has besides: timeout.
function M.pooled(tasks, o)
  local self = new_stream(o, Pooled)
  self.tasks, self.tries = tasks, {}
  for _, task in ipairs(tasks) do self.tries[task] = pool_core.tryer(task) end
  return self
end


-- The task that has the next result, and the how many-th of the task it is.
local function locate(self)
  local stride, n, i = self.o.stride, #self.tasks, self.taken
  if n == 1 then return self.tasks[1], i + 1 end
  return self.tasks[i // stride % n + 1], i // (stride * n) * stride + i % stride + 1
end


-- Is the time of the next result up? It runs from when somebody asks for an item that has been submitted, so that a slow input
-- is not taken for a slow function.
local function is_late(self, task, nth)
  if not self.since then
    if pool_core.submitted(task) < nth then return false end
    self.since = now()
  end
  local left = self.since + self.o.timeout - now()
  if left > 0 then pool_core.alarm(left) end
  return left <= 0 and pool_core.skip(task)
end


-- Take one result, or give up waiting for it, or reach the end. False when there is nothing to be taken yet.
function Pooled:step()
  local task, nth = locate(self)
  local result, there = self.tries[task]()
  if not there then
    if not (self.o.timeout and is_late(self, task, nth)) then return false end
    result = Error.new {kind = "timeout", name = self.o.name, piper = self.o.name, index = nth,
      message = ("no result of piper '%s' within %s seconds"):format(self.o.name, self.o.timeout)}
  end
  self.since = nil
  if result == nil then finish(self) else add_result(self, result) end
  return true
end


function Pooled:stuck()
  pool_core.stuck((locate(self)))
end


return M
