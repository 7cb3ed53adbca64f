-- help: the comments above public functions, shown at the prompt. There is no other text of documentation: whoever writes a
-- function with a comment above it, in lua/, stdlib/ or a file of one's own, has written its help.
--
--   help()                what there is
--   help(papy.NuMap)      a function: its comment, and the other documented functions of its file
--   help(pool)            any value: what it is and what can be called on it
--   help "add_task"       a name: of a part of papy, of a method, of a module
local known = require "papy.known"
local members = require "papy.members"
local methods = require "papy.methods"
local embedded = require "papy.texts"

local M = {}

local OWN = "^=%[papy%] (.+)$"


-- ---- texts ----

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  return text
end


local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end


-- The lines of the file that a function is from, and the number of its first; nil for functions of C or of no file.
local function place_of(f)
  local info = debug.getinfo(methods.behind(f), "S")
  local own = info.source:match(OWN)
  local text = own and embedded(own) or info.source:sub(1, 1) == "@" and read(info.source:sub(2))
  if info.what ~= "Lua" or not text then return nil end
  return lines_of(text), info.linedefined
end


-- The comment that ends right above line n, without its dashes; nil when there is none.
local function comment_above(lines, n)
  local doc = {}
  while n > 1 and lines[n - 1]:find "^%s*%-%-" do
    n = n - 1
    table.insert(doc, 1, (lines[n]:gsub("^%s*%-%- ?", "")))
  end
  return #doc > 0 and not doc[1]:find "^%-%-%-%-" and table.concat(doc, "\n") or nil
end


-- The comment that a file begins with.
local function comment_on_top(lines)
  local n = 1
  while lines[n] and lines[n]:find "^%-%-" do n = n + 1 end
  return comment_above(lines, n)
end


-- what a list shows of a comment
local SHORT = 100


local function first_sentence(doc)
  local text = doc:gsub("\n%s*\n.*", ""):gsub("%s*\n%s*", " ")
  text = text:match "^(.-%.)%s" or text
  return #text <= SHORT and text or text:sub(1, SHORT):gsub("%s+%S*$", "") .. " ..."
end


-- ---- what is documented where ----

-- "Pool:add_task(f, input, opts)" in a line that defines a public function, and its name; nil in others. M is the module.
local function defined_in(line)
  local name, parameters = line:match "^function ([%w_.:]+)(%b())"
  if not name or name:find "[.:]_" then return nil end
  return name:gsub("^M%.", "") .. parameters, name:match "[%w_]+$"
end


-- Call visit(signature, name, doc) for every public function of a file that has a comment above it.
local function each_documented(lines, visit)
  for n, line in ipairs(lines) do
    local signature, name = defined_in(line)
    local doc = signature and comment_above(lines, n)
    if doc then visit(signature, name, doc) end
  end
end


-- What lua/papy.lua says about a part of papy: the comment behind its line, or above it.
local function note_in_papy(name)
  local lines = lines_of(embedded "lua/papy.lua")
  for n, line in ipairs(lines) do
    if line:match "^  ([%w_]+) = " == name then return line:match "%-%- (.*)" or comment_above(lines, n) end
  end
end


-- The name under which a value stands in papy, or in the table of loaded modules.
local function name_of(value)
  local found
  members.each(papy, function(name)
    if rawequal(members.get(papy, name), value) and (not found or name < found) then found = name end
  end)
  if found then return "papy." .. found, found end
  for name, module in pairs(package.loaded) do
    if rawequal(module, value) then return name end
  end
end


-- The lines of the module of that name, if it is papy's own.
local function lines_of_module(name)
  local path = name:gsub("%.", "/")
  local text = embedded("lua/" .. path:gsub("^papy/", "") .. ".lua")
  if not name:find "^papy%." then text = nil end
  text = text or embedded("stdlib/" .. path .. ".lua")
  return text and lines_of(text)
end


-- The documentation of a value, nil when there is none.
local function doc_of(value)
  local full, short = name_of(value)
  if type(value) == "function" then
    local lines, n = place_of(value)
    local doc = lines and comment_above(lines, n)
    if doc then return doc end
  end
  local note = short and note_in_papy(short)
  if note then return note end
  local lines = type(value) == "table" and full and (lines_of_module(full) or lines_of_module("papy." .. full))
  return lines and comment_on_top(lines) or nil
end


-- ---- showing ----

