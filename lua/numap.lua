-- NuMap: several tasks woven over one pool of workers under a stride and a buffer. Also called IMap.
local core = require "papy.core"
local Error = require "papy.error"
local methods = require "papy.methods"
local options = require "papy.options"
local zip = require "papy.zip"

local M = {}

local pool_core = core.pool
local fields_of = pool_core.fields
local pool_meta, task_meta = pool_core.metatables()

local pool_spec = {
  worker_num = "count", worker_type = {"process", "thread"}, stride = "count", buffer = "count", ordered = "boolean",
  skip = "boolean", name = "string", transport = {"shm", "pipe"}, batch = "batch",
}
local task_spec = {
  args = "table", timeout = "seconds", block = "boolean", track = "boolean", task_timeout = "limit", retries = "natural",
  name = "string",
}
local next_spec = {task = "count", timeout = "seconds", block = "boolean"}
local get_spec = {timeout = "seconds", block = "boolean"}
local stop_spec = {force = "boolean", timeout = "seconds"}

local pools_made = 0


local missing = methods.missing

local function is_option(name)
  return pool_spec[name] ~= nil or task_spec[name] ~= nil
end


-- ---- what may be given ----

local function is_callable(f)
  if type(f) == "function" then return true end
  local meta = debug.getmetatable(f)
  return type(meta) == "table" and meta.__call ~= nil
end


local function is_task(x)
  return type(x) == "userdata" and debug.getmetatable(x) == task_meta
end


local function is_pool(x)
  return type(x) == "userdata" and debug.getmetatable(x) == pool_meta
end


local function name_of(f)
  if type(f) ~= "function" then return nil end
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return nil end
  return ("%s:%d"):format(info.short_src, info.linedefined)
end


-- raise an error about this pool
local function refuse(pool, kind, message, ...)
  Error.raise_in(kind, fields_of(pool).name, message, ...)
end


-- the options of one call may be a plain number of seconds where only a timeout makes sense
local function timing(what, opts, spec)
  if type(opts) == "number" then opts = {timeout = opts} end
  return options.check(what, opts, spec)
end


local function has_next(x)
  local ok, f = pcall(function() return x.next end)
  return ok and is_callable(f)
end


-- a view of task `number`, with the fields of its definition
local function new_task(pool, number, timeout, block, definition)
  local task = pool_core.task(pool, number, definition.id, timeout, block)
  local f = fields_of(task)
  f.pool, f.number, f.timeout, f.block = pool, number, timeout, block
  f.id, f.name, f.tracked = definition.id, definition.name, definition.tracked
  return task
end


-- a pool given as an input stands for its first task
local function first_task(what, pool)
  local definition = fields_of(pool).tasks[1]
  if not definition then refuse(pool, "input", " was given as an input to %s, but has no task", what) end
  return new_task(pool, 1, nil, nil, definition)
end


-- How the scheduler is to read an input: fields kind, pure, plain, wakes, parts for core.pool.start; and input, where it is not
-- the input itself that it reads.
local function describe_input(what, input)
  if is_task(input) then return {kind = "task", parts = {input}} end
  if is_pool(input) then return {kind = "task", parts = {first_task(what, input)}} end
  if zip.is(input) then
    local parts = zip.parts(input)
    local all = #parts > 0 and #parts <= 64
    for i, part in ipairs(parts) do
      if is_pool(part) then parts[i] = first_task(what, part) end
      all = all and is_task(parts[i])
    end
    if all then return {kind = "zip", parts = parts} end
    return {kind = "call", hidden = parts}
  end
  local meta = debug.getmetatable(input)
  if type(input) == "function" then return {kind = "call"} end
  if type(meta) == "table" and meta.__call then
    -- of inputs that never wait: __pure, it cannot draw on tasks; __pull(n), as of add_chain; __wakes, it wakes the loop once it
    -- has something again
    local described = {kind = "call", pure = meta.__pure == true}
    if meta.__pull then described.kind, described.input, described.wakes = "own", meta.__pull, meta.__wakes == true end
    return described
  end
  if type(input) == "table" then
    if has_next(input) then return {kind = "next"} end
    return {kind = "table", pure = true, plain = meta == nil}
  end
  if type(input) == "userdata" and has_next(input) then return {kind = "next"} end
  Error.raise("input", "%s: an input must be an array, an iterator function, an object with __call or next, a task or a "
    .. "flow, got %s", what, Error.render(input))
end


