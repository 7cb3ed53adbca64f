-- Worker: functions composed from left to right, called on an inbox, an array with one value per upstream piper.
--
--   papy.Worker({f, g}, {{}, {2}})(inbox)  is  g({f(inbox)}, 2)
--
-- What goes wrong is a value, not a raise: a papy.Error takes the item's place and passes later workers untouched.
local core = require "papy.core"
local Error = require "papy.error"

local M = {}

local null = core.sys.null
local type, xpcall, unpack = type, xpcall, table.unpack

local Worker = {__name = "papy.Worker"}
Worker.__index = Worker
core.codec.class("papy.Worker", Worker)


function M.is(x)
  return rawequal(getmetatable(x), Worker)
end


-- ---- what may be given ----

-- callable, and yet no function of an item
local no_functions = {["papy.Piper"] = true, ["papy.NuMap"] = true, ["papy.Task"] = true, ["papy.zip"] = true}


local function is_function(f)
  if type(f) == "function" then return true end
  local meta = debug.getmetatable(f)
  return type(meta) == "table" and meta.__call ~= nil and not no_functions[meta.__name] and not M.is(f)
end


-- how many arguments a table holds; some may be nil
local function count(args)
  local n = 0
  for key in pairs(args) do
    if math.type(key) == "integer" and key > n then n = key end
  end
  return n
end


-- the field of a loaded module that holds f: "string.upper", and for a global function its bare name
local function known_name(f)
  for key, value in next, _G do
    if rawequal(value, f) and type(key) == "string" then return key end
  end
  local best
  for module, fields in next, package.loaded do
    if type(fields) == "table" and type(module) == "string" then
      for key, value in next, fields do
        local name = rawequal(value, f) and type(key) == "string" and module .. "." .. key
        if name and (not best or name < best) then best = name end
      end
    end
  end
  return best
end


local function name_of(f)
  local known = known_name(f)
  if known then return known end
  if type(f) ~= "function" then return "callable" end
  local info = debug.getinfo(f, "S")
  return info.what == "C" and "C function" or ("%s:%d"):format(info.short_src, info.linedefined)
end


local function append(worker, f, args)
  local i = #worker.functions + 1
  worker.functions[i], worker.args[i], worker.argn[i], worker.names[i] = f, args, count(args), name_of(f)
end


local function append_all(worker, other)
  for i, f in ipairs(other.functions) do
    local at = #worker.functions + 1
    worker.functions[at], worker.args[at], worker.argn[at], worker.names[at] = f, other.args[i], other.argn[i],
      other.names[i]
  end
end


local function append_list(worker, list, args, refuse)
  if #list == 0 then refuse("an empty list of functions") end
  if args and count(args) ~= #list then refuse("%d functions need as many tables of arguments, got %d", #list, count(args)) end
  for i, part in ipairs(list) do
    local own = args and args[i] or {}
    if type(own) ~= "table" then refuse("the arguments of function %d must be a table, got %s", i, Error.render(own)) end
    if M.is(part) then
      if count(own) > 0 then refuse("part %d is a Worker, which has its arguments already", i) end
      append_all(worker, part)
    elseif is_function(part) then
      append(worker, part, own)
    else
      refuse("part %d must be a function or a Worker, got %s", i, Error.render(part))
    end
  end
end


-- A worker made for `who`, which refuses what it cannot be made of with errors of that kind.
function M.make(who, kind, what, args)
  local worker = setmetatable({functions = {}, args = {}, argn = {}, names = {}}, Worker)
  local function refuse(message, ...)
    Error.raise(kind, who .. ": " .. message, ...)
  end
  if args ~= nil and type(args) ~= "table" then refuse("arguments must be a table, got %s", Error.render(args)) end
  if M.is(what) then
    if args then refuse("a Worker has its arguments already") end
    append_all(worker, what)
  elseif is_function(what) then
    append(worker, what, args or {})
  elseif type(what) == "table" and not getmetatable(what) then
    append_list(worker, what, args, refuse)
  else
    refuse("a function, a Worker or an array of them expected, got %s", Error.render(what))
  end
  return worker
end


