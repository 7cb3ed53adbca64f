-- Piper: a node of a pipeline. It reads its inputs, calls its worker on every inbox, and gives the results to whoever reads it:
-- other pipers, a pipeline, or a loop.
--
--   connect(inbox) ──▶ start() ──▶ next() … nil ──▶ stop() ──▶ disconnect()
--
-- A linear piper computes here, one result at a time, when it is asked. A parallel one computes in a pool, which several pipers
-- may share; its tasks are added when the first piper of the pool is started, because only then is it known who reads whom.
local core = require "papy.core"
local Error = require "papy.error"
local inbox = require "papy.inbox"
local options = require "papy.options"
local outbox = require "papy.outbox"
local plan = require "papy.plan"
local worker = require "papy.worker"

local M = {}

local pool_core = core.pool
local pool_meta = pool_core.metatables()
local refuse = plan.refuse

local Piper = {__name = "papy.Piper"}

local piper_spec = {
  parallel = "table", consume = "count", produce = "count", spawn = "count", timeout = "seconds", branch = "string",
  debug = "boolean", name = "string", track = "boolean", repeats = "boolean", fuse = "boolean",
}
local force_spec = {force = "boolean"}
local next_spec = {timeout = "seconds"}

local made = 0


function M.is(x)
  return rawequal(getmetatable(x), Piper)
end


-- ---- the constructor ----

-- the two options that may be of several types
local function check_options(opts)
  local rest, parallel, branch = {}, nil, nil
  if type(opts) == "table" then
    for key, value in pairs(opts) do
      if key ~= "parallel" and key ~= "branch" then rest[key] = value end
    end
    parallel, branch = opts.parallel or nil, opts.branch
  end
  local o = options.check("Piper", type(opts) == "table" and rest or opts, piper_spec)
  if parallel ~= nil and not (type(parallel) == "userdata" and debug.getmetatable(parallel) == pool_meta) then
    Error.raise("option", "Piper: option 'parallel' must be a pool or false, got %s", Error.render(parallel))
  end
  if branch ~= nil and type(branch) ~= "number" and type(branch) ~= "string" then
    Error.raise("option", "Piper: option 'branch' must be a number or a string, got %s", Error.render(branch))
  end
  o.parallel, o.branch = parallel, branch
  return o
end


-- papy.Piper(what, options): a node that computes `what`: a function, a Worker, an array of those, or another piper, of which the
-- worker is taken. Raises kind "piper" for anything else.
--
-- Options: parallel (a pool; else results are computed here, one by one, when asked for), consume = n (each call gets n rows,
-- {{x}, {y}}; default 1), produce = n (each result is an array of n, whose elements become n items; default 1), repeats = true
-- (instead, each result is given n times), spawn = n (n tasks share the input in strides; parallel only, default 1), timeout
-- (seconds to wait for a result that has been submitted; then an error of kind "timeout" takes its place; parallel only),
-- branch (a number or string: order among pipers side by side), debug = true (errors are raised by next, not returned), name,
-- track = true (keep results in piper.tracked[spawn][index]), fuse = false (compute it in tasklets of its own; else pipers in a
-- row on one pool, between which nobody looks, are computed together).
function M.Piper(what, opts)
  local o = check_options(opts)
  made = made + 1
  local self = setmetatable({
    worker = M.is(what) and what.worker or worker.make("Piper", "piper", what),
    parallel = o.parallel or false, consume = o.consume or 1, produce = o.produce or 1, spawn = o.spawn or 1,
    timeout = o.timeout, branch = o.branch, debug = o.debug or false, name = o.name or "piper_" .. made,
    track = o.track or false, repeats = o.repeats or false, fuse = o.fuse ~= false,
    connected = false, started = false,
    outlets = {},   -- who reads this piper; those of other pipers have `reader`
    over = false,   -- its end has been read
  }, Piper)
  return self
end


-- ---- connecting ----

