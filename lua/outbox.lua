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
  local at, stream

  function outlet.bind(to)
    stream = to
    at = to and to.root
  end

  -- from here on: for outlets made late
  function outlet.bind_now(to)
    stream = to
    at = to.read and to.tail or to.root
  end

  function outlet.ready()
    return stream ~= nil and (at.next ~= nil or stream.ended or stream:ready())
  end

  function outlet.step()
    if not (at.next or stream.ended) then stream:step() end
  end

  -- seconds until ready() may become true by the passing of time alone, or nil
  function outlet.due()
    return stream and stream:due()
  end

  function outlet.pull()
    if not stream then Error.raise("closed", "the piper is not started") end
    stream.read, stream.root = true, nil
    while true do
      local link = at.next
      if link then
        at = link
        return link.item
      end
      if stream.ended then
        on_end()
        return nil
      end
      stream:step()
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


function Linear:ready()
  return not self.busy and self.rows:ready()
end


function Linear:due()
  return self.rows:due()
end


local function compute(self)
  local item = self.rows:pull()
  if item == nil then
    finish(self)
    return
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
end


function Linear:step()
  if self.busy then
    Error.raise("deadlock", "piper '%s': its function waits for what only comes when it has returned", self.o.name)
  end
  if self.rows:ready() then compute(self) else self.rows:step() end
end


-- ---- a parallel piper: the results of one task, or of several in turn ----

local Pooled = setmetatable({}, {__index = Stream})
Pooled.__index = Pooled

-- every stream of a running pool, so that one that waits can make room by taking results of others
local running = setmetatable({}, {__mode = "k"})


-- The results of `tasks`, of one pool; a stride of each in turn. o has timeout, pools (what feeds this stream) and native (a
-- function: are the results read by the pools themselves?) besides.
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


-- Take the next result of task k; waits only when none is ready.
local function take(self, k)
  local late = is_late(self, k)
  local good, result = pcall(pool_core.next, self.pool, self.numbers[k])
  if not good and not inbox.is_item_error(result) then error(result, 0) end
  if result == nil then
    task_ended(self, k)
  elseif late then
    self.late[k] = self.late[k] - 1
  else
    arrive(self, k, result)
  end
end


local function due_task(self)
  return locate(self, self.taken + 1)
end


local function has_result(self)
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


function Pooled:ready()
  if has_result(self) then return true end
  local left = time_left(self)
  return left ~= nil and left <= 0
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


function Pooled:step()
  if has_result(self) then
    if not self.ended then take(self, due_task(self)) end
    return
  end
  local left = time_left(self)
  if left and left <= 0 then
    give_up(self)
  elseif pool_core.wait(left) == "idle" and not make_room(self) then
    take(self, due_task(self)) -- raises what keeps it from coming
  end
end


return M