local function count_args(args)
  local n = 0
  for key in pairs(args) do
    if math.type(key) == "integer" and key > n then n = key end
  end
  return n
end


-- ---- tasks ----

local Task = {}


-- The next result; nil at the end, again and again. Raises the item's papy.Error in its own place; the call after that
-- goes on with the next item. opts: a number of seconds or {timeout = seconds to wait, block = false: do not wait}; the
-- task's own timeout and block are the defaults. Raises kind "timeout" when there is no result in time.
function Task:next(opts)
  local f = fields_of(self)
  local o = timing("next", opts, get_spec)
  local block = o.block
  if block == nil then block = f.block end
  return pool_core.take(self, o.timeout or f.timeout, block)
end


-- Take every result that is left, as an array. A failed item's error takes its place in the array, and when all are taken
-- the first of them is raised, with the whole array as its field `results`; with opts.errors = "return" the array is returned
-- in any case. What ends the taking before its time (kinds "timeout", "deadlock", "closed") is raised at once, with what was
-- taken so far as `results`; the rest can still be taken. After Ctrl-C the next collect() begins with what was taken.
function Task:collect(opts)
  local o = options.check("collect", opts, {errors = {"raise", "return"}})
  local f = fields_of(self)
  local results, first = f.taken or {}, f.failed
  f.taken, f.failed = nil, nil
  while true do
    local good, value = pcall(self)
    if good and value == nil then break end
    if not good and not Error.is(value) then
      f.taken, f.failed = results, first
      error(value, 0)
    end
    if not good and not value.index then
      value.results = results
      error(value, 0)
    end
    if not good then first = first or value end
    results[#results + 1] = value
  end
  if not first or o.errors == "return" then return results end
  first.results = results
  error(first, 0)
end


function task_meta:__index(key)
  local found = Task[key] or fields_of(self)[key]
  if found == nil and not is_option(key) then return missing("task", key, Task) end
  return found
end


function task_meta:__newindex(key)
  Error.raise("option", "a task cannot be changed: '%s'", tostring(key))
end


function task_meta:__tostring()
  local f = fields_of(self)
  return ("papy.Task(%d of %s)"):format(f.number, f.pool.name)
end


task_meta.__name = "papy.Task"
task_meta.__metatable = false


-- ---- pools ----

local Pool = {}


local function must_rest(pool, what)
  if pool_core.state(pool) == "started" then
    refuse(pool, "pool", " is started; stop() it before %s", what)
  end
end


-- which of all tasks the pool ever had: numbers are given again when it is stopped or a task taken out
local function new_id(pool)
  local fields = fields_of(pool)
  fields.tasks_made = fields.tasks_made + 1
  return fields.tasks_made
end


-- Register f over input as the next task and return it: an iterator over its results. Each item x is computed as
-- f(x, table.unpack(args)) in some worker. Options: args (constant arguments), timeout (seconds a next waits), block (false:
-- next never waits), track (keep results in task.tracked[index]), task_timeout (seconds a tasklet may compute before its worker
-- is stopped and the item fails), retries (how often a failed tasklet is tried again, default 0), name. Raises kind "pool"
-- on a started pool, "option" and "input" for arguments that cannot be used.
function Pool:add_task(f, input, opts)
  must_rest(self, "add_task")
  if not is_callable(f) then
    Error.raise("function", "add_task: the first argument must be a function or callable, got %s", Error.render(f))
  end
  if input == nil then Error.raise("input", "add_task: the second argument, the input, is missing") end
  local o = options.check("add_task", opts, task_spec)
  local definition = describe_input("add_task", input)
  definition.f, definition.input = f, definition.input or input
  definition.args = o.args or {}
  definition.argn = count_args(definition.args)
  definition.name = o.name or name_of(f)
  definition.tracked = o.track and {} or nil
  definition.limit, definition.retries = o.task_timeout or 0, o.retries or 0
  definition.id = new_id(self)
  local tasks = fields_of(self).tasks
  tasks[#tasks + 1] = definition
  return new_task(self, #tasks, o.timeout, o.block, definition)
end


-- Register the task of a pipeline: a definition with f, args, argn and name as arrays, one element for each of the composed
-- functions (see lpool.c; their pipers' names stand in name.pipers), and its input: a task or a zip of tasks, or a function,
-- which is papy's own kind: pull(n) never waits and gives up to n items, nothing when there is none yet, and a nil after the last
-- one of all. Returns its number and id.
function M.add_chain(pool, definition, input)
  local described = type(input) == "function" and {kind = "own"} or describe_input("connect", input)
  for key, value in pairs(described) do definition[key] = value end
  definition.input, definition.chain = definition.input or input, #definition.f
  definition.id = new_id(pool)
  pool_core.renew(pool)
  local tasks = fields_of(pool).tasks
  tasks[#tasks + 1] = definition
  return #tasks, definition.id
end


-- Remove the last n tasks, or all of them (true). Raises on a started pool and when there are fewer than n.
function Pool:pop_task(n)
  must_rest(self, "pop_task")
  local tasks = fields_of(self).tasks
  if n == true then n = #tasks end
  if math.type(n) ~= "integer" then
    Error.raise("option", "pop_task: a number of tasks or true expected, got %s", Error.render(n))
  end
  if n > #tasks then refuse(self, "task", ": pop_task: cannot remove %d tasks, there are %d", n, #tasks) end
  for _ = 1, n do table.remove(tasks) end
end


-- Another iterator over the results of task k (default 1); all iterators of a task share its results.
function Pool:get_task(k, opts)
  local o = timing("get_task", opts, get_spec)
  local definition = fields_of(self).tasks[k or 1]
  if not definition then
    refuse(self, "task", ": get_task: no task %s; there are %d", tostring(k), #fields_of(self).tasks)
  end
  if o.block == nil then o.block = definition.block end
  return new_task(self, k or 1, o.timeout or definition.timeout, o.block, definition)
end


-- the smallest buffer this topology can work with, and why
local function least_buffer(pool, f)
  local least, why = 1, nil
  for number, definition in ipairs(f.tasks) do
    local own = 0
    for _, part in ipairs(definition.parts or definition.hidden or {}) do
      if is_task(part) and fields_of(part).pool == pool then own = own + 1 end
    end
    if own * f.stride > least then
      least = own * f.stride
      why = own == 1 and ("task %d reads another task of this pool"):format(number)
        or ("task %d joins %d tasks of this pool"):format(number, own)
    end
  end
  return least, why
end


local function check_topology(pool, f)
  for number, definition in ipairs(f.tasks) do
    for _, part in ipairs(definition.parts or {}) do
      local from = fields_of(part)
      local there = fields_of(from.pool).tasks[from.number]
      if not there or there.id ~= from.id then
        refuse(pool, "pool", ": start: task %d reads a task that is no longer one of %s", number, tostring(from.pool))
      end
      if from.pool == pool and (from.number or 0) >= number then
        refuse(pool, "pool", ": start: task %d reads task %d, which does not come before it", number, from.number)
      end
    end
  end
  local least, why = least_buffer(pool, f)
  if f.buffer and f.buffer < least then
    refuse(pool, "pool", ": start: a buffer of %d is too small: %s, so with stride %d at least %d is needed", f.buffer, why,
      f.stride, least)
  end
end


-- Fork the workers and begin to pull, as far as the buffer goes. A started pool stays as it is. Raises kind "pool" for a buffer
-- that cannot work, naming the least that does, and when workers cannot be started. Returns the pool.
function Pool:start()
  if pool_core.state(self) == "started" then return self end
  local f = fields_of(self)
  check_topology(self, f)
  local first = f.tasks[1] or {}
  pool_core.start(self, {
    timeout = first.timeout, block = first.block ~= false, -- of the one-shot form: what calling the pool does
    tasks = f.tasks, workers = f.worker_num, threads = f.worker_type == "thread", stride = f.stride,
    buffer = f.buffer or math.max(1, #f.tasks * f.stride), ordered = f.ordered, skip = f.skip,
    batch = f.batch == "auto" and 0 or f.batch,
    pipe = f.transport == "pipe" and f.worker_type == "process", -- threads share the window in any case
  })
  return self
end


-- The next result of a task: opts {task = 1, timeout =, block =} or a number of seconds; in the one-shot form timeout and
-- block of the task are the defaults. See Task:next.
function Pool:next(opts)
  local o = timing("next", opts, next_spec)
  local task = o.task or 1
  local definition = fields_of(self).tasks[task] or {}
  if o.block == nil then o.block = definition.block end
  return pool_core.next(self, task, o.timeout or definition.timeout, o.block)
end


-- Pull no more input, let what was submitted finish (every consumed item passes its whole chain), throw away what nobody took,
-- send the workers home; the pool may then be given tasks and started again. Does nothing when not started. opts: force = true
-- kills the workers at once; timeout = seconds after which it does.
function Pool:stop(opts)
  local o = timing("stop", opts, stop_spec)
  if pool_core.state(self) ~= "started" then return end
  pool_core.stop(self, o.force or false, o.timeout)
  fields_of(self).tasks = {}
end


-- Numbers about the run, or about the last one when the pool is stopped: submitted, done, failed, delivered, skipped, retried,
-- deaths, in_flight, alive; workers[n] = {pid, working (seconds)}; tasks[k] with the first five.
function Pool:stats()
  local result = pool_core.stats(self)
  local tasks = {}
  for k = 1, result.tasks do tasks[k] = pool_core.stats(self, k) end
  result.tasks = tasks
  return result
end


local function is_started(pool)
  return pool_core.state(pool) == "started"
end


function pool_meta:__index(key)
  local method = Pool[key]
  if method then return method end
  if key == "started" then return is_started(self) end
  local field = fields_of(self)[key]
  if field == nil and not is_option(key) then return missing("pool", key, Pool) end
  return field
end


function pool_meta:__newindex(key)
  Error.raise("option", "the options of a pool are given when it is made; '%s' cannot be set", tostring(key))
end


function pool_meta:__close(err)
  Pool.stop(self, {force = err ~= nil})
end


function pool_meta:__tostring()
  return ("papy.NuMap(%s)"):format(fields_of(self).name)
end


pool_meta.__name = "papy.NuMap"
pool_meta.__metatable = false


-- ---- the constructor ----

local bounds = {worker_num = 4096, stride = 1 << 20, buffer = 1 << 30, batch = 1 << 20}


local function defaults(o)
  pools_made = pools_made + 1
  o.worker_num = o.worker_num or o.stride or core.sys.cpus()
  o.stride = o.stride or o.worker_num
  o.worker_type = o.worker_type or "process"
  if o.ordered == nil then o.ordered = true end
  o.skip = o.skip or false
  o.batch = o.batch or 1
  o.name = o.name or "numap_" .. pools_made
  for name, most in pairs(bounds) do
    if o[name] ~= nil and o[name] ~= "auto" and o[name] > most then
      Error.raise("option", "NuMap: option '%s' must be at most %d, got %d", name, most, o[name])
    end
  end
  o.transport = o.transport or os.getenv("PAPY_TRANSPORT") or "shm"
  if o.transport ~= "shm" and o.transport ~= "pipe" then
    Error.raise("option", "PAPY_TRANSPORT must be \"shm\" or \"pipe\", got %s", Error.render(o.transport))
  end
  return o
end


local function new_pool(opts)
  local o = defaults(options.check("NuMap", opts, pool_spec))
  local pool = pool_core.new()
  local f = fields_of(pool)
  for key, value in pairs(o) do f[key] = value end
  f.tasks, f.tasks_made = {}, 0
  return pool
end


-- the one table of the one-shot form holds options of the pool and of the task
local function split(opts)
  local for_pool, for_task, both = {}, {}, {}
  for key in pairs(pool_spec) do both[key] = pool_spec[key] end
  for key in pairs(task_spec) do both[key] = task_spec[key] end
  for key, value in pairs(options.check("NuMap", opts, both)) do
    if pool_spec[key] then for_pool[key] = value end
    if task_spec[key] then for_task[key] = value end
  end
  return for_pool, for_task
end


-- papy.NuMap{options}: a pool without tasks. papy.NuMap(f, input, options): one task, already running; iterate over it.
--
-- Options: worker_num (default: stride if given, else usable processors), worker_type "process" or "thread", stride (how many
-- tasklets of a task are submitted in a row, default worker_num), buffer (how many tasklets may be between submission and
-- delivery, default tasks * stride), ordered (default true), skip (default false: a timed-out result is waited for again),
-- name, transport "shm" or "pipe", batch (tasklets handed over at a time, default 1, or "auto").
function M.NuMap(f, input, opts)
  if input == nil and opts == nil and (f == nil or (type(f) == "table" and not is_callable(f))) then return new_pool(f) end
  if not is_callable(f) then
    Error.raise("function", "NuMap: a function and its input, or one table of options expected, got %s", Error.render(f))
  end
  if input == nil then Error.raise("input", "NuMap: a function without an input") end
  local for_pool, for_task = split(opts)
  local pool = new_pool(for_pool)
  pool:add_task(f, input, for_task)
  -- nobody holds the task's own iterator, so what it would remember is the pool's
  local definition = fields_of(pool).tasks[1]
  definition.timeout, definition.block = for_task.timeout, for_task.block
  return pool:start()
end


return M