-- papy.Worker(f, args): one function, called f(inbox, table.unpack(args)).
-- papy.Worker({f, g, worker, ...}, {args_f, args_g, {}, ...}): composed from left to right; every function gets {value of
-- the one before} as its inbox. The second table may be left out. papy.Worker(worker): the same once more.
-- Raises kind "worker" for what cannot be composed and for a wrong number of tables of arguments.
function M.Worker(what, args)
  return M.make("Worker", "worker", what, args)
end


-- ---- the call ----

-- The placeholders of an inbox as one error, or nil. With consume the slots are arrays themselves.
local function placeholder(inbox)
  local found, n = nil, 0
  local function look(slots, deeper)
    for i = 1, #slots do
      local slot = slots[i]
      if type(slot) == "table" then
        local meta = getmetatable(slot)
        if Error.is(slot) then
          found, n = found or {}, n + 1
          found[n] = slot
        elseif deeper and meta == nil then
          look(slot, false)
        end
      end
    end
  end
  look(inbox, true)
  return found and Error.join(found, n)
end


local function caught(raised)
  if Error.is_interrupt(raised) then return raised end
  return Error.caught(raised, debug.traceback(nil, 2))
end


-- What function i raised or returned as its error, with all that is known about it.
local function failure(raised, names, i, inbox)
  if Error.is_interrupt(raised) then error(raised, 0) end -- Ctrl-C is not the item's fault
  if Error.is(raised) then raised = {value = raised} end
  return Error.of_item(raised, "call", nil, nil, names, i, nil, inbox)
end


-- Call the composed functions, without a look for placeholders. Returns the value, or a papy.Error that tells of the
-- function that failed and of its own input.
local function run(functions, args, argn, names, inbox)
  local n = #functions
  for i = 1, n do
    local good, value
    if argn[i] == 0 then
      good, value = xpcall(functions[i], caught, inbox)
    else
      good, value = xpcall(functions[i], caught, inbox, unpack(args[i], 1, argn[i]))
    end
    if not good or (type(value) == "table" and Error.is(value)) then return failure(value, names, i, inbox) end
    if value == nil then value = null end
    if i == n then return value end
    inbox = {value}
  end
end


-- The worker of a piper of that name as a plain function of an inbox without placeholders.
function M.runner(worker, piper)
  local functions, args, argn, names = worker.functions, worker.args, worker.argn, {pipers = {}}
  for i, name in ipairs(worker.names) do names[i], names.pipers[i] = name, piper end
  if #functions > 1 or argn[1] > 0 then
    return function(inbox) return run(functions, args, argn, names, inbox) end
  end
  local f = functions[1]
  return function(inbox) -- the usual case
    local good, value = xpcall(f, caught, inbox)
    if not good or (type(value) == "table" and Error.is(value)) then return failure(value, names, 1, inbox) end
    if value == nil then return null end
    return value
  end
end


-- worker(inbox): the value; or a papy.Error of kind "function" with the name of the failing function, its position, traceback,
-- what it threw and its input. An inbox with a papy.Error in it, also one level deeper, calls nothing and gives that error;
-- several give one with all of them in `causes`. A result of nil is papy.null.
function Worker:__call(inbox)
  if type(inbox) ~= "table" then
    Error.raise("worker", "a Worker is called with an inbox, an array with one value per input; got %s", Error.render(inbox))
  end
  return placeholder(inbox) or run(self.functions, self.args, self.argn, self.names, inbox)
end


-- ---- comparing and showing ----

local function same(a, b, seen)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" or getmetatable(a) ~= getmetatable(b) then return false end
  if seen[a] then return seen[a] == b end
  seen[a] = b
  for key, value in next, a do
    if not same(value, rawget(b, key), seen) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end


-- Equal by content: the same functions in the same order with equal arguments.
function Worker.__eq(a, b)
  if not (M.is(a) and M.is(b)) or #a.functions ~= #b.functions then return false end
  for i, f in ipairs(a.functions) do
    if not rawequal(f, b.functions[i]) or not same(a.args[i], b.args[i], {}) then return false end
  end
  return true
end


function Worker:__tostring()
  return table.concat(self.names, ">")
end


return M
