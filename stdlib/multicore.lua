-- multicore: calls of functions on all cores, one by one or over ranges of what the workers have anyway.
--
--   local multicore = require "multicore"
--   multicore.initialize()
--   local task = multicore.Task()
--   for first, last in multicore.ranges(users) do task:run(count_active, first, last) end
--   for _, n in ipairs(task:get()) do total = total + n end
--
-- Workers are forked at the first run, with everything the program has: `users` need not travel, only arguments and results do.
-- They stay, and so does what they keep in globals, such as connections. They are forked anew at a run of a function that is new
-- or sees an upvalue or a global that was given another value. As long as calls are outstanding, such a function is sent to the
-- workers there are, with its upvalues, and finds their globals. What changes inside a table is not noticed:
-- initialize{force = true} makes it known.
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local AHEAD <const> = 4096 -- calls on their way or with a result nobody took; before there are more, run takes results

local Task = {__name = "multicore.Task"}
Task.__index = Task

local settings -- what initialize was given; nil: not initialized
local crew     -- the workers, once something ran: see new_crew
local known = setmetatable({}, {__mode = "k"}) -- every function that ever ran


-- options, of which a number alone stands for the one called `short`
local function check(what, opts, spec, short)
  if type(opts) == "number" then opts = {[short] = opts} end
  return options.check(what, opts, spec)
end


-- ---- what the workers have ----

-- Has it no variables, or only papy's own? C functions have some without names.
local function is_own(f)
  local name = debug.getupvalue(f, 1)
  return not name or name == "" or debug.getinfo(f, "S").source:find "^=%[papy%] " ~= nil
end


-- Note the values of the variables f sees: its upvalues, and those of the functions among them.
local function note_upvalues(values, f)
  if type(f) ~= "function" or is_own(f) then return end
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then return end
    local variable = debug.upvalueid(f, i)
    local seen = values[variable] ~= nil
    values[variable] = value
    if not seen then note_upvalues(values, value) end
  end
end


local function note_globals(values)
  local n = 0
  for name, value in next, _G do
    n = n + 1
    values[name] = value
    note_upvalues(values, value)
  end
  values[_G] = n -- tells when one is gone
end


-- Would f do in the workers what it does here?
local function is_up_to_date(f)
  if not crew.numbers[f] then return false end
  local values = {}
  note_globals(values)
  note_upvalues(values, f)
  for variable, value in next, values do
    if not rawequal(crew.values[variable], value) then return false end
  end
  return true
end


-- ---- the workers ----

-- What computes a call in a worker. Nothing is initialized there: a call that uses multicore itself begins anew.
local function performer(own)
  local safely = papy.Worker(function(inbox)
    local call = inbox[1][1]
    return (call.f or own.functions[call.number])(table.unpack(call, 1, call.n))
  end)
  return function(call)
    if crew == own then settings, crew = nil, nil end
    return {call.index, safely {{call}}} -- so deep, an argument that is an error is not taken for a failed input
  end
end


-- Fork workers. A call is its packed arguments with its index, and the function or its number among those that workers have.
local function new_crew()
  local self = {
    functions = {}, numbers = {},
    values = setmetatable({}, {__mode = "v"}), -- of variables, at the fork
    queue = {},                                -- calls that are to be sent
    calls = {}, made = 0,                      -- outstanding ones by index: {task, place, name, args, given_up}
    live = 0, given_up = 0,                    -- how many of them somebody waits for or not
  }
  note_globals(self.values)
  for f in next, known do
    note_upvalues(self.values, f)
    table.insert(self.functions, f)
    self.numbers[f] = #self.functions
  end
  local function pull()
    if self.queue[1] then return table.remove(self.queue, 1) end -- nothing at all is not yet the end, as nil would be
  end
  local input = setmetatable({}, {__call = pull, __pull = pull, __pure = true})
  self.pool = papy.NuMap {worker_num = settings.number_of_workers, ordered = false, buffer = AHEAD, name = "multicore"}
  self.pool:add_task(performer(self), input, {task_timeout = settings.task_timeout})
  crew = self
  local good, why = pcall(self.pool.start, self.pool)
  if good then return end
  crew = nil
  error(why, 0)
end


-- Put the result of a call in its place.
local function settle(call, value)
  local task = call.task
  if Error.is(value) then
    value.index, value.name, value.task, value.piper, value.pool = call.place, call.name, nil, nil, nil
    value.item = Error.render {table.unpack(call.args, 1, call.args.n)}
  end
  task.results[call.place] = value
  task.left, crew.live = task.left - 1, crew.live - 1
