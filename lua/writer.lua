-- writer: values and functions written as the text of a script that makes them again. Functions (see definitions) are written by
-- their source text after everything they need; modules are required. What is one function, table or upvalue stays one. What
-- cannot be written is refused with the path to it.
--
-- A value that has a name is `open` while its statement is being written. What needs it meanwhile, and can wait, is put off
-- until behind that statement: that is how tables that hold themselves come back.
local Error = require "papy.error"
local core = require "papy.core"
local definitions = require "papy.definitions"
local known = require "papy.known"
local literal = require "papy.literal"
local log = require "papy.log"
local worker = require "papy.worker"

local Writer = {}
Writer.__index = Writer
for name, method in pairs(definitions) do Writer[name] = method end

local M = {
  again = definitions.again, -- raised when the script must be begun anew, with more names known as globals
}


-- A writer with nothing written. globals: names that are known to be globals of the functions, a set that may grow.
function M.new(globals)
  return setmetatable({
    globals = globals,
    lines = {},     -- the text so far
    forward = {},   -- locals that must be declared before everything else
    taken = {},     -- names of the script's locals and globals -> "local" or "global"
    text_for = {},  -- function or table -> how it is written where it is used
    open = {},      -- function or table whose statement is being written -> lines to follow it
    cells = {},     -- upvalue -> "script" when it is a local of the script, or the function whose block it is in
    declaring = {}, -- names whose local statement is being written
    modules = {},
  }, Writer)
end


local function refuse(path, what)
  Error.raise("plumber", "save: %s %s", path, what)
end


-- A path with what is inside it: "upvalue 'cfg' of …: cfg.out".
local function inside(path, inner)
  return inner and path .. ": " .. inner or path
end


-- ---- names and lines ----

