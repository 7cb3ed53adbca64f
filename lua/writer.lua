-- writer: values and functions written as the text of a script that makes them again. Functions are written by their source
-- text, after everything they need: their upvalues become locals of the script, the globals they use become globals,
-- functions recursively; modules are required. What cannot be written is refused with the path to it.
local Error = require "papy.error"
local core = require "papy.core"
local lex = require "papy.lex"
local literal = require "papy.literal"
local sources = require "papy.sources"

local Writer = {}
Writer.__index = Writer

local M = {}


-- A writer with nothing written; `reserved` are names the script uses for itself.
function M.new(reserved)
  local self = {
    lines = {},     -- the text so far
    forward = {},   -- locals that must be declared before everything else
    taken = {},     -- names of the script's locals and globals -> true, "local" or "global"
    text_for = {},  -- function, module or shared table -> how it is written where it is used
    writing = {},   -- functions being written just now
    cells = {},     -- upvalue -> the script's local that stands for it
    modules = {},
  }
  for _, name in ipairs(reserved) do self.taken[name] = "local" end
  return setmetatable(self, Writer)
end


local function refuse(path, what)
  Error.raise("plumber", "save: %s %s", path, what)
end


-- ---- names ----

-- A free name like the wanted one, taken now.
function Writer:name(wanted)
  local base = (wanted or ""):gsub("[^%w_]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  if base == "" then base = "f" end
  if base:find "^%d" then base = "n" .. base end
  if not literal.is_name(base) then base = base .. "_" end
  local name, n = base, 1
  while self.taken[name] or rawget(_G, name) ~= nil do
    n = n + 1
    name = base .. "_" .. n
  end
  self.taken[name] = "local"
  return name
end


function Writer:add(text, ...)
  self.lines[#self.lines + 1] = select("#", ...) > 0 and text:format(...) or text
end


-- ---- modules and what they hold ----

local function module_name(value)
  for name, module in pairs(package.loaded) do
    if rawequal(module, value) and type(name) == "string" and name ~= "_G" then return name end
  end
end


-- "math", "sin" for math.sin: the module that holds a function, the one with the shortest name.
local function place_in_module(f)
  local best, best_key
  for name, module in pairs(package.loaded) do
    if type(name) == "string" and name ~= "_G" and type(module) == "table" and name:sub(1, 10) ~= "papy.core" then
      for key, value in next, module do
        local better = not best or #name < #best or (#name == #best and name < best)
        if rawequal(value, f) and literal.is_name(key) and better then best, best_key = name, key end
      end
    end
  end
  return best, best_key
end


-- How a module is written: its global name, or a local that holds what `require` gives.
function Writer:module(name, wanted)
  if rawget(_G, name) == package.loaded[name] and literal.is_name(name) then return name end
  if not self.modules[name] then
    local here = self:name(wanted or name:match "[^.]+$")
    self.modules[name] = here
    self.modules[#self.modules + 1] = ("local %s = require %s"):format(here, literal.quote(name))
  end
  return self.modules[name]
end


local function global_name_of_c(f)
  if type(f) ~= "function" or debug.getinfo(f, "S").what ~= "C" then return nil end
  for name, value in next, _G do
    if rawequal(value, f) and literal.is_name(name) then return name end
  end
end


-- ---- values ----

local function what_it_is(value)
  local kind = io.type(value)
  if kind then return kind == "file" and "is a file" or "is a closed file" end
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if type(name) == "string" then return "is a " .. name end
  if type(value) == "thread" then return "is a coroutine" end
  if type(value) == "table" then return meta.__call and "is a callable table" or "is a table with a metatable" end
  return "is a " .. type(value)
end


-- Any value as an expression; `path` names it in refusals, and `name` what is inside it.
function Writer:value(value, path, name)
  return literal.write(value, path, name, function(v, at, inside)
    if rawequal(v, core.sys.null) then return "papy.null" end
    if type(v) == "function" then return self:func(v, at) end
    if self.text_for[v] then return self.text_for[v] end
    local module = type(v) == "table" and module_name(v)
    if module then return self:module(module) end
    if type(v) ~= "table" or debug.getmetatable(v) ~= nil then refuse(at, what_it_is(v)) end
    if inside then refuse(at, "is a table that holds itself") end
  end)
end


-- ---- functions ----

local function describe(f)
  return "function at " .. sources.place(f)
end


-- A global that a function uses: nothing to do for Lua's own, a definition for a person's.
function Writer:global(name, user)
  local value = rawget(_G, name)
  if value == nil or self.taken[name] == "global" then return end
  if rawequal(package.loaded[name], value) then return end
  if type(value) == "function" and debug.getinfo(value, "S").what == "C" then return end
  local path = ("global '%s' of %s"):format(name, user)
  if self.taken[name] then refuse(path, "has the name of an upvalue of another function; rename one of them") end
  self.taken[name] = "global"
  if not self:defines(value, path, name, "%s = %s") then
    self:add("%s = %s", name, self:value(value, path, name))
    if type(value) == "table" then self.text_for[value] = name end
  end
end


-- Does this very name stand for this very value already, or will it soon?
function Writer:stands_for(name, value, user)
  if self.text_for[value] ~= name then return false end
  if self.writing[value] and value ~= user then self.forward[name] = true end
  return true
end


-- The local that stands for an upvalue gets the upvalue's own name. Returns nothing when it does; the lines for a block of the
-- function's own, before and after it, when that name stands for something else.
function Writer:upvalue(f, i, owner)
  local name, value = debug.getupvalue(f, i)
  local cell, path = debug.upvalueid(f, i), ("upvalue '%s' of %s"):format(name, owner)
  if name == "_ENV" then
    if not rawequal(value, _G) then refuse("the environment of " .. owner, "is not the global one") end
    return nil
  end
  if value ~= nil and self:stands_for(name, value, f) then
    self.cells[cell] = name
    return nil
  end
  if self.cells[cell] == name then return nil end
  if self.cells[cell] then refuse(path, "is shared by functions, and its name stands for something else too; rename one") end
  local global = rawget(_G, name)
  if self.taken[name] or (global ~= nil and not rawequal(global, value)) then
    self.cells[cell] = "in a block"
    return self:own_local(f, name, value, path)
  end
  self.cells[cell] = name
  self:top_local(name, value, path)
end


-- A local of the script.
function Writer:top_local(name, value, path)
  local module = type(value) == "table" and module_name(value)
  if module and not self.modules[module] and rawget(_G, module) ~= value then
    self:module(module, name)
  elseif not self:defines(value, path, name, "local %s = %s") then
    self.taken[name] = "local"
    local expression = self:value(value, path, name)
    if expression ~= name then self:add("local %s = %s", name, expression) end
    if type(value) == "table" and not module then self.text_for[value] = name end
  end
end


-- Write a function that has no text yet under that name; false when it has, or is none.
function Writer:defines(value, path, name, form)
  if type(value) ~= "function" or self.text_for[value] or place_in_module(value) or global_name_of_c(value) then return false end
  self.taken[name] = form:find "^local" and "local" or "global"
  self.text_for[value] = name
  self:define(value, path, name, form)
  return true
end


-- A local in the function's own block.
function Writer:own_local(f, name, value, path)
  if rawequal(value, f) then return ("local %s"):format(name), ("%s = %s"):format(name, self.text_for[f]) end
  if self.writing[value] then refuse(path, "needs itself, and its name stands for something else too; rename one") end
  local expression = self:value(value, path, name)
  if expression == name then return nil end
  return ("local %s = %s"):format(name, expression)
end


local function indent(text)
  return "  " .. text:gsub("\n", "\n  ")
end


-- Write what defines f under `name`: `form` says how, "local %s = %s" or "%s = %s".
function Writer:define(f, path, name, form)
  local source, why = sources.of(f)
  if not source then refuse(path, ("(%s) cannot be written as text: %s"):format(describe(f), why)) end
  local owner = describe(f)
  self.writing[f] = name
  local before, after = {}, {}
  local upvalues = {}
  for i, upvalue in ipairs(sources.upvalue_names(f)) do
    local first, last = self:upvalue(f, i, owner)
    before[#before + 1], after[#after + 1] = first, last
    upvalues[upvalue] = true
  end
  for _, global in ipairs(lex.free_names(source.body)) do
    if not upvalues[global] then self:global(global, owner) end
  end
  self.writing[f] = nil
  self:add_definition(name, form, sources.expression(source), before, after)
end


function Writer:add_definition(name, form, expression, before, after)
  local is_local = form:find "^local" ~= nil
  if #before > 0 then
    if is_local then self.forward[name] = true end
    local block = {}
    for _, line in ipairs(before) do block[#block + 1] = "  " .. line:gsub("\n", "\n  ") end
    block[#block + 1] = "  " .. name .. " = " .. expression
    for _, line in ipairs(after) do block[#block + 1] = indent(line) end
    self:add("do\n%s\nend\n", table.concat(block, "\n"))
  elseif self.forward[name] then
    self:add("%s = %s\n", name, expression)
  else
    self:add("%sfunction %s%s\n", is_local and "local " or "", name, expression:sub(#"function" + 1))
  end
end


-- A function as an expression: where a module holds it, or the name it is defined under, after its definition is written.
function Writer:func(f, path, wanted)
  if self.text_for[f] then
    if self.writing[f] and self.writing[f] == self.text_for[f] then self.forward[self.text_for[f]] = true end
    return self.text_for[f]
  end
  local c_name = global_name_of_c(f)
  if c_name then return c_name end
  local module, key = place_in_module(f)
  if module then
    self.text_for[f] = self:module(module) .. "." .. key
    return self.text_for[f]
  end
  local source = sources.of(f)
  local own_name = source and source.name and source.name:match "[%w_]+$"
  local global = own_name and rawequal(rawget(_G, own_name), f)
  if global and not self.taken[own_name] then
    self:global(own_name, path)
    return own_name
  end
  local name = self:name(own_name or wanted)
  self.text_for[f] = name
  self:define(f, path, name, "local %s = %s")
  return name
end


-- Everything written so far, as text.
function Writer:text()
  local names, head = {}, {}
  for name in pairs(self.forward) do names[#names + 1] = name end
  table.sort(names)
  for _, line in ipairs(self.modules) do head[#head + 1] = line end
  if #names > 0 then head[#head + 1] = "local " .. table.concat(names, ", ") end
  return table.concat(head, "\n") .. (#head > 0 and "\n\n" or "") .. table.concat(self.lines, "\n")
end


return M