-- Entries are {what, doc}; those without a comment come in one line at the end.
local function show_list(entries)
  table.sort(entries, function(a, b) return a[1] < b[1] end)
  local width, bare = 0, {}
  for _, entry in ipairs(entries) do
    if entry[2] then width = math.max(width, math.min(#entry[1], 30)) else bare[#bare + 1] = entry[1] end
  end
  for _, entry in ipairs(entries) do
    if entry[2] then io.write(("  %-" .. width .. "s  "):format(entry[1]), first_sentence(entry[2]), "\n") end
  end
  if #bare > 0 then io.write("  ", table.concat(bare, " "), "\n") end
end


-- "next(opts)", or the name alone where the function's file cannot be read
local function signature_of(name, f)
  local lines, n = place_of(f)
  return lines and (defined_in(lines[n] or "") or ""):match "[%w_]+%b()$" or name
end


-- What can be called on a value; `told`: its documentation has been shown, so that bare names would say nothing new.
local function show_members(value, told)
  local entries, documented = {}, false
  members.each(value, function(name)
    local member = members.get(value, name)
    if type(member) == "function" and not name:find "^_" then
      local doc = doc_of(member)
      entries[#entries + 1] = {signature_of(name, member), doc}
      documented = documented or doc ~= nil
    end
  end)
  if #entries == 0 or (told and not documented) then return false end
  io.write "\n"
  show_list(entries)
  return true
end


local function show_neighbours(f)
  local lines, n = place_of(f)
  if not lines then return end
  local entries = {}
  each_documented(lines, function(signature, _, doc)
    if lines[n] and signature ~= defined_in(lines[n]) then entries[#entries + 1] = {signature, doc} end
  end)
  if #entries == 0 then return end
  io.write "\n"
  show_list(entries)
end


local function show_all()
  local entries = {}
  members.each(papy, function(name)
    local part = members.get(papy, name)
    entries[#entries + 1] = {"papy." .. name, doc_of(part) or note_in_papy(name)}
  end)
  show_list(entries)
  io.write "\nhelp(papy.NuMap), help(pool) or any other value, help \"add_task\": more about it\n"
end


-- What makes values of that class: papy.NuMap, or, for papy.chunk, papy.chunks.
local function maker_of(class)
  local name = tostring(class):match "[%w_]+$" or ""
  return members.get(papy, name) or members.get(papy, name .. "s")
end


local function undocumented(f)
  local module, key = known.place(f)
  local name = known.global(f) or module and module .. "." .. key
  if not name or debug.getinfo(f, "S").what ~= "C" then return "there is no comment above " .. tostring(f) end
  return name .. ": a function of Lua's own or of a C module; its manual tells more"
end


local function show_value(value)
  local kind = type(value)
  local meta = debug.getmetatable(value)
  local class = (kind == "table" or kind == "userdata") and type(meta) == "table" and rawget(meta, "__name")
  local doc = doc_of(value)
  if not doc and class and maker_of(class) then doc = doc_of(maker_of(class)) end
  if class then io.write(tostring(value), "\n") end
  if doc then io.write(doc, "\n") end
  if kind == "function" then
    if not doc then io.write(undocumented(value), "\n") end
    if doc and name_of(value) then show_neighbours(value) end
  elseif kind == "string" or not (show_members(value, doc ~= nil) or doc or class) then
    io.write(("a %s: %s\n"):format(kind, tostring(value)))
  end
end


-- Every documented function of that name in papy's own files.
local function show_functions(name)
  local shown = false
  for _, path in ipairs(embedded()) do
    each_documented(lines_of(embedded(path)), function(signature, found, doc)
      if found ~= name then return end
      io.write(shown and "\n" or "", signature, "   (", path, ")\n", doc, "\n")
      shown = true
    end)
  end
  return shown
end


local function value_of(name)
  local value = _G
  for part in name:gmatch "[^.:]+" do
    value = members.get(value, part)
    if value == nil then return nil end
  end
  return value
end


local function show_name(name)
  local last = name:match "[%w_]+$" or ""
  local value = members.get(papy, name)
  if value == nil and name:find "[.:]" then value = value_of(name) end
  if value ~= nil then return show_value(value) end
  if show_functions(last) then return end
  local lines = lines_of_module(name)
  if lines then
    io.write(comment_on_top(lines) or name, "\n")
    local entries = {}
    each_documented(lines, function(signature, _, doc) entries[#entries + 1] = {signature, doc} end)
    if #entries > 0 then io.write "\n" end
    return show_list(entries)
  end
  value = value_of(name)
  if value ~= nil then return show_value(value) end
  io.write(("nothing is known about '%s'; help() tells what there is\n"):format(name))
end


-- Show the documentation of a value, or of what a string names; without an argument, what there is.
function M.help(...)
  if select("#", ...) == 0 then return show_all() end
  local what = ...
  if type(what) == "string" then return show_name(what) end
  show_value(what)
end


return M