end


-- Send the workers home, at once when calls are outstanding.
local function dismiss()
  for _, call in next, crew.calls do
    local closed = papy.Error {kind = "closed", message = "multicore was shut down before this call ended"}
    if not call.given_up then settle(call, closed) end
  end
  local pool, busy = crew.pool, next(crew.calls) ~= nil
  crew = nil
  pool:stop {force = busy}
end


-- Calls that were given up end with their workers as soon as nobody waits for others.
local function end_given_up()
  if crew.given_up > 0 and crew.live == 0 then dismiss() end
end


-- Take a result, of whatever task, from the workers; false when there was none in so many seconds.
local function take(seconds)
  local good, got = pcall(crew.pool.next, crew.pool, {timeout = seconds})
  local index, value
  if good then
    index, value = got[1], got[2]
    -- an error of an item of a pool in the call: its words tell so
    if Error.is(value) and value.index then value.message = tostring(value) end
  elseif Error.is(got) and got.index then
    index, value = got.index, got
  elseif Error.is(got) and got.kind == "timeout" then
    return false
  else
    error(got, 0)
  end
  local call = crew.calls[index]
  crew.calls[index] = nil
  if call.given_up then crew.given_up = crew.given_up - 1 else settle(call, value) end
  end_given_up()
  return true
end


-- Take results until holds() or the time is up. What is there by then is taken in any case.
local function take_until(deadline, holds)
  local there = AHEAD
  while not holds() do
    local left = deadline and deadline - papy.now()
    if left and left <= 0 then there = there - 1 end
    if there < 0 or not take(left and math.max(left, 0)) then return end
  end
end


-- Has to come before the first Task(); a second time it does nothing. Options, or a number of workers alone: number_of_workers
-- (default: usable processors), force (true: new workers, as after shutdown{force = true}), task_timeout (seconds a call may
-- compute before its worker is stopped and the call fails).
function M.initialize(opts)
  local spec = {number_of_workers = "count", force = "boolean", task_timeout = "limit"}
  local o = check("initialize", opts, spec, "number_of_workers")
  if settings and not o.force then return end
  if crew then dismiss() end
  settings = o
end


-- Wait for outstanding calls, whose results get() still gives, and send the workers home. Options: force (true: at once;
-- outstanding calls fail with kind "closed"), timeout (seconds after which it is forced). Nobody waits for calls that were given
-- up. Does nothing when not initialized; initialize may follow.
function M.shutdown(opts)
  local o = options.check("shutdown", opts, {force = "boolean", timeout = "seconds"})
  if crew and not o.force then
    take_until(o.timeout and papy.now() + o.timeout, function() return not crew or crew.live == 0 end)
  end
  if crew then dismiss() end
  settings = nil
end


-- ---- tasks ----

local function load_average()
  local file <close> = io.open "/proc/loadavg"
  return file and file:read "n" or 0
end


-- how many processors the machine has, whichever of them papy may use
local function processors()
  local n = 0
  for line in io.lines "/proc/stat" do
    if line:find "^cpu%d" then n = n + 1 end
  end
  return n
end


-- A list of calls whose results are taken together. nil and the reason when multicore is not initialized (as inside of a call)
-- or the load of the machine in the last minute was more than max_load_average (an option, or a number alone) for each of
-- its processors: then the caller goes on by itself.
function M.Task(opts)
  local most = check("Task", opts, {max_load_average = "any"}, "max_load_average").max_load_average
  if most and not (type(most) == "number" and most >= 0) then
    Error.raise("option", "Task: option 'max_load_average' must be a number, 0 or more, got %s", Error.render(most))
  end
  if not settings then return nil, "multicore is not initialized" end
  local load = most and load_average()
  if load and load > most * processors() then
    return nil, ("the load average is %.2f, more than %g for each of %d processors"):format(load, most, processors())
  end
  return setmetatable({results = {}, made = 0, left = 0, complete = false}, Task)
end


local function must_be_open(task, what)
  if task.complete then Error.raise("complete", "%s: the task is complete, its results have been taken; make a new one", what) end
end


local formats = {serialization_format = {"pickle", "json", "string"}, use_dill = "boolean"}

-- A last argument that does nothing but name a serialization format says nothing here: values travel as they are.
local function leave_out_format(args)
  local last = args[args.n]
  if type(last) ~= "table" or next(last) == nil then return end
  for key in next, last do
    if not formats[key] then return end
  end
  options.check("run", last, formats)
  args[args.n] = nil
  args.n = args.n - 1
