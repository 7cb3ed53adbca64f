-- plan: how connected pipers come to life. A linear one becomes a stream (see outbox) over the rows of its inputs (see inbox), a
-- parallel one a task in its pool, or `spawn` of them.
--
-- All this waits for the start of the first piper, because only then is it known who reads whom:
-- - results of a task that another task reads as they are go to it by reference and are never decoded here;
-- - neighbours on one pool, one item in and one out, between which nobody looks, are fused: one task computes them all.
local inbox = require "papy.inbox"
local numap = require "papy.numap"
local outbox = require "papy.outbox"
local worker = require "papy.worker"
local zip = require "papy.zip"
local Error = require "papy.error"

local M = {}

local PARTS_MOST = 64 -- of a zip that a pool reads by itself
local STEPS_MOST = 255 -- functions of one task whose failures are told apart

-- the connected pipers of each pool, in the order of connecting
local users = setmetatable({}, {__mode = "k"})


function M.refuse(self, message, ...)
  Error.raise("piper", "piper '%s' " .. message, self.name, ...)
end


local refuse = M.refuse


-- The connected pipers of a pool.
function M.users(pool)
  users[pool] = users[pool] or {}
  return users[pool]
end


-- ---- who is fused with whom ----

local function is_simple(self)
  return self.parallel and self.fuse and self.consume == 1 and self.produce == 1 and self.spawn == 1 and not self.timeout
end


-- May a and its only reader be computed by one task?
local function fuses(a, b)
  return is_simple(a) and is_simple(b) and a.parallel == b.parallel and a.debug == b.debug and not a.track
    and #a.outlets == 1 and a.outlets[1].reader == b and #b.inputs == 1
end