-- A free name like the wanted one, taken now; `but` is a set of further names it must not be.
function Writer:name(wanted, but)
  local base = (wanted or ""):gsub("[^%w_]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  if base == "" then base = "f" end
  if base:find "^%d" then base = "n" .. base end
  if not literal.is_name(base) then base = base .. "_" end
  local name, n = base, 1
  while self.taken[name] or self.globals[name] or known.is_standard(name, rawget(_G, name)) or but and but[name] do
    n = n + 1
    name = base .. "_" .. n
  end
  self.taken[name] = "local"
  return name
end


function Writer:add(text, ...)
  self.lines[#self.lines + 1] = select("#", ...) > 0 and text:format(...) or text
end


-- One blank line, unless there is one.
function Writer:gap()
  local last = self.lines[#self.lines]
  if last and not last:find "\n$" then self:add "" end
end


-- A line that needs the value, which may be open yet.
function Writer:add_behind(value, line)
  local later = value ~= nil and self.open[value]
  if later then later[#later + 1] = line else self:add(line) end
end


-- Require the module under that name, on top of the script.
function Writer:require(module, name, form)
  self.modules[module], self.taken[name] = name, self.taken[name] or "local"
  self.modules[#self.modules + 1] = form:format(name, "require " .. literal.quote(module))
end


-- How a module is written: its global name, or a local that holds what `require` gives.
function Writer:module(module)
  if known.is_standard(module, package.loaded[module]) then return module end
  if not self.modules[module] then self:require(module, self:name(module:match "[^.]+$"), "local %s = %s") end
  return self.modules[module]
end


-- ---- values ----

local function what_it_is(value)
  local kind = io.type(value)
  if kind then return kind == "file" and "is a file" or "is a closed file" end
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if type(name) == "string" then return "is a " .. name end
  if type(value) == "thread" then return "is a coroutine" end
  return "is a " .. type(value)
end


-- What papy makes of an argument or two, as the call that makes it again; nil for everything else.
local function made_by_papy(value)
  if rawequal(value, core.sys.null) then return "papy.null" end
  local logger = log.name_of(value)
  if logger then return ("papy.log.logger(%s)"):format(literal.quote(logger)) end
  local meta = debug.getmetatable(value)
  if type(value) ~= "userdata" or type(meta) ~= "table" or rawget(meta, "__name") ~= "papy.regex" then return nil end
  local flags = value.flags ~= "" and ", " .. literal.quote(value.flags) or ""
  return ("papy.regex(%s%s)"):format(literal.quote(value.pattern), flags)
end


-- Any value as an expression. `path` names it in refusals, with what is `inner`; `wanted` is the name it is given if it must have
-- one.
function Writer:value(value, path, inner, wanted)
  local text = literal.scalar(value) or self.text_for[value]
  if text then return text end
  if type(value) == "function" then return self:func(value, inside(path, inner), wanted) end
  text = made_by_papy(value)
  if text then return text end
  if rawequal(value, _G) then return "_G" end
  if type(value) ~= "table" then refuse(inside(path, inner), what_it_is(value)) end
  local module = known.module(value)
  if module then return self:module(module) end
  if worker.is(value) then return self:worker(value, inside(path, inner)) end
  local name = self:name(wanted or "t")
  self:table(name, value, path, inner or name, "local %s = %s")
  return name
end


-- A Worker as an expression: the plain function where it is no more than that. `wanted` names its functions.
function Writer:worker(w, what, wanted)
  local functions, arguments, any = {}, {}, false
  for i, f in ipairs(w.functions) do
    local one = ("function %d of %s"):format(i, what)
    functions[i] = self:value(f, one, nil, wanted)
    arguments[i] = self:constructor(w.args[i], nil, ("the arguments of %s"):format(one), "args")
    any = any or next(w.args[i]) ~= nil
  end
  if #functions == 1 then
    return any and ("papy.Worker(%s, %s)"):format(functions[1], arguments[1]) or functions[1]
  end
  local list = "{" .. table.concat(functions, ", ") .. "}"
  return any and ("papy.Worker(%s, {%s})"):format(list, table.concat(arguments, ", ")) or ("papy.Worker(%s)"):format(list)
end


-- A name for something that is made later in the script, by `named`.
function Writer:expect(value, wanted)
  local name = self:name(wanted)
  self.text_for[value], self.open[value], self.declaring[name] = name, {}, true
  return name
end


-- The statement that makes what was expected.
function Writer:named(value, name, expression)
  local later = self.open[value]
  self.open[value], self.declaring[name] = nil, nil
  self:add(self.forward[name] and "%s = %s" or "local %s = %s", name, expression)
  for _, line in ipairs(later) do self:add(line) end
end


-- ---- tables ----

-- Is it a table that is written as one, and not by what made it?
function Writer.is_plain(value)
  return type(value) == "table" and not known.module(value) and not worker.is(value) and not log.name_of(value)
    and not rawequal(value, _G)
end


-- Something is made later than the table that holds it, which therefore must have a place.
function Writer:must_wait(place, path, inner)
  if not place then refuse(inside(path, inner), "is made later; give it to the function as an upvalue") end
end


-- The text of t[key], "nil" when it is filled in behind the statement. `place` is how t is reached in the script, nil when it has
-- no name; then tables in it get names of their own.
function Writer:entry(t, key, place, index, path, inner)
  local value = rawget(t, key)
  if type(value) ~= "table" and type(value) ~= "function" then return self:value(value, path, inner) end
  if self.open[value] then
    self:must_wait(place, path, inner)
    self:add_behind(value, ("%s%s = %s"):format(place, index, self.text_for[value]))
    return "nil"
  end
  if not place or self.text_for[value] or not self.is_plain(value) then
    return self:value(value, path, inner, type(key) == "string" and key or nil)
  end
  local later = self.open[t]
  self.text_for[value], self.open[value] = place .. index, later
  later.tables[#later.tables + 1] = value
  return self:constructor(value, place .. index, path, inner)
end


-- A table as a constructor, with its metatable.
function Writer:constructor(t, place, path, inner)
  local parts, length = {}, rawlen(t)
  for i = 1, length do
    local index = ("[%d]"):format(i)
    parts[i] = self:entry(t, i, place, index, path, inner .. index)
  end
  for _, key in ipairs(literal.keys(t, length)) do
    local text = self:value(key, path, "a key of " .. inner)
    local index = literal.index(key, text)
    local at = literal.scalar(key) and index or ("[%s]"):format(tostring(key))
    local value = self:entry(t, key, place, index, path, inner .. at)
    if value ~= "nil" and self.open[key] then
      self:must_wait(place, path, "a key of " .. inner)
      self:add_behind(key, ("%s%s = %s"):format(place, index, value))
    elseif value ~= "nil" then
      parts[#parts + 1] = (literal.is_name(key) and key or index) .. " = " .. value
    end
  end
  return self:with_metatable(t, literal.layout(parts), place, path, inner)
end


function Writer:with_metatable(t, text, place, path, inner)
  local meta = debug.getmetatable(t)
  if meta == nil then return text end
  local name = rawget(meta, "__name")
  if type(name) == "string" and name:find "^papy%." then refuse(inside(path, inner), "is a " .. name) end
  if self.open[meta] then
    self:must_wait(place, path, "the metatable of " .. inner)
    self:add_behind(meta, ("setmetatable(%s, %s)"):format(place, self.text_for[meta]))
    return text
  end
  return ("setmetatable(%s, %s)"):format(text, self:value(meta, path, "the metatable of " .. inner, "meta"))
end


-- The statement that makes the table `name`.
function Writer:table(name, t, path, inner, form)
  local later = {tables = {t}}
  self.text_for[t], self.open[t], self.declaring[name] = name, later, true
  local text = self:constructor(t, name, path, inner)
  self.declaring[name] = nil
  for _, inlined in ipairs(later.tables) do self.open[inlined] = nil end
  self:add(self.forward[name] and "%s = %s" or form, name, text)
  for _, line in ipairs(later) do self:add(line) end
end


local share = [[
-- two functions that count, fill or change one variable: upvalue `name` of f becomes the one of g
local function %s(name, f, g)
  local function at(h)
    local i = 1
    while debug.getupvalue(h, i) ~= name do i = i + 1 end
    return i
  end
  debug.upvaluejoin(f, at(f), g, at(g))
end]]


-- Everything written so far, as text.
function Writer:text()
  local names, head = {}, {}
  for name in pairs(self.forward) do names[#names + 1] = name end
  table.sort(names)
  for _, line in ipairs(self.modules) do head[#head + 1] = line end
  if #names > 0 then head[#head + 1] = "local " .. table.concat(names, ", ") end
  if self.share_name then head[#head + 1] = (#head > 0 and "\n" or "") .. share:format(self.share_name) end
  return table.concat(head, "\n") .. (#head > 0 and "\n\n" or "") .. table.concat(self.lines, "\n")
end


return M
