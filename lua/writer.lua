-- writer: values and functions written as the text of a script that makes them again. Functions are written by their source
-- text, after everything they need: their upvalues become locals of the script, the globals they use become globals,
-- functions and tables recursively; modules are required. What is one function, table or upvalue stays one. What cannot be
-- written is refused with the path to it.
--
-- A value that has a name is `open` while its statement is being written. What needs it meanwhile, and can wait, is put off
-- until behind that statement: that is how tables that hold themselves come back.
local Error = require "papy.error"
local core = require "papy.core"
local known = require "papy.known"
local lex = require "papy.lex"
local literal = require "papy.literal"
local sources = require "papy.sources"
local worker = require "papy.worker"

local Writer = {}
Writer.__index = Writer

local M = {}

-- raised when a name is needed for a global that a local of the script has already: the script is begun anew
M.again = setmetatable({}, {__tostring = function() return "begin again" end})


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


local function is_regex(value)
  local meta = debug.getmetatable(value)
  return type(value) == "userdata" and type(meta) == "table" and rawget(meta, "__name") == "papy.regex"
end


-- Any value as an expression. `path` names it in refusals, with what is `inner`; `wanted` is the name it is given if it must have
-- one.
function Writer:value(value, path, inner, wanted)
  local text = literal.scalar(value) or self.text_for[value]
  if text then return text end
  if type(value) == "function" then return self:func(value, inside(path, inner), wanted) end
  if rawequal(value, core.sys.null) then return "papy.null" end
  if is_regex(value) then
    local flags = value.flags ~= "" and ", " .. literal.quote(value.flags) or ""
    return ("papy.regex(%s%s)"):format(literal.quote(value.pattern), flags)
  end
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

local function is_plain_table(value)
  return type(value) == "table" and not known.module(value) and not worker.is(value) and not rawequal(value, _G)
end


-- The text of t[key], "nil" when it is filled in behind the statement. `place` is how t is reached in the script, nil when it has
-- no name; then tables in it get names of their own.
function Writer:entry(t, key, place, index, path, inner)
  local value = rawget(t, key)
  if type(value) ~= "table" and type(value) ~= "function" then return self:value(value, path, inner) end
  if self.open[value] then
    if not place then refuse(inside(path, inner), "is made later; give it to the function as an upvalue") end
    self:add_behind(value, ("%s%s = %s"):format(place, index, self.text_for[value]))
    return "nil"
  end
  if not place or self.text_for[value] or not is_plain_table(value) then
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
    if value ~= "nil" then parts[#parts + 1] = (literal.is_name(key) and key or index) .. " = " .. value end
  end
  return self:with_metatable(t, literal.layout(parts), place, path, inner)
end


function Writer:with_metatable(t, text, place, path, inner)
  local meta = debug.getmetatable(t)
  if meta == nil then return text end
  local name = rawget(meta, "__name")
  if type(name) == "string" and name:find "^papy%." then refuse(inside(path, inner), "is a " .. name) end
  if self.open[meta] and place then
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


-- ---- what functions use ----

local function describe(f)
  return "function at " .. sources.place(f)
end


-- Must this function get a text of its own?
local function is_users(f)
  return type(f) == "function" and not known.place(f) and not known.global(f)
end


-- Give the name to a value: a function or table that has no text yet is written under it.
function Writer:assign(name, value, path, form)
  local text = value ~= nil and self.text_for[value] or nil
  if text == name then return end
  local module = type(value) == "table" and known.module(value)
  if module and not self.modules[module] and not known.is_standard(module, value) then
    return self:require(module, name, form)
  end
  if not text and is_users(value) then return self:define(value, path, name, form) end
  if not text and is_plain_table(value) then return self:table(name, value, path, name, form) end
  text = self:value(value, path, nil, name)
  if text == name then return end
  local is_local = form:find "^local"
  if is_local and self.open[value] then self.forward[name] = true end
  if text == "nil" and is_local then return self:add("local " .. name) end
  self:add_behind(value, (self.forward[name] and "%s = %s" or form):format(name, text))
end


-- A global that a function uses: nothing to do for what every program has, a definition for a person's.
function Writer:global(name, user)
  local value = rawget(_G, name)
  if self.taken[name] == "local" and not known.is_standard(name, value) then
    self.globals[name] = true
    error(M.again, 0)
  end
  if self.taken[name] == "global" or known.is_standard(name, value) then return end
  self.taken[name] = "global"
  if value ~= nil then self:assign(name, value, ("global '%s' of %s"):format(name, user), "%s = %s") end
end


-- May the upvalue be a local of the script under its own name?
function Writer:is_free(name, value)
  if known.is_standard(name, value) then return true end
  return not self.taken[name] and not self.globals[name] and not known.is_standard(name, rawget(_G, name))
end


-- A local of the script; or nothing, where the name stands for the value in every program.
function Writer:top_local(name, value, path)
  if known.is_standard(name, value) then return end
  self.taken[name], self.declaring[name] = "local", true
  self:assign(name, value, path, "local %s = %s")
  self.declaring[name] = nil
end


-- An upvalue of f. Where it can be a local of the script it becomes one. Else it goes into `block`, the locals around f alone:
-- {names =, values =, selves = those that are f itself, shared = {function, name} that has the same one}.
function Writer:upvalue(f, i, owner, block)
  local name, value = debug.getupvalue(f, i)
  local cell, path = debug.upvalueid(f, i), ("upvalue '%s' of %s"):format(name, owner)
  if name == "_ENV" then
    if not rawequal(value, _G) then refuse("the environment of " .. owner, "is not the global one") end
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
function Writer:define(f, path, name, form)
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


function Writer:add_definition(name, form, source, block)
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
function Writer:share(name, f, g)
  self.shares = true
  self:add_behind(g, ("share(%s, %s, %s)"):format(literal.quote(name), self.text_for[f], self.text_for[g]))
end


-- A function as an expression: where a module holds it, or the name it is defined under, after its definition is written.
function Writer:func(f, path, wanted)
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


local share = [[
-- two functions that count, fill or change one variable: upvalue `name` of f becomes the one of g
local function share(name, f, g)
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
  if self.shares then head[#head + 1] = (#head > 0 and "\n" or "") .. share end
  return table.concat(head, "\n") .. (#head > 0 and "\n\n" or "") .. table.concat(self.lines, "\n")
end


return M
