-- definitions: what a writer needs to write functions: the statements that define them, after their upvalues as locals and their
-- globals as globals. Methods of a writer (see writer).
--
-- An upvalue becomes a local of the script under its own name, which is what the function's text calls it. Where that name stands
-- for something else already, the function gets a block around it with locals of its own, and what two functions in such
-- blocks have in common is made one behind them.
local Error = require "papy.error"
local known = require "papy.known"
local lex = require "papy.lex"
local literal = require "papy.literal"
local sources = require "papy.sources"

local Definitions = {}

-- raised when a name is needed for a global that a local of the script has already: the script is begun anew
Definitions.again = setmetatable({}, {__tostring = function() return "begin again" end})


local function refuse(path, what)
  Error.raise("plumber", "save: %s %s", path, what)
end


-- ---- what functions use ----

local function describe(f)
  return "function at " .. sources.place(f)
end


-- Must this function get a text of its own?
local function is_users(f)
  return type(f) == "function" and not known.place(f) and not known.global(f)
end


-- Give the name to a value: a function or table that has no text yet is written under it.
function Definitions:assign(name, value, path, form)
  local text = value ~= nil and self.text_for[value] or nil
  if text == name then return end
  local module = type(value) == "table" and known.module(value)
  if module and not self.modules[module] and not known.is_standard(module, value) then
    return self:require(module, name, form)
  end
  if not text and is_users(value) then return self:define(value, path, name, form) end
  if not text and self.is_plain(value) then return self:table(name, value, path, name, form) end
  text = self:value(value, path, nil, name)
  if text == name then return end
  local is_local = form:find "^local"
  if is_local and self.open[value] then self.forward[name] = true end
  if text == "nil" and is_local then return self:add("local " .. name) end
  self:add_behind(value, (self.forward[name] and "%s = %s" or form):format(name, text))
end


-- A global that a function uses: nothing to do for what every program has, a definition for a person's.
function Definitions:global(name, user)
  local value = rawget(_G, name)
  if self.taken[name] == "local" and not known.is_standard(name, value) then
    self.globals[name] = true
    error(Definitions.again, 0)
  end
  if self.taken[name] == "global" or known.is_standard(name, value) then return end
  self.taken[name] = "global"
  if value ~= nil then self:assign(name, value, ("global '%s' of %s"):format(name, user), "%s = %s") end
end


-- May the upvalue be a local of the script under its own name?
function Definitions:is_free(name, value)
  if known.is_standard(name, value) then return true end
  return not self.taken[name] and not self.globals[name] and not known.is_standard(name, rawget(_G, name))
end


-- A local of the script; or nothing, where the name stands for the value in every program.
function Definitions:top_local(name, value, path)
  if known.is_standard(name, value) then return end
  self.taken[name], self.declaring[name] = "local", true
  self:assign(name, value, path, "local %s = %s")
  self.declaring[name] = nil
end