end


local function name_of(f)
  local info = type(f) == "function" and debug.getinfo(f, "S")
  return info and info.what ~= "C" and ("%s:%d"):format(info.short_src, info.linedefined) or nil
end


-- Have f(...) computed in some worker, and go on. Arguments and the result may be whatever can travel, of any size; of several
-- results the first counts, and none or nil is papy.null. Raises kind "complete" after get, "closed" after shutdown.
function Task:run(f, ...)
  must_be_open(self, "run")
  local meta = debug.getmetatable(f)
  if type(f) ~= "function" and not (type(meta) == "table" and meta.__call) then
    Error.raise("function", "run: the first argument must be a function or callable, got %s", Error.render(f))
  end
  if not settings then Error.raise("closed", "run: multicore was shut down") end
  local call = table.pack(...)
  leave_out_format(call)
  known[f] = true
  local inherited = crew and is_up_to_date(f)
  if crew and crew.live == 0 and not inherited then dismiss() end
  if not crew then
    new_crew()
    inherited = true
  end
  if inherited then call.number = crew.numbers[f] else call.f = f end
  self.made, self.left = self.made + 1, self.left + 1
  crew.made, crew.live = crew.made + 1, crew.live + 1
  call.index = crew.made
  crew.calls[call.index] = {task = self, place = self.made, name = name_of(f), args = call}
  table.insert(crew.queue, call)
  local queue = crew.queue
  papy.sleep(0) -- the pool pulls it, when there is room
  take_until(nil, function() return #queue == 0 end)
end


-- Nobody waits any longer for the calls of the task that are outstanding.
local function give_up(task, seconds)
  for _, call in next, crew.calls do
    if call.task == task and not call.given_up then
      local _, late = pcall(Error.raise, "timeout", "get: the call did not end within %s seconds", seconds)
      late.traceback = nil -- it is not the worker's
      settle(call, late)
      call.given_up, crew.given_up = true, crew.given_up + 1
    end
  end
  end_given_up()
end


-- The results of all calls, in the order of the runs; {} when there were none. The task is then complete. A call that failed has
-- its papy.Error in its place, and the first of them is raised, with all results as its field `results`; with errors = "return"
-- the results are returned in any case. Options, or a number of seconds alone: errors, timeout (default: none). A call that has
-- not ended by then fails with kind "timeout" and is given up: it is stopped with its worker, as soon as no other task waits for
-- calls.
function Task:get(opts)
  must_be_open(self, "get")
  local o = check("get", opts, {timeout = "seconds", errors = {"raise", "return"}}, "timeout")
  if self.left > 0 and not crew then Error.raise("closed", "get: the calls of this task are outstanding in another process") end
  take_until(o.timeout and papy.now() + o.timeout, function() return self.left == 0 end)
  if self.left > 0 then give_up(self, o.timeout) end
  self.complete = true
  for _, value in ipairs(self.results) do
    if Error.is(value) and o.errors ~= "return" then
      value.results = self.results
      error(value, 0)
    end
  end
  return self.results
end


function Task:__tostring()
  return ("multicore.Task(%d calls, %d outstanding)"):format(self.made, self.left)
end


-- ---- ranges ----

-- An iterator over first and last of ranges that cover an array, or the numbers from 1 to n: as many ranges as there are workers,
-- or fewer of at least min_range_size each. Options as a table or one by one: min_range_size (default 1), number_of_workers
-- (default: that of initialize, or usable processors).
--
--   for first, last in multicore.ranges(80, {number_of_workers = 4}) do … end     1 20, 21 40, 41 60, 61 80
function M.ranges(items, min_range_size, number_of_workers)
  local given = min_range_size
  if type(given) ~= "table" then given = {min_range_size = min_range_size, number_of_workers = number_of_workers} end
  local o = options.check("ranges", given, {min_range_size = "natural", number_of_workers = "count"})
  local n = type(items) == "table" and #items or type(items) == "number" and math.tointeger(items)
  if not n or n < 0 then
    Error.raise("input", "ranges: an array or a number of items, 0 or more, expected, got %s", Error.render(items))
  end
  local workers = o.number_of_workers or settings and settings.number_of_workers or papy.cpus()
  local size = math.max((n + workers - 1) // workers, o.min_range_size or 1, 1)
  local last = 0
  return function()
    if last >= n then return nil end
    local first = last + 1
    last = math.min(last + size, n)
    return first, last
  end
end


return M