local function own_outlet(self, reader)
  local outlet = outbox.outlet(reader, function() self.over, self.quick = true, nil end)
  self.outlets[#self.outlets + 1] = outlet
  return outlet
end


local function drop_outlet(self, outlet)
  for i, known in ipairs(self.outlets) do
    if known == outlet then table.remove(self.outlets, i) end
  end
  outlet:close()
end


local hint = "; give an array with one input per upstream, as in piper{{1, 2, 3}}"


local function check_inbox(self, from)
  if type(from) ~= "table" or getmetatable(from) then
    refuse(self, "cannot connect to %s" .. hint, Error.render(from))
  end
  if #from == 0 then refuse(self, "cannot connect to nothing" .. hint) end
  for i = 1, #from do
    if M.is(from[i]) then
      if from[i].started then refuse(self, "cannot connect to '%s', which is started already", from[i].name) end
    elseif type(from[i]) ~= "table" and type(from[i]) ~= "function" and type(from[i]) ~= "userdata" then
      refuse(self, "cannot take %s for input %d" .. hint, Error.render(from[i]), i)
    end
  end
end


local function must_rest(self, what)
  if self.started then refuse(self, "is started and cannot %s; stop() it first", what) end
  if self.parallel and self.parallel.started then
    refuse(self, "cannot %s: its pool '%s' is started", what, self.parallel.name)
  end
end


-- Connect to the inputs: an array of pipers and of inputs of other kinds (arrays, iterator functions, tasks, …), one slot of
-- the worker's inbox for each. Returns the piper. Raises kind "piper" when connected or started, or when its pool is.
function Piper:connect(from)
  must_rest(self, "connect")
  if self.connected then refuse(self, "is connected already") end
  check_inbox(self, from)
  local inputs = {}
  for i = 1, #from do
    local reader = not M.is(from[i]) and inbox.reader(from[i])
    if reader == nil then refuse(self, "cannot take %s for input %d" .. hint, Error.render(from[i]), i) end
    inputs[i] = {piper = M.is(from[i]) and from[i] or nil, reader = reader}
  end
  for _, input in ipairs(inputs) do
    if input.piper then input.outlet = own_outlet(input.piper, self) end
  end
  if self.parallel then table.insert(plan.users(self.parallel), self) end
  self.inputs, self.connected, self.over, self.ran = inputs, true, false, false
  return self
end


local function position(list, x)
  for i, element in ipairs(list) do
    if element == x then return i end
  end
end


-- Let go of the inputs; the piper can be connected to others then. Raises kind "piper" when not connected, when started, when
-- its pool is, or when other pipers of its pool were connected after it, unless opts.force is true.
function Piper:disconnect(opts)
  local o = options.check("disconnect", opts, force_spec)
  if not self.connected then refuse(self, "is not connected") end
  must_rest(self, "disconnect")
  if self.parallel then
    local known = plan.users(self.parallel)
    local at = position(known, self)
    if at < #known and not self.ran and not o.force then
      refuse(self, "cannot disconnect before '%s', which was connected to the same pool after it", known[#known].name)
    end
    table.remove(known, at)
  end
  for _, input in ipairs(self.inputs) do
    if input.piper then drop_outlet(input.piper, input.outlet) end
  end
  self.inputs, self.stream, self.tasks, self.inner, self.connected = nil, nil, nil, false, false
end


-- ---- starting ----

local function start_upstreams(self)
  for _, input in ipairs(self.inputs) do
    if input.piper then input.piper:start() end
  end
end


-- Be ready to give results, upstream pipers too. The first parallel piper of a pool starts the pool with the tasks of all its
-- pipers, so connect them all before. Does nothing when started. Raises kind "piper" when not connected; what the pool
-- raises when it cannot start leaves everything as it was. Returns the piper.
function Piper:start()
  if self.started then return self end
  if not self.connected then refuse(self, "is not connected") end
  start_upstreams(self)
  plan.start(self)
  self.started, self.over = true, false
  return self
end


-- ---- results ----

-- A reader of the results, for pipelines: see outbox. Made after the start it begins with the next result that nobody has read.
function Piper:_outlet()
  if self.started and self.inner then
    refuse(self, "is fused with '%s'; its results do not come by here", self.outlets[1].reader.name)
  end
  local outlet = own_outlet(self)
  if self.stream then outlet:bind(self.stream:reader(true), self.pools) end
  return outlet
end


function Piper:_tasks()
  return table.move(self.tasks or {}, 1, #(self.tasks or {}), 1, {})
end


-- how many results there are, and how many of them are errors
function Piper:_counts()
  if not (self.tasks and self.parallel.started) then
    return self.stream and self.stream.taken or 0, self.stream and self.stream.failed or 0
  end
  local done, failed = 0, 0
  for _, task in ipairs(self.tasks) do
    local stats = pool_core.stats(self.parallel, pool_core.fields(task).number, self.step)
    done, failed = done + stats.done, failed + stats.failed
  end
  return done, failed
end


-- Where it is read from outside; nil when those who read it have read it to the end.
local function free_outlet(self)
  for _, outlet in ipairs(self.outlets) do
    if not outlet.reader then return outlet end
  end
  if self.finished then return nil end
  if self.outlets[1] then
    refuse(self, "is read by '%s'; read the end of the pipeline, or connect another piper", self.outlets[1].reader.name)
  end
  return self:_outlet()
end


local function must_give(self)
  if not self.connected then refuse(self, "is not connected") end
  if not self.started then refuse(self, self.ran and "was stopped" or "is not started; call start() first") end
end


local function wait_for(outlet, timeout)
  local deadline = core.sys.now() + timeout
  while not outlet:ready() do
    local left = math.max(0, deadline - core.sys.now())
    local given = pool_core.idle() and pool_core.give_way(outlet.pools)
    if not given and pool_core.wait(left) == "time" and left == 0 and not outlet:ready() then
      Error.raise("timeout", "no result within %s seconds", timeout)
    end
  end
end


-- What was read as the next result: an error that is fatal is raised.
local function give(item)
  if type(item) == "table" and Error.is(item) and M.is_fatal(item) then error(item, 0) end
  return item
end


-- The next result; a papy.Error in the place of a failed item, which is raised if a piper it has passed is in debug mode; nil at
-- the end, again and again. opts: a number of seconds or {timeout = seconds}: raises kind "timeout" when there is nothing by
-- then, and nothing is lost. Raises kind "piper" when not connected or not started.
function Piper:next(opts)
  if type(opts) == "number" then opts = {timeout = opts} end
  if self.connected and self.over then return nil end
  must_give(self)
  local outlet = free_outlet(self)
  if not outlet then return nil end
  if opts ~= nil then
    local timeout = options.check("next", opts, next_spec).timeout
    if timeout then wait_for(outlet, timeout) end
  end
  if #self.outlets == 1 then self.quick = outlet:puller() end
  return give(outlet:pull())
end


-- Was this error made, or passed, by a piper in debug mode?
function M.is_fatal(err)
  if err.debug then return true end
  for _, cause in ipairs(err.causes or {}) do
    if M.is_fatal(cause) then return true end
  end
  return false
end


-- ---- stopping ----

-- Its end has been read, or nobody is left to read it. known: answers so far.
local function is_finished(self, known)
  if self.over then return true end
  known = known or {}
  if known[self] == nil then
    known[self] = #self.outlets > 0
    for _, outlet in ipairs(self.outlets) do
      known[self] = known[self] and outlet.reader ~= nil and is_finished(outlet.reader, known)
    end
  end
  return known[self]
end


local function all_finished(pipers)
  for _, piper in ipairs(pipers) do
    if piper.started and not is_finished(piper) then return false end
  end
  return true
end


local function stop_pool(pool, force)
  if not pool.started then return end
  pool:stop {force = force}
  for _, user in ipairs(plan.users(pool)) do user.tasks, user.quick = nil, nil end
end


-- End the work of a piper that has finished; of any piper with opts.force = true. The pool stops when all its pipers have
-- finished, or at once when forced: for all of them. The piper stays connected. Raises kind "piper" when not started, and when
-- not finished without force.
function Piper:stop(opts)
  local o = options.check("stop", opts, force_spec)
  if not self.started then refuse(self, "is not started") end
  if not is_finished(self) and not o.force then refuse(self, "has not finished; stop{force = true} stops it all the same") end
  self.over = is_finished(self)
  if self.parallel and (o.force or all_finished(plan.users(self.parallel))) then stop_pool(self.parallel, o.force) end
  self.started, self.ran, self.quick = false, true, nil
  local readers = {}
  for _, outlet in ipairs(self.outlets) do
    if outlet.reader then readers[#readers + 1] = outlet else outlet:close() end
  end
  self.outlets = readers
  if not self.parallel or not self.parallel.started then self.stream = nil end
end


-- ---- the object ----

-- piper(inbox) is connect; without an inbox, as the generic for calls it, next.
function Piper:__call(from)
  if from ~= nil then return self:connect(from) end
  local quick = self.quick -- the usual way, in a loop
  local item = quick and quick()
  if item == nil then return self:next() end
  return give(item)
end


function Piper:__index(key)
  if key == "finished" then return is_finished(self) end
  return Piper[key]
end


function Piper:__tostring()
  return ("%s(%s)"):format(self.name, tostring(self.worker))
end


return M
