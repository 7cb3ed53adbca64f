-- repl: what the prompt decides in Lua: when a block is complete, how its values are shown. What Tab offers is complete.lua.

local core = require "papy.core"
local inspect = require "papy.inspect"

local M = {}

-- what was typed has the name "prompt 1", "prompt 2", ... in messages and tracebacks; this many pieces there are so far
local typed = 0


-- Would more lines help? A string in quotes goes on in the next line only behind a backslash.
local function unfinished(message, text)
  if message:find("unfinished string near <eof>", 1, true) then return text:find "\\z?%s*$" ~= nil end
  return message:sub(-5) == "<eof>"
end


-- A piece of what was typed: {run = function, skip = how many of its values are none of the expression's}. Text with functions in
-- it is kept under its name, so that pipelines of them can be saved.
local function piece_of(f, skip, name, text)
  typed = typed + 1
  if text:find("function", 1, true) then core.sys.texts[name] = {text} end
  return {run = f, skip = skip}
end


-- An expression is loaded as one that returns its values, anything else as it stands. Of an expression there is one value to
-- skip, because `return f()` would be a tail call, after which no message could tell where at the prompt f was called. "=" may
-- stand before it, as at Lua's own prompt.
local function compile(text)
  local name = "=prompt " .. typed + 1
  local f, as_expression = load("return nil, " .. text:gsub("^%s*=", ""), name, "t")
  if f then return piece_of(f, 1, name, text) end
  local g, message = load(text, name, "t")
  if g then return piece_of(g, 0, name, text) end
  return nil, message, unfinished(message, text) or unfinished(as_expression, text)
end


-- A pasted block that is not one chunk may still be several, expressions among them.
local function compile_by_lines(text)
  local pieces, block = {}, nil
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    block = block and block .. "\n" .. line or line
    local piece, _, more = compile(block)
    if piece then
      pieces[#pieces + 1], block = piece, nil
    elseif not more then
      return nil
    end
  end
  return not block and pieces or nil
end


-- What was typed as an array of pieces ({run, skip}) to run one after the other; nil when lines are missing, unless no more will
-- come (`final`); false and the message when no line can help. Lines that came one by one have been tried as they came; only
-- a paste of several (`pasted`), or the end, is taken apart.
function M.load(text, final, pasted)
  local piece, message, more = compile(text)
  if piece then return {piece} end
  local pieces = (pasted or final) and text:find("\n", 1, true) and compile_by_lines(text)
  if pieces then return pieces end
  if more and not final then return nil end
  return false, message
end


-- Print what an expression gave. A value may know better how (__print of its metatable).
function M.show(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local meta = debug.getmetatable(value)
    if type(meta) == "table" and meta.__print then
      meta.__print(value)
    else
      io.stdout:write(inspect(value), "\n")
    end
  end
end


-- help() tells what there is, help(x) what a value is and what can be called on it, help "add_task" what has that name.
local function help(...)
  return require "papy.help".help(...)
end


-- unless somebody has another use for the name
if rawget(_G, "help") == nil then rawset(_G, "help", help) end


return M
