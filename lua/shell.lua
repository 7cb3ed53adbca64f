-- shell: one-liners from the command line: papy -q (a query) and papy -n (code for each line).
--
-- Exit status as grep's: 0, something was found; 1, nothing; 2, an error (which is raised here).
local core = require "papy.core"
local Error = require "papy.error"
local flow = require "papy.flow"
local papy = require "papy"
local show = require "papy.show"

local M = {}

local FOUND <const>, NOTHING <const> = 0, 1


-- Names in a one-liner: papy's own (open, regex, …) behind the global ones.
local function environment(more)
  return setmetatable(more, {
    __index = function(_, name)
      local value = _G[name]
      if value ~= nil then return value end
      return papy[name]
    end,
    __newindex = function(_, name, value) _G[name] = value end,
  })
end


-- A chunk of code, as an expression if it is one. (No tail call, after which no message could tell where it came from.)
local function compile(code, name, env)
  local f = load("return nil, " .. code, name, "t", env)
  if f then return function() return select(2, f()) end end
  local why
  f, why = load(code, name, "t", env)
  if not f then error(why, 0) end
  return f
end


local function open_files(files)
  return flow.open(#files > 0 and files or "-")
end


-- ---- queries ----

local function is_flow(x)
  return type(x) == "table" and getmetatable(x) == flow.class
end


-- an array of rows, or of plain values
local function is_list(x)
  return type(x) == "table" and getmetatable(x) == nil and (#x > 0 or next(x) == nil)
end


-- print rows; are there any?
local function print_rows(rows, json, columns)
  local any = false
  local function counted()
    local row = rows()
    any = any or row ~= nil
    return row
  end
  show.show(counted, {mode = json and "json" or "auto", limit = 0, columns = columns})
  return any
end


local function print_value(value, json)
  if is_flow(value) then
    local step, _, _, closing <close> = value:iter() -- luacheck: ignore closing
    return print_rows(step, json, value:names())
  end
  if is_list(value) then
    local i = 0
    return print_rows(function()
      i = i + 1
      return value[i]
    end, json)
  end
  if value == nil then return false end
  if json then
    show.show({value}, {mode = "json"})
  else
    print(value)
  end
  return value ~= false and value ~= 0 and value ~= core.sys.null
end


local function query(o)
  local env = environment {log = nil}
  rawset(env, "log", open_files(o.files))
  local values = table.pack(compile(o.query, "=(query)", env)())
  local found = false
  for i = 1, values.n do found = print_value(values[i], o.json) or found end
  return found and FOUND or NOTHING
end


-- ---- lines ----

-- f: the words of the line under way, split when the first one is asked for; f[0] is the line, #f how many words there are
local function words_of(current)
  local line, words
  local function split()
    if line ~= current.line then
      line, words = current.line, {}
      for word in line:gmatch "%S+" do words[#words + 1] = word end
    end
    return words
  end
  return setmetatable({}, {
    __index = function(_, i)
      if i == 0 then return current.line end
      return split()[i]
    end,
    __len = function() return #split() end,
    __newindex = function() Error.raise("option", "the words of a line cannot be changed") end,
  })
end


-- true prints the line, any other value itself
local function print_result(value, line)
  if value == nil or value == false then return false end
  print(value == true and line or value)
  return true
end


local function lines(o)
  local current = {}
  local env = environment {f = words_of(current)}
  local body = compile(o.line, "=(line)", env)
  local begin = o.begin and compile(o.begin, "=(begin)", env)
  local finish = o.finish and compile(o.finish, "=(end)", env)
  local found = false
  if begin then found = print_result(begin(), "") or found end
  local n = 0
  local step, _, _, closing <close> = open_files(o.files):iter() -- luacheck: ignore closing
  for line in step do
    n = n + 1
    current.line = line
    rawset(env, "line", line)
    rawset(env, "n", n)
    found = print_result(body(), line) or found
  end
  if finish then found = print_result(finish(), "") or found end
  return found and FOUND or NOTHING
end


-- Run a one-liner; o: query or line (with begin, finish), json, files. Returns the exit status.
function M.run(o)
  return o.query and query(o) or lines(o)
end


return M
