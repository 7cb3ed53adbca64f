-- Error: what papy raises, and what stands in the place of an item that failed.
--
-- Fields: kind ("function" "input" "timeout" "died" "codec" "deadlock" "closed" …), message (with the position in the
-- user's file), traceback (of the worker), value (what was thrown), task, index, item (a short rendering), name (of the task, or
-- of the function), piper and pool (their names), attempts, causes, results (what collect took). tostring gives the sentence a
-- person wants.
local core = require "papy.core"

local M = {}

local Error = {__name = "papy.Error"}
Error.__index = Error
core.codec.class("papy.Error", Error)
core.sys.error_class(Error)
M.class = Error


local function shorten(text, most)
  return #text > most and text:sub(1, most - 3) .. "..." or text
end


-- tostring, or what there is to say when the value's own __tostring fails
local function words(value)
  local ok, text = pcall(tostring, value)
  return ok and text or ("a %s whose __tostring fails"):format(type(value))
end


-- A short, single-line picture of a value, for messages.
local function render(value, depth)
  local kind = type(value)
  if kind == "string" then
    return shorten((("%q"):format(value):gsub("\\\n", "\\n"):gsub("[%c\127-\255]", "?")), 60)
  end
  if value == core.sys.null then return "null" end
  if kind ~= "table" or getmetatable(value) then return shorten(words(value), 60) end
  if depth == 0 then return "{...}" end
  local parts, n = {}, #value
  for i = 1, math.min(n, 5) do parts[#parts + 1] = render(value[i], depth - 1) end
  for key, v in next, value do
    if #parts >= 6 then break end
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then
      local name = type(key) == "string" and key or "[" .. render(key, 0) .. "]"
      parts[#parts + 1] = name .. " = " .. render(v, depth - 1)
    end
  end
  if n > 5 then parts[#parts + 1] = "..." end
  return shorten("{" .. table.concat(parts, ", ") .. "}", 80)
end


function M.render(value)
  return render(value, 2)
end


-- papy.Error{kind = …, message = …, …}: an error for a function to raise or return, with any further fields.
setmetatable(Error, {__call = function(_, fields)
  if type(fields) == "string" then fields = {message = fields} end
  if type(fields) ~= "table" then
    M.raise("option", "Error: a table of fields or a message expected, got %s", M.render(fields))
  end
  return setmetatable(fields, Error)
end})


function M.is(value)
  return rawequal(getmetatable(value), Error)
end


function M.new(fields)
  return setmetatable(fields, Error)
end


-- "file:line: " of the innermost function that is not papy's own
local function position()
  for level = 3, 50 do
    local info = debug.getinfo(level, "Sl")
    if not info then return "" end
    local own = info.what == "C" or info.source:find "^=%[papy%] "
    if not own and info.currentline > 0 then return ("%s:%d: "):format(info.short_src, info.currentline) end
  end
  return ""
end


-- Raise an error of that kind at the place where the user called papy.
function M.raise(kind, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(M.new {kind = kind, message = position() .. message, traceback = core.sys.traceback(1)}, 0)
end


-- The same for C, which has put the message together.
function M.raise_plain(kind, message)
  M.raise(kind, message)
end


-- The same about the pool of that name; the message goes on after "pool 'name'".
function M.raise_in(kind, pool, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  message = ("%spool '%s'%s"):format(position(), pool or "?", message)
  error(M.new {kind = kind, message = message, pool = pool, traceback = core.sys.traceback(1)}, 0)
end


-- " of piper 'x', function 'f'" or " of task 1 'f'"
local function whose(self)
  if self.piper then
    local more = self.name and self.name ~= self.piper and (", function '%s'"):format(self.name) or ""
    return (" of piper '%s'%s"):format(self.piper, more)
  end
  return (self.task and " of task " .. tostring(self.task) or "") .. (self.name and (" '%s'"):format(self.name) or "")
end


local function where(self)
  if not self.index or self.causes then return "" end -- causes say it themselves
  local parts = {" (item ", tostring(self.index), whose(self)}
  if self.pool and self.pool ~= self.name then parts[#parts + 1] = " of pool '" .. self.pool .. "'" end
  if self.item then parts[#parts + 1] = ": " .. self.item end
  return table.concat(parts) .. ")"
end


function Error:__tostring()
  local text = tostring(self.message or "unknown error") .. where(self)
  if self.attempts and self.attempts > 1 then text = text .. (" after %d attempts"):format(self.attempts) end
  return text
end


-- ---- called from C ----

-- the words for any thrown value
local function message_of(value)
  if type(value) == "string" then return value end
  if M.is(value) then return value.message end
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__tostring then
    local ok, text = pcall(tostring, value)
    if ok then return text end
  end
  return value == nil and "nil was thrown" or "a " .. type(value) .. " was thrown: " .. M.render(value)
end


-- a value that cannot travel must not keep its error from travelling
local function sendable(value)
  if pcall(core.codec.encode, value) then return value end
  return words(value)
end


local function fill(err, fields)
  for key, value in pairs(fields) do
    if err[key] == nil then err[key] = value end
  end
  return err
end


-- An error that can travel: this one, or one with words for what cannot.
function M.sendable(err)
  if pcall(core.codec.encode, err) then return err end
  local new = M.new {}
  for key, value in pairs(err) do new[sendable(key)] = sendable(value) end
  return new
end


-- A new error, which is one line of the log.
local function logged(err)
  if core.log.enabled "error" then core.log.write("error", "papy", tostring(err)) end
  return err
end


-- Whose function it was: its name and, in a pipeline, its piper's. names: a name or false; of composed functions an array, in a
-- pipeline with their pipers as `pipers`. step: which of them; 0 before the first.
local function who(names, step)
  if type(names) ~= "table" then return names or nil, nil end
  step = math.max(step, 1)
  return names[step], names.pipers and names.pipers[step]
end


-- Message handler of input pulls.
function M.caught(value, traceback)
  if M.is(value) then return fill(value, {traceback = traceback}) end
  if M.is_interrupt(value) then return value end
  return {value = value, traceback = traceback}
end


function M.is_interrupt(value)
  return type(value) == "string" and (value == "interrupted!" or value:find(":%d+: interrupted!$") ~= nil)
end


-- Is it the error of an item of another task, to be handed on in its place?
function M.passes(value)
  return M.is(value) and value.index ~= nil
end


-- An item that could not be submitted: its input raised or gave an error, or it cannot travel. What is an error of an item
-- already stays as it is.
function M.of_input(raised, kind, task, index, names, pool)
  if M.is(raised) and raised.index then return raised end
  local name, piper = who(names, 1)
  local fields = {kind = kind, task = task, index = index, name = name, piper = piper, pool = pool}
  if M.is(raised) then return logged(fill(M.new(fill({}, raised)), fields)) end
  if type(raised) ~= "table" then raised = {value = raised} end
  fields.message, fields.value, fields.traceback = message_of(raised.value), sendable(raised.value), raised.traceback
  return logged(M.new(fields))
end


-- A tasklet that raised, or whose item or result could not travel.
function M.of_item(raised, phase, task, index, names, step, attempts, item, pool)
  local value = raised.value
  local shown
  if phase ~= "decode" then shown = M.render(item) end
  local name, piper = who(names, step)
  local fields = {task = task, index = index, name = name, piper = piper, attempts = attempts, item = shown, pool = pool,
    traceback = raised.traceback}
  if M.is(value) and phase == "call" then
    local err = fill(M.new(fill({}, value)), fields)
    err.kind = err.kind or "function"
    err.message = err.message or "a papy.Error without a message"
    err = M.sendable(err)
    return value.item == nil and logged(err) or err -- one with an item comes by a second time, from a Worker
  end
  fields.kind = phase == "call" and "function" or "codec"
  fields.message = message_of(value)
  fields.value = sendable(value)
  return logged(M.new(fields))
end


local fault_words = {
  timeout = "the tasklet took longer than its task_timeout; its worker was stopped",
  memory = "not enough memory",
}


-- The item of a tasklet whose worker is gone. Only what the first of composed functions was given is still known, so it says
-- whose that was.
local function item_given(item, names, step)
  if item == nil then return nil end
  if step <= 1 then return M.render(item) end
  local first, first_piper = who(names, 1)
  local _, piper = who(names, step)
  local same = piper == first_piper
  return ("%s, as %s '%s' got it"):format(M.render(item), same and "function" or "piper", same and first or first_piper)
end


-- A tasklet whose worker is gone.
function M.of_fault(cause, text, task, index, names, step, attempts, item, pool)
  local message = fault_words[cause]
  if cause == "died" then message = "worker " .. text end
  if cause == "no worker" then
    message = "no worker could be started" .. (text ~= "" and ": " .. text or "")
    cause = "died"
  end
  local name, piper = who(names, step)
  return logged(M.new {kind = cause == "memory" and "function" or cause, message = message, task = task, index = index,
    name = name, piper = piper, attempts = attempts > 0 and attempts or nil, item = item_given(item, names, step),
    pool = pool})
end


function M.of_codec(message, task, index, pool)
  return logged(M.new {kind = "codec", message = message_of(message), value = message, task = task, index = index, pool = pool})
end


-- One error for a join: parts[1..n] may hold errors and other values.
function M.join(parts, n)
  local causes = {}
  for i = 1, n do
    if M.is(parts[i]) then causes[#causes + 1] = parts[i] end
  end
  if #causes == 1 then return causes[1] end
  local messages, said = {}, {}
  for _, err in ipairs(causes) do
    local text = tostring(err)
    if not said[text] then messages[#messages + 1] = text end -- all parts of a produced item say the same
    said[text] = true
  end
  return M.new {kind = causes[1].kind, message = table.concat(messages, "; "), causes = causes, task = causes[1].task,
    index = causes[1].index, traceback = causes[1].traceback}
end


return M