-- An upvalue of f. Where it can be a local of the script it becomes one. Else it goes into `block`, the locals around f alone:
-- {names =, values =, selves = those that are f itself, shared = {function, name} that has the same one}.
function Definitions:upvalue(f, i, owner, block)
  local name, value = debug.getupvalue(f, i)
  local cell, path = debug.upvalueid(f, i), ("upvalue '%s' of %s"):format(name, owner)
  if name == "_ENV" then
    local standard = rawequal(value, _G) or rawequal(value, _ENV) -- that of papy's own files
    if not standard then refuse("the environment of " .. owner, "is not the global one") end
    return
  end
  if self.cells[cell] == nil and value ~= nil and self.text_for[value] == name then self.cells[cell] = "script" end
  if self.cells[cell] == nil and self:is_free(name, value) then
    self.cells[cell] = "script"
    self:top_local(name, value, path)
  end
  if self.cells[cell] == "script" then
    if self.declaring[name] then self.forward[name] = true end
    return
  end
  local expression
  if self.cells[cell] then
    block.shared[#block.shared + 1] = {self.cells[cell], name}
  elseif rawequal(value, f) then
    block.selves[#block.selves + 1] = name
  elseif value ~= nil and self.open[value] then
    refuse(path, "needs itself, and its name stands for something else too; rename one of them")
  else
    expression = self:value(value, path, nil, name)
    if expression == name then
      self.cells[cell] = "script"
      return
    end
  end
  self.cells[cell] = self.cells[cell] or f
  block.names[#block.names + 1] = name
  block.values[#block.values + 1] = expression or "nil"
end


-- ---- functions ----

-- Write what defines f under `name`: `form` says how, "local %s = %s" or "%s = %s".
function Definitions:define(f, path, name, form)
  local source, why = sources.of(f)
  if not source then refuse(path, ("(%s) cannot be written as text: %s"):format(describe(f), why)) end
  local owner, later = describe(f), {}
  self.text_for[f], self.open[f], self.declaring[name] = name, later, true
  if form:find "^local" then self.taken[name] = "local" end
  local block, own = {names = {}, values = {}, selves = {}, shared = {}}, {}
  for constant in pairs(source.constants) do own[constant] = true end
  for i, upvalue in ipairs(sources.upvalue_names(f)) do
    self:upvalue(f, i, owner, block)
    own[upvalue] = true
  end
  for _, global in ipairs(lex.free_names(source.body)) do
    if not own[global] then self:global(global, owner) end
  end
  self.open[f], self.declaring[name] = nil, nil
  self:add_definition(name, form, source, block)
  for _, shared in ipairs(block.shared) do self:share(shared[2], f, shared[1]) end
  for _, line in ipairs(later) do self:add(line) end
end


local function constants_of(source)
  local lines = {}
  for name, value in pairs(source.constants) do
    lines[#lines + 1] = ("local %s <const> = %s"):format(name, literal.scalar(value))
  end
  table.sort(lines)
  return lines
end


-- The lines inside a block: the function's own locals. One statement for all, so that no value is taken from another one.
local function locals_of(source, block)
  local lines, any = constants_of(source), false
  for _, value in ipairs(block.values) do any = any or value ~= "nil" end
  if #block.names > 0 then
    local values = any and " = " .. table.concat(block.values, ", ") or ""
    table.insert(lines, 1, "local " .. table.concat(block.names, ", ") .. values)
  end
  return lines
end


local function has(list, item)
  for _, other in ipairs(list) do
    if other == item then return true end
  end
  return false
end


function Definitions:add_definition(name, form, source, block)
  local is_local, expression = form:find "^local" ~= nil, sources.expression(source)
  local lines = locals_of(source, block)
  if #lines == 0 then
    if self.forward[name] then return self:add("%s = %s\n", name, expression) end
    return self:add("%sfunction %s%s\n", is_local and "local " or "", name, expression:sub(#"function" + 1))
  end
  if is_local then self.forward[name] = true end
  if source.movable then expression = expression:gsub("\n", "\n  ") end
  local hidden = has(block.names, name) -- one of the block's locals has the name that is to be defined
  lines[#lines + 1] = (hidden and "local result" or name) .. " = " .. expression
  for _, own in ipairs(block.selves) do lines[#lines + 1] = own .. " = " .. (hidden and "result" or name) end
  if hidden then lines[#lines + 1] = "return result" end
  local text = "  " .. table.concat(lines, "\n  ")
  if hidden then self:add("%s = (function()\n%s\nend)()\n", name, text) else self:add("do\n%s\nend\n", text) end
end


-- Make upvalue `name` of f the one of g, both of which are in blocks of their own.
function Definitions:share(name, f, g)
  self.share_name = self.share_name or self:name "share"
  local call = ("%s(%s, %s, %s)"):format(self.share_name, literal.quote(name), self.text_for[f], self.text_for[g])
  self:add_behind(g, call)
end


-- A function as an expression: where a module holds it, or the name it is defined under, after its definition is written.
function Definitions:func(f, path, wanted)
  if self.text_for[f] then return self.text_for[f] end
  local standard = known.global(f)
  if standard then return standard end
  local module, key = known.place(f)
  if module then
    self.text_for[f] = self:module(module) .. "." .. key
    return self.text_for[f]
  end
  local source = sources.of(f)
  local own_name = source and source.name and source.name:match "[%w_]+$"
  if own_name and rawequal(rawget(_G, own_name), f) and self.taken[own_name] ~= "local" then
    self:global(own_name, path)
    return own_name
  end
  local upvalues = {}
  for i, name in ipairs(sources.upvalue_names(f)) do
    upvalues[name] = not rawequal(select(2, debug.getupvalue(f, i)), f)
  end
  local name = self:name(own_name or wanted, upvalues)
  self:define(f, path, name, "local %s = %s")
  return name
end


return Definitions
