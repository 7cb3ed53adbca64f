-- plan: how connected pipers come to life. Each becomes a stream (see outbox) over the rows of its inputs (see inbox); a parallel
-- one becomes tasks in its pool besides.
--
-- All this waits for the start of the first piper of a pool, because only then is it known who reads whom: a task that one
-- other task reads whole is handed to it as it is, so that its results go by reference and are never decoded here.
local core = require "papy.core"
local inbox = require "papy.inbox"
local outbox = require "papy.outbox"
local worker = require "papy.worker"
local zip = require "papy.zip"
local Error = require "papy.error"

local M = {}

local pool_core = core.pool

local PARTS_MOST = 64 -- of a zip that a pool reads by itself

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


-- Every pool a result passes on its way to this piper, as a set.
local function pools_of(self, set, seen)
  set, seen = set or {}, seen or {}
  if seen[self] then return set end
  seen[self] = true
  if self.parallel then set[self.parallel] = true end
  for _, input in ipairs(self.inputs) do
    if input.piper then pools_of(input.piper, set, seen) end
  end
  return set
end


local function make_rows(self, stride)
  local readers = {}
  for i, input in ipairs(self.inputs) do readers[i] = input.reader end
  local group = groups_of_inputs(self, {})
  return inbox.rows {readers = readers, consume = self.consume, stride = stride,
    siblings = group and group.n == self.consume and group.stride == stride}
end


-- A pool that rests after an earlier run has ended for those tasks that read it whole. It is met when pools feed each other, so
-- that one of them has to be planned first.
local function has_ended(task)
  return pool_core.state(pool_core.pool_of(task)) == "stopped"
end


-- The tasks whose results are just what this piper reads, one per input, or nil.
local function whole_tasks(self)
  if self.consume > 1 or self.spawn > 1 or #self.inputs > PARTS_MOST then return nil end
  local tasks = {}
  for i, input in ipairs(self.inputs) do
    local task = input.reader.task
    if not task or (task.pool ~= self.parallel and has_ended(task)) then return nil end
    tasks[i] = task
  end
  return tasks
end


-- An input for a pool. `pure` inputs are only pulled when there is room; `ready` says whether a pull would not wait.
local function make_input(pull, ready, pure)
  return setmetatable({}, {__call = pull, __ready = ready, __pure = pure})
end


-- The inputs of the spawned tasks: place i belongs to task (i - 1) // stride % n + 1, whoever asks first.
local function share_out(rows, n, stride, pure)
  local queues, read, inputs = {}, 0, {}
  for k = 1, n do queues[k] = {first = 1, last = 0} end
  local function read_one()
    local item = rows:pull()
    if item == nil then return false end
    local queue = queues[read // stride % n + 1]
    read, queue.last = read + 1, queue.last + 1
    queue[queue.last] = item
    return true
  end
  for k, queue in ipairs(queues) do
    inputs[k] = make_input(function()
      while queue.first > queue.last do
        if not read_one() then return nil end
      end
      local item = queue[queue.first]
      queue[queue.first] = nil
      queue.first = queue.first + 1
      return item
    end, function() return queue.first <= queue.last or rows:ready() end, pure)
  end
  return inputs
end


local function make_inputs(self, pool)
  local tasks = whole_tasks(self)
  self.reads_tasks = tasks ~= nil
  if tasks then return {zip.zip(table.unpack(tasks))} end
  local pure = true
  for _, input in ipairs(self.inputs) do pure = pure and input.reader.pure == true end
  local rows = make_rows(self, pool.stride)
  if self.spawn > 1 then return share_out(rows, self.spawn, pool.stride, pure) end
  return {make_input(function() return rows:pull() end, function() return rows:ready() end, pure)}
end


-- Is every result of this piper read by the pools themselves?
function M.read_natively(self)
  local outlet = self.outlets[1]
  return outlet ~= nil and outlet.task ~= nil and outlet.reader ~= nil and outlet.reader.reads_tasks == true
end


local start_pool


local function plan_parallel(self)
  local pool = self.parallel
  if pool.started then refuse(self, "cannot start: its pool '%s' was started without it", pool.name) end
  self.tasks, self.tracked = {}, self.track and {} or nil
  for k, input in ipairs(make_inputs(self, pool)) do
    self.tasks[k] = pool:add_task(worker.runner(self.worker), input, {name = self.name, track = self.track})
    if self.track then self.tracked[k] = self.tasks[k].tracked end
  end
  return outbox.pooled(pool, self.tasks, {
    name = self.name, produce = self.produce, repeats = self.repeats, stride = pool.stride, debug = self.debug,
    timeout = self.timeout, pools = pools_of(self), native = function() return M.read_natively(self) end,
    begin = function() start_pool(pool) end,
  })
end


local function plan_linear(self)
  self.tracked = self.track and {{}} or nil
  return outbox.linear(make_rows(self, 1), worker.runner(self.worker),
    {name = self.name, produce = self.produce, repeats = self.repeats, stride = 1, debug = self.debug},
    self.tracked and self.tracked[1])
end


-- Make the stream of this piper, after those of its upstreams, and with it the tasks in its pool. planned: a list of all pipers
-- this was done for.
local function plan(self, planned)
  if self.stream then return end
  if not self.connected then refuse(self, "is not connected") end
  for _, input in ipairs(self.inputs) do
    if input.piper then plan(input.piper, planned) end
  end
  if self.stream then return end
  self.stream = self.parallel and plan_parallel(self) or plan_linear(self)
  planned[#planned + 1] = self
  local whole = self.parallel and self.spawn == 1 and self.produce == 1 and not self.timeout and not self.debug
  for _, outlet in ipairs(self.outlets) do
    outlet.bind(self.stream)
    outlet.task = whole and #self.outlets == 1 and self.tasks[1] or nil
  end
end


-- Forget stream and tasks; a pool that stops has forgotten the tasks itself.
function M.forget(self)
  self.stream, self.tasks, self.reads_tasks = nil, nil, nil
  for _, outlet in ipairs(self.outlets) do
    outlet.bind(nil)
    outlet.task = nil
  end
end


-- ---- starting ----

-- Start a pool with the tasks of all its pipers. The pools that feed it come first. Where pools feed each other that cannot be:
-- then a pool is started when the first of its results is asked for (`begin`). done: what was planned and started, to be taken
-- back.
function start_pool(pool, done, seen)
  done, seen = done or {planned = {}, started = {}}, seen or {}
  if pool.started or seen[pool] then return end
  seen[pool] = true
  for _, user in ipairs(M.users(pool)) do
    for upstream in pairs(pools_of(user)) do start_pool(upstream, done, seen) end
  end
  if pool.started then return end
  for _, user in ipairs(M.users(pool)) do plan(user, done.planned) end
  pool:start()
  done.started[#done.started + 1] = pool
end


local function take_back(done)
  for _, pool in ipairs(done.started) do pool:stop {force = true} end
  for i = #done.planned, 1, -1 do
    local self = done.planned[i]
    local waits = self.tasks and #self.parallel.tasks >= #self.tasks and not self.parallel.started
    if waits then self.parallel:pop_task(#self.tasks) end
    M.forget(self)
  end
end


-- Give a piper its stream, and start its pool with the tasks of all pipers of the pool; or raise, and leave all as it was.
function M.start(self)
  local done = {planned = {}, started = {}}
  local good, why = pcall(function()
    if self.parallel then start_pool(self.parallel, done) end
    plan(self, done.planned)
  end)
  if not good then
    take_back(done)
    error(why, 0)
  end
end


return M