-- The pipers that are fused with this one, first to last. A row of too many functions is cut, counted from its first piper.
local function chain_of(self)
  local piper, chain, steps, found = self, {}, 0, false
  while piper.inputs[1].piper and fuses(piper.inputs[1].piper, piper) do piper = piper.inputs[1].piper end
  while true do
    steps = steps + #piper.worker.functions
    if steps > STEPS_MOST and #chain > 0 then
      if found then return chain end
      chain, steps = {}, #piper.worker.functions
    end
    chain[#chain + 1], found = piper, found or piper == self
    local reader = #piper.outlets == 1 and piper.outlets[1].reader
    if not reader or not fuses(piper, reader) then return chain end
    piper = reader
  end
end


-- The functions of all of them, as numap.add_chain wants them; notes for each piper with which step it ends.
local function compose(chain)
  local whole = {f = {}, args = {}, argn = {}, name = {pipers = {}}, has_args = false}
  for _, piper in ipairs(chain) do
    local w = piper.worker
    for i, f in ipairs(w.functions) do
      local at = #whole.f + 1
      whole.f[at], whole.args[at], whole.argn[at], whole.name[at] = f, w.args[i], w.argn[i], w.names[i]
      whole.name.pipers[at] = piper.name
      whole.has_args = whole.has_args or w.argn[i] > 0
    end
    piper.step = #whole.f
  end
  return whole
end


-- ---- what feeds a piper ----

-- What the items of its inputs were made of, if they come in groups: {n =, stride =}, or false. known: answers so far, since
-- stacked diamonds have a great many ways through them.
local function groups_of_inputs(self, known)
  local common
  for _, input in ipairs(self.inputs) do
    local piper = input.piper
    if not piper then return false end
    if known[piper] == nil then
      if piper.produce > 1 then
        known[piper] = {n = piper.produce, stride = piper.parallel and piper.parallel.stride or 1}
      else
        known[piper] = piper.consume == 1 and groups_of_inputs(piper, known)
      end
    end
    local group = known[piper]
    if not group or (common and (common.n ~= group.n or common.stride ~= group.stride)) then return false end
    common = group
  end
  return common
end


-- Every pool a result passes on its way to this piper, as an array and a set in one.
local function pools_of(self, set, seen)
  set, seen = set or {}, seen or {}
  if seen[self] then return set end
  seen[self] = true
  for _, input in ipairs(self.inputs) do
    if input.piper then pools_of(input.piper, set, seen) end
  end
  if self.parallel and not set[self.parallel] then
    set[self.parallel] = true
    set[#set + 1] = self.parallel
  end
  return set
end


-- What a piper reads. An array is read from its beginning in every run.
local function readers_of(self)
  local readers = {}
  for i, input in ipairs(self.inputs) do
    local array = input.reader and input.reader.array
    readers[i] = input.piper and input.outlet.source or array and inbox.reader(array) or input.reader
  end
  return readers
end


-- The reader whose items go to a piper, and whether each of it has to be put in a box to be an inbox.
local function source_of(self, readers, stride)
  if #readers == 1 and self.consume == 1 then return readers[1], true end
  local group = groups_of_inputs(self, {})
  return inbox.inboxes(readers, {consume = self.consume, stride = stride,
    siblings = group and group.n == self.consume and group.stride == stride}), false
end


-- The tasks whose results are just what this piper reads, one per input, as an input of a task; or nil.
local function whole_tasks(self, readers)
  if self.consume > 1 or self.spawn > 1 or #readers > PARTS_MOST then return nil end
  local tasks = {}
  for i, reader in ipairs(readers) do
    if not reader.task then return nil end
    tasks[i] = reader.task
  end
  return #tasks == 1 and tasks[1] or zip.zip(table.unpack(tasks))
end


-- The inputs of the spawned tasks: place i belongs to task (i - 1) // stride % n + 1, whoever asks first.
local function share_out(try, n, stride)
  local queues, read, inputs, over, busy = {}, 0, {}, false, false
  for k = 1, n do queues[k] = {first = 1, last = 0} end
  local function read_one()
    if busy then return false end -- another of the tasks asks just now
    busy = true
    local good, item, there = pcall(try)
    busy = false
    if not good then error(item, 0) end
    if item ~= nil then
      local queue = queues[read // stride % n + 1]
      read, queue.last = read + 1, queue.last + 1
      queue[queue.last] = item
    end
    over = over or (there and item == nil)
    return item ~= nil
  end
  for k, queue in ipairs(queues) do
    inputs[k] = inbox.feed(function()
      while queue.first > queue.last and not over and read_one() do end
      if queue.first > queue.last then return nil, over end
      local item = queue[queue.first]
      queue[queue.first] = nil
      queue.first = queue.first + 1
      return item, true
    end)
  end
  return inputs
end


-- The inputs of the tasks of a piper, and whether their items want a box.
local function make_inputs(self)
  local readers = readers_of(self)
  local tasks = whole_tasks(self, readers)
  if tasks then return {tasks}, #readers == 1 end
  local source, boxed = source_of(self, readers, self.parallel.stride)
  if source.array and self.spawn == 1 then return {source.array}, boxed end
  if self.spawn > 1 then return share_out(source.try, self.spawn, self.parallel.stride), boxed end
  return {inbox.feed(source.try)}, boxed
end


local function is_pure(self)
  for _, input in ipairs(self.inputs) do
    if input.piper or not input.reader.pure then return false end
  end
  return true
end


-- ---- tasks and streams ----

-- what the outlets of a piper read
local function plan_parallel(chain)
  local first, self = chain[1], chain[#chain]
  local pool = self.parallel
  if pool.started then refuse(self, "cannot start: its pool '%s' was started without it", pool.name) end
  local direct = self.spawn == 1 and self.produce == 1 and not self.timeout and not self.debug
  local inputs, boxed = make_inputs(first)
  local pools, tasks, tracked = pools_of(self), {}, self.track and {} or nil
  for k, input in ipairs(inputs) do
    local definition = compose(chain)
    definition.boxed, definition.readers = boxed, direct and math.max(1, #self.outlets) or 1
    definition.tracked = self.track and {} or nil
    if type(input) == "function" then definition.pure = is_pure(first) end
    local number, id = numap.add_chain(pool, definition, input)
    tasks[k] = outbox.view(pool, number, id, 0, pools)
    if tracked then tracked[k] = definition.tracked end
  end
  for _, piper in ipairs(chain) do piper.tasks = tasks end
  self.tracked = tracked
  if direct then return outbox.direct(tasks[1], math.max(1, #self.outlets)) end
  return outbox.pooled(tasks, {name = self.name, produce = self.produce, repeats = self.repeats, stride = pool.stride,
    debug = self.debug, timeout = self.timeout})
end


local function plan_linear(self)
  self.tracked = self.track and {{}} or nil
  local source, boxed = source_of(self, readers_of(self), 1)
  return outbox.linear(source, boxed, worker.runner(self.worker, self.name),
    {name = self.name, produce = self.produce, repeats = self.repeats, stride = 1, debug = self.debug},
    self.tracked and self.tracked[1])
end


-- Make the stream of this piper, after those of its upstreams, and with it the tasks in its pool. planned: a list of all pipers
-- this was done for.
local function plan(self, planned)
  if self.stream then return end
  if not self.connected then refuse(self, "is not connected") end
  local chain = self.parallel and chain_of(self) or {self}
  for _, input in ipairs(chain[1].inputs) do
    if input.piper then plan(input.piper, planned) end
  end
  if self.stream then return end
  local last = chain[#chain]
  last.stream = self.parallel and plan_parallel(chain) or plan_linear(self)
  last.pools = pools_of(last)
  for _, piper in ipairs(chain) do
    piper.stream, piper.inner = last.stream, piper ~= last
    planned[#planned + 1] = piper
  end
  for _, outlet in ipairs(last.outlets) do outlet:bind(last.stream:reader(), last.pools) end
end


-- Forget stream and tasks; a pool that stops has forgotten the tasks itself.
function M.forget(self)
  self.stream, self.tasks, self.inner = nil, nil, false
  for _, outlet in ipairs(self.outlets) do outlet:bind(nil) end
end


-- ---- starting ----

-- The pools to be started with a pool, in the order of starting: those that feed it come first. Where pools feed each other that
-- cannot be; then one waits for the other's results.
local function add_pools(pool, list)
  if pool.started or list[pool] then return list end
  list[pool] = true
  for _, user in ipairs(M.users(pool)) do
    for _, upstream in ipairs(pools_of(user)) do add_pools(upstream, list) end
  end
  list[#list + 1] = pool
  return list
end


local function take_back(planned, started)
  for _, pool in ipairs(started) do pool:stop {force = true} end
  for i = #planned, 1, -1 do
    local self = planned[i]
    local waits = self.tasks and not self.inner and #self.parallel.tasks >= #self.tasks and not self.parallel.started
    if waits then self.parallel:pop_task(#self.tasks) end
  end
  for _, self in ipairs(planned) do M.forget(self) end
end


-- Give a piper its stream, and start its pool with the tasks of all pipers of the pool, and the pools that feed it; or raise, and
-- leave all as it was.
function M.start(self)
  local planned, started = {}, {}
  local good, why = pcall(function()
    local pools = {}
    for _, pool in ipairs(pools_of(self)) do add_pools(pool, pools) end
    for _, pool in ipairs(pools) do
      for _, user in ipairs(M.users(pool)) do plan(user, planned) end
    end
    plan(self, planned)
    for _, pool in ipairs(pools) do
      started[#started + 1] = pool -- before it is: its first pulls may be interrupted
      pool:start()
    end
  end)
  if not good then
    take_back(planned, started)
    error(why, 0)
  end
end


return M
