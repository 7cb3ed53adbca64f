-- sources: the text of functions. What was typed at the prompt, given to -e, read from standard input or loaded from a file was
-- kept in core.sys.texts (only long files are read again), and a string given to load without a name is its chunk's name.
local core = require "papy.core"
local lex = require "papy.lex"
local literal = require "papy.literal"

local M = {}

-- what is in some texts, as most pipelines come from one or two: the latest first, {text =, functions =, constants =}
local parsed = {}
local PARSED_MOST <const> = 4


-- The texts that a chunk may have, the latest first; or nil and why there is none.
local function texts_of_chunk(source)
  local texts, mark = {}, source:sub(1, 1)
  local kept = core.sys.texts[source] or {}
  for i = #kept, 1, -1 do texts[#texts + 1] = kept[i] end
  if #texts > 0 then return texts end
  if mark ~= "@" and mark ~= "=" then return {source} end
  if mark == "=" then return nil, "its text was not kept" end
  local file, why = io.open(source:sub(2), "rb")
  if not file then return nil, "its file cannot be read: " .. why end
  texts[1] = file:read "a"
  file:close()
  return texts
end


local function parse(text)
  for i, known in ipairs(parsed) do
    if known.text == text then
      table.insert(parsed, 1, table.remove(parsed, i))
      return known
    end
  end
  table.insert(parsed, 1, {text = text, functions = lex.functions(text), constants = lex.constants(text)})
  parsed[PARSED_MOST + 1] = nil
  return parsed[1]
end


-- ---- is this text that function? ----

-- The names of a function's upvalues, in order.
function M.upvalue_names(f)
  local names, i = {}, 1
  while true do
    local name = debug.getupvalue(f, i)
    if not name then return names end
    names[i] = name
    i = i + 1
  end
end


-- The text as a function expression.
function M.expression(found)
  if not found.method then return "function" .. found.body end
  return "function(self" .. (found.body:find "^%(%s*%)" and "" or ", ") .. found.body:sub(2)
end


-- The code of a function expression whose upvalues are the locals `names`, as bytes; `outer` puts a function between.
local function compiled(expression, names, constants, line, outer)
  local locals = #names > 0 and "local " .. table.concat(names, ", ") .. " " or ""
  for name, value in pairs(constants) do locals = locals .. ("local %s <const> = %s "):format(name, literal.scalar(value)) end
  local text = ("\n"):rep(line - 1) .. locals
  text = text .. (outer and "return (function() return " .. expression .. "\nend)()" or "return " .. expression)
  local chunk = load(text, "=saved", "t")
  local ok, f = pcall(chunk or error)
  return ok and type(f) == "function" and string.dump(f, true) or nil
end


local function same_outside(a, b, first, last)
  return #a == #b and a:sub(1, first - 1) == b:sub(1, first - 1) and a:sub(last + 1) == b:sub(last + 1)
end


local function first_difference(a, b)
  for i = 1, #a do
    if a:byte(i) ~= b:byte(i) then return i end
  end
end


-- Does the expression, compiled, give the very code of f? Where upvalues are taken from may differ: three bytes for each, which
-- begin where the code of a function and of the same function one level deeper begin to differ.
local function is_code_of(expression, f, line, names, constants)
  local flat, deep = compiled(expression, names, constants, line, false), compiled(expression, names, constants, line, true)
  local code = string.dump(f, true)
  if not flat or not deep then return false end
  if #names == 0 then return flat == code end
  local first = first_difference(flat, deep)
  return first ~= nil and same_outside(flat, code, first, first + 3 * #names - 1)
end


local function whole_chunk(text)
  return {body = "(...)\n" .. text .. "\nend", line = 0, constants = {}}
end


-- May the lines of the text be indented otherwise? Not when a string runs over several of them.
local function is_movable(text)
  for _, word in ipairs(lex.words(text)) do
    if word.kind == "string" and word.text:find "\n" then return false end
  end
  return true
end


-- A body further to the left, by as much as its last line is indented.
local function dedented(body)
  local margin = body:match "\n([ \t]+)[^\n]*$"
  return margin and body:gsub("\n" .. margin, "\n") or body
end


-- The constants `local name <const> = value` of the chunk that the function's text uses: the compiler puts their values into
-- its code, so that they are no upvalues.
local function constants_for(text, found, names)
  local all, used, upvalues = {}, {}, {}
  for _, constant in ipairs(parse(text).constants) do
    if constant.line <= found.line then all[constant.name] = constant.value end
  end
  for _, name in ipairs(names) do upvalues[name] = true end
  for _, name in ipairs(lex.free_names(found.body)) do
    if not upvalues[name] then used[name] = all[name] end
  end
  return used
end


-- The function in the text, and how many functions are where it should be.
local function find(f, text, first, last)
  local names, there = M.upvalue_names(f), 0
  for _, found in ipairs(parse(text).functions) do
    if found.line == first and found.last_line == last then
      there = there + 1
      local constants, movable = constants_for(text, found, names), is_movable(found.body)
      local source = {body = movable and dedented(found.body) or found.body, name = found.name, method = found.method,
        constants = constants, movable = movable}
      if is_code_of(M.expression(source), f, first, names, constants) then return source, there end
    end
  end
  return nil, there
end


-- The text of a Lua function: {body (from the parameters to the end), name (as written, or nil), method, constants (those of the
-- chunk it needs, name -> value), movable (its lines may be indented)}; or nil and why it cannot be had. Several functions on
-- one line are told apart by their code, and so are several texts of one file.
function M.of(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return nil, "it is written in C" end
  local texts, why = texts_of_chunk(info.source)
  if not texts then return nil, why end
  if info.what == "main" then return whole_chunk(texts[1]) end
  local there = 0
  for _, text in ipairs(texts) do
    local source, n = find(f, text, info.linedefined, info.lastlinedefined)
    if source then return source end
    there = there + n
  end
  if there == 0 then return nil, "its text is not where it was; the file has changed" end
  return nil, "the text found there gives other code: the file has changed, or it uses a constant that is computed"
end


-- "job.lua:12", for messages.
function M.place(f)
  local info = debug.getinfo(f, "S")
  return info.what == "C" and "a C function" or ("%s:%d"):format(info.short_src, info.linedefined)
end


return M
