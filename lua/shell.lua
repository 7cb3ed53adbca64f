-- shell: papy -q and papy -n, flows for one line of a shell.
--
-- -q EXPRESSION prints an answer: a number, a text, the rows of a flow. -n CODE runs for every line of the files: an expression
-- runs in the workers and chooses lines (true) or makes them (a text or a number); statements, and what prints by itself, run
-- here, one line after the other, so that they can add up in globals. Exit status as grep's: 0 something was found, 1 nothing;
-- 2 an error.
local core = require "papy.core"
local Error = require "papy.error"

local FOUND <const>, NOTHING <const>, FAILED <const> = 0, 1, 2


local function is_flow(x)
  return getmetatable(x) == require("papy.flow").class
end


local function open_files(files)
  return require("papy").open(#files > 0 and files or "-")
end


local function load_text(text, name)
  core.sys.texts["=" .. name] = text
  return load(text, "=" .. name)
end


-- ---- printing ----

-- Print what an iterator gives: texts as lines, all else as show does. Returns how many there were.
local function print_all(step, opts, columns)
  local n, first = 0, step()
  local function counted()
    local value = first
    if value ~= nil then first = nil else value = step() end
    if value ~= nil then n = n + 1 end
    return value
  end
  if type(first) == "table" or opts.json then
    require("papy.show").show(counted, {columns = columns, mode = opts.json and "json" or nil, limit = 0})
  else
    for value in counted do
      local ok, why = io.write(tostring(value), "\n")
      if not ok then Error.raise("write", "cannot write: %s", why) end
    end
  end
  return n
end


local function print_flow(flow, opts)
  local step, _, _, closing <close> = flow:iter() -- luacheck: ignore closing
  return print_all(step, opts, flow:names())
end


-- has the query put its rows there by itself?
local function has_written()
  local write = package.loaded["papy.write"]
  return write and write.to_stdout
end


-- has it shown rows, of which there were none?
local function has_shown_nothing()
  local show = package.loaded["papy.show"]
  return show and show.shown == 0
end


local function print_answer(value, opts)
  if value == nil or value == false or value == core.sys.null then return NOTHING end
  if is_flow(value) then return print_flow(value, opts) > 0 and FOUND or NOTHING end
  if type(value) == "table" and not getmetatable(value) then
    local i = 0
    local list = #value == 0 and next(value) ~= nil and {value} or value
    return print_all(function()
      i = i + 1
      return list[i]
    end, opts, value.columns) > 0 and FOUND or NOTHING
  end
  if not (math.type(value) == "integer" and has_written()) then io.write(tostring(value), "\n") end
  return value == 0 and NOTHING or FOUND
end


-- ---- -q ----

local function query(opts)
  local papy = require "papy"
  _G.open = _G.open or papy.open
  if opts.query:find "%f[%w_]log%f[^%w_]" then
    local log = open_files(opts)
    _G.log = opts.fields and log:fields(opts.fields) or log
  end
  local f, why = load_text("return " .. opts.query, "(query)")
  if not f then f, why = load_text(opts.query, "(query)") end
  if not f then Error.raise("option", "-q: %s", why) end
  local values, status = table.pack(f()), NOTHING
  if values.n == 0 then return has_shown_nothing() and NOTHING or FOUND end
  for i = 1, values.n do
    if print_answer(values[i], opts) == FOUND then status = FOUND end
  end
  return status
end


-- ---- -n ----

-- what a line is for the code: `line`, and `f` for its fields, made only when it asks for them
local HEAD <const> = "local f, line, nr = ... return "

local function lines(opts)
  local flow = open_files(opts)
  local wants_fields = opts.fields or opts.body:find "%f[%w_]f%f[^%w_]"
  return wants_fields and flow:fields(opts.fields or "words") or flow
end


-- the records for which an expression is true, or what it makes of them
local function chosen(opts, expression)
  local flow = lines(opts)
  return flow:flat_map(function(record)
    local line = type(record) == "string" and record or record.line
    local value = expression(record, line)
    if value == true then return {line} end
    if value == nil or value == false then return nil end
    return {value}
  end)
end


local function each_line(opts, body)
  local n = 0
  lines(opts):each(function(record)
    n = n + 1
    body(record, type(record) == "string" and record or record.line, n)
  end)
  return n > 0 and FOUND or NOTHING
end


local function mentions(code, name)
  return code:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end


local function body(opts)
  local status
  local expression = load_text(HEAD .. opts.body, "(line)")
  local writes = mentions(opts.body, "print") or mentions(opts.body, "io") -- in the order of the lines
  if expression and not writes and not mentions(opts.body, "nr") then
    status = print_flow(chosen(opts, expression), opts) > 0 and FOUND or NOTHING
  else
    local f, why = load_text("local f, line, nr = ... " .. opts.body, "(line)")
    if expression and not (f and writes) then
      f = function(record, line, nr)
        local value = expression(record, line, nr)
        if value == true then io.write(line, "\n") elseif value then io.write(tostring(value), "\n") end
      end
    elseif not f then
      Error.raise("option", "-n: %s", why)
    end
    status = each_line(opts, f)
  end
  if opts.at_end then
    local f, why = load_text(opts.at_end, "(end)")
    if not f then Error.raise("option", "--end: %s", why) end
    f()
  end
  return status
end


-- opts: query or body, at_end, fields, json, and the files as an array. Returns the exit status. An error is one line: whoever
-- typed the code knows where it stands.
return function(opts)
  if opts.fields == "\\t" then opts.fields = "\t" end -- as awk has it
  local ok, result = pcall(opts.query and query or body, opts)
  if ok then return result end
  if Error.is_interrupt(result) then error(result, 0) end
  io.stderr:write("papy: ", tostring(result), "\n")
  return FAILED
end
