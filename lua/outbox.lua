-- outbox: the results of a piper, one after the other, for any number of readers.
--
-- A stream appends results to a list of links; every outlet stands somewhere on it and goes on by itself. Items before the
-- last outlet are garbage, so only as much is kept as the outlets are apart.
--
-- While papy waits, other pipelines and pools move on, and some of them may ask this very stream for its next result. So
-- nothing on the way to a result is held in a waiting function: there is one place that waits, and what was waited for is
-- looked up again after it.
local core = require "papy.core"
local Error = require "papy.error"
local inbox = require "papy.inbox"

local M = {}

local pool_core = core.pool
local now = core.sys.now

local Stream = {}


-- o: name, produce, repeats, stride, debug
local function new_stream(o, meta)
  local root = {}
  return setmetatable({
    o = o, tail = root,
    root = root,          -- where the first outlet begins
    taken = 0, failed = 0, -- results, before produce
    block = {},           -- results that wait for their stride
    ended = false, busy = false,
  }, meta)
end


-- ---- from results to items ----

local function append(self, item)
  local link = {item = item}
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
  return Error.new {kind = "piper", name = self.o.name, index = index,
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
  if Error.is(result) then
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


-- ---- outlets ----

-- A reader of the stream that will be bound to it when its piper starts. on_end is called when the end is read.
function M.outlet(on_end)
  local outlet = {}
  local at, stream, raised

  function outlet.bind(to)
    stream, raised = to, nil
    at = to and to.root
  end

  -- from here on: for outlets made late
  function outlet.bind_now(to)
    stream = to
    at = to.read and to.tail or to.root
  end

  -- seconds until something may be there by the passing of time alone, or nil
  function outlet.due()
    return stream and stream:due()
  end

  -- the next item and true; nil and true at the end; nil and false when it is not there yet
  function outlet.try()
    if not stream then Error.raise("closed", "the piper is not started") end
    -- another reader may have brought the stream on while it was tried in vain
    while at.next or stream.ended or stream:try() or at.next or stream.ended do
      local link = at.next
      if link then
        at = link
        stream.read, stream.root = true, nil
        return link.item, true
      end
      if stream.ended then
        on_end()
        return nil, true
      end
    end
    return nil, false
  end

  -- wait for one thing that may bring the next item nearer
  function outlet.wait()
    stream:wait()
  end

  -- Is there an item, or the end? What can be made without waiting is made for the answer. What is raised waits for the pull.
  function outlet.ready()
    if not stream then return false end
    while not (raised or at.next or stream.ended) do
      local good, moved = pcall(stream.try, stream)
      if not good then
        if Error.is_interrupt(moved) then error(moved, 0) end
        raised = moved
      elseif not moved then
        return false
      end
    end
    return true
  end

  -- the next item; may wait
  function outlet.pull()
    if raised then
      local why = raised
      raised = nil
      error(why, 0)
    end
    while true do
      local item, there = outlet.try()
      if there then return item end
      stream:wait()
    end
  end

  return outlet
end


-- ---- a linear piper: computed here, when somebody asks ----

local Linear = setmetatable({}, {__index = Stream})
Linear.__index = Linear


-- Results of run(inbox) for every inbox of rows. tracked: a table for the results by number, or nil.
function M.linear(rows, run, o, tracked)
  local self = new_stream(o, Linear)
  self.rows, self.run, self.tracked = rows, run, tracked
  return self
end


function Linear:due()
  return self.rows:due()
end


-- Make one result, or reach the end, if that needs no waiting; false if it does.
function Linear:try()
  if self.busy then return false end
  local item, there = self.rows:try()
  if not there then return false end
  if item == nil then
    finish(self)
    return true
  end
  if not Error.is(item) then
    self.busy = true
    local good, result = pcall(self.run, item)
    self.busy = false
    if not good then error(result, 0) end -- Ctrl-C
    item = result
  end
  if self.tracked then self.tracked[self.taken + 1] = item end
  add_result(self, item)
  return true
end


function Linear:wait()
  if self.busy then
    Error.raise("deadlock", "piper '%s': its function waits for what only comes when it has returned", self.o.name)
  end
  self.rows:wait()
end


-- ---- a parallel piper: the results of one task, or of several in turn ----

local Pooled = setmetatable({}, {__index = Stream})
Pooled.__index = Pooled

-- every stream of a running pool, so that one that waits can make room by taking results of others
local running = setmetatable({}, {__mode = "k"})


-- The results of `tasks`, of one pool; a stride of each in turn. o has besides: timeout, pools (what feeds this stream, a set),
-- native() (are the results read by the pools themselves?) and begin() (starts the pool).
function M.pooled(pool, tasks, o)
  local self = new_stream(o, Pooled)
  self.pool, self.tasks = pool, tasks
  self.numbers, self.came, self.late = {}, {}, {} -- per task: its number, results so far, results abandoned but still to come
  for k, task in ipairs(tasks) do
    self.numbers[k], self.came[k], self.late[k] = pool_core.fields(task).number, 0, 0
  end
  self.waiting = {}       -- results by place that wait for earlier ones
  self.total = math.huge  -- how many there are, when known
  running[self] = true
  return self
end


-- which task has the result of this place, and the how many-th of the task it is
local function locate(self, place)
  local stride, n = self.o.stride, #self.tasks
  if n == 1 then return 1, place end
  local i = place - 1
  return i // stride % n + 1, i // (stride * n) * stride + i % stride + 1
end


local function place_of(self, k, nth)
  local stride, n = self.o.stride, #self.tasks
  if n == 1 then return nth end
  local i = nth - 1
  return i // stride * stride * n + (k - 1) * stride + i % stride + 1
end


-- put a result of task k in its place; then all that are due
local function arrive(self, k, result)
  self.came[k] = self.came[k] + 1
  self.waiting[place_of(self, k, self.came[k])] = result
  self.since = nil
  while true do
    local due = self.waiting[self.taken + 1]
    if due == nil then return end
    self.waiting[self.taken + 1] = nil
    add_result(self, due)
  end
end


local function task_ended(self, k)
  self.total = math.min(self.total, place_of(self, k, self.came[k] + 1) - 1)
  if self.taken >= self.total and not self.ended then finish(self) end
end


-- Results that come after their place was given to a timeout. Of an unordered pool nobody can say which they are: those that
-- are too many.
local function is_late(self, k)
  if self.late[k] == 0 then return false end
  return self.pool.ordered or self.came[k] >= pool_core.stats(self.pool, self.numbers[k]).submitted
end


-- Take the next result of task k, which is ready, or with `wait` wait for it. While the pool is fed on the way, other readers of
-- this stream may get their turn and take it first: then there is nothing to do. (A pool that skips would skip if it was asked
-- not to wait.)
local function take(self, k, wait)
  local late, came = is_late(self, k), self.came[k]
  local block = wait or self.pool.skip
  local good, result = pcall(pool_core.next, self.pool, self.numbers[k], nil, block)
  if not good and not inbox.is_item_error(result) then
    local others_took = self.came[k] > came and Error.is(result)
    if others_took or (not block and Error.is(result) and result.kind == "timeout") then return end
    error(result, 0)
  end
  if result == nil then
    task_ended(self, k)
  elseif late then
    self.late[k] = self.late[k] - 1
  else
    arrive(self, k, result)
  end
end


local function due_task(self)
  local k = locate(self, self.taken + 1)
  return k
end


-- A pool that waits to be started is, now that a result is asked for.
local function begin(self)
  if not self.pool.started and #self.pool.tasks >= self.numbers[#self.numbers] then self.o.begin() end
end


local function has_result(self)
  begin(self)
  local k = due_task(self)
  while self.late[k] > 0 and pool_core.ready(self.pool, self.numbers[k]) and is_late(self, k) do take(self, k) end
  return self.ended or pool_core.ready(self.pool, self.numbers[due_task(self)])
end


-- Seconds left for the item that is due, nil when there is no limit. Time runs from when somebody asks for an item that has
-- been submitted, so that a slow input is not taken for a slow function.
local function time_left(self)
  if not self.o.timeout then return nil end
  if not self.since then
    local k, nth = locate(self, self.taken + 1)
    if not self.pool.started or pool_core.stats(self.pool, self.numbers[k]).submitted < nth then return nil end
    self.since = now()
  end
  return self.since + self.o.timeout - now()
end


function Pooled:due()
  local left = time_left(self)
  return left and math.max(0, left)
end


-- The time of the item that is due is up: an error takes its place, and its result is thrown away when it comes.
local function give_up(self)
  local k = due_task(self)
  if self.pool.skip then
    local good, result = pcall(pool_core.next, self.pool, self.numbers[k], 0)
    if good or inbox.is_item_error(result) then return arrive(self, k, result) end
    if not (Error.is(result) and result.kind == "timeout") then error(result, 0) end
  else
    self.late[k] = self.late[k] + 1
  end
  arrive(self, k, Error.new {kind = "timeout", name = self.o.name, task = self.numbers[k], index = self.came[k] + 1,
    message = ("no result of piper '%s' within %s seconds"):format(self.o.name, self.o.timeout)})
end


-- Nothing moves any more because buffers are full of results that nobody takes: take one of those, into the list of its own
-- stream. False when there is none.
local function make_room(self)
  for other in pairs(running) do
    if other ~= self and not other.ended and other.pool.started and self.o.pools[other.pool] and not other.o.native()
      and pool_core.ready(other.pool, other.numbers[due_task(other)]) then
      take(other, due_task(other))
      return true
    end
  end
  return false
end


-- Take one result, or give up waiting for it, or reach the end; false when that needs waiting.
function Pooled:try()
  if has_result(self) then
    if not self.ended then take(self, due_task(self)) end
    return true
  end
  local left = time_left(self)
  if not left or left > 0 then return false end
  give_up(self)
  return true
end


function Pooled:wait()
  if pool_core.wait(self:due()) ~= "idle" or has_result(self) or make_room(self) then return end
  take(self, due_task(self), true) -- raises what keeps it from coming
end


return M
