-- rowform: rows as text, CSV and JSON lines; what show and write have in common.
--
-- Rows are tables with named fields, arrays, or single values; which fields, and in what order, the columns say: given, or
-- the field `columns` of the array of rows, or else the fields of the rows themselves, by name.
local core = require "papy.core"
local Error = require "papy.error"

local null = core.sys.null

local M = {}


-- ---- columns ----

local function names_of(row)
  local names, numbers = {}, {}
  for key in next, row do
    if type(key) == "string" then names[#names + 1] = key
    elseif math.type(key) == "integer" then numbers[#numbers + 1] = key end
  end
  table.sort(names)
  table.sort(numbers)
  return table.move(names, 1, #names, #numbers + 1, numbers)
end


-- The columns of rows, of which `some` have been seen; and true when others may have fields besides.
function M.columns(given, rows, some)
  local columns = given or type(rows) == "table" and rows.columns or nil
  if columns == nil then
    local seen = {}
    for _, row in ipairs(some) do
      for key in next, type(row) == "table" and row or {value = row} do seen[key] = true end
    end
    return names_of(seen), true
  end
  if type(columns) ~= "table" then
    Error.raise("option", "columns must be an array of names, got %s", Error.render(columns))
  end
  return columns
end


-- "a.b" in a row whose a is a table with a b
local function nested(row, path)
  for name in path:gmatch "[^.]+" do
    if type(row) ~= "table" then return nil end
    row = row[name]
  end
  return row
end


-- The value of a column in a row, nil for none. Names that are numbers are numbers in rows: "2" is row[2]. "a.b" is also the b of
-- the table a.
function M.cell(row, column)
  if type(row) ~= "table" then return row end
  local value = row[column]
  if value ~= nil or type(column) ~= "string" then return value end
  local number = column:match "^%$?([1-9]%d*)$"
  if number then return row[tonumber(number)] end
  if column:find(".", 1, true) then return nested(row, column) end
  return nil
end


-- A function that gives one row after the other of an array, of an iterator, or of an object with `next` or `rows`.
function M.each(rows, what)
  if type(rows) == "function" then return rows end
  if type(rows) == "table" or type(rows) == "userdata" then
    local meta = getmetatable(rows)
    if type(meta) == "table" and meta.__call then return rows end
    if type(meta) == "table" and meta.__index and rows.rows then return (rows:rows()) end
    if type(meta) == "table" and meta.__index and rows.next then return function() return rows:next() end end
    if type(rows) == "table" then
      local i = 0
      return function()
        i = i + 1
        return rows[i]
      end
    end
  end
  Error.raise("option", "%s: an array of rows or an iterator expected, got %s", what, Error.render(rows))
end


-- ---- values ----

-- the shortest form that reads back as the same number
local function number_text(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  if v ~= v or v == math.huge or v == -math.huge then return tostring(v) end
  for digits = 14, 17 do
    local text = ("%." .. digits .. "g"):format(v)
    if tonumber(text) == v then return text:find "[.en]" and text or text .. ".0" end
  end
end


local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

local function escape(c)
  return escapes[c] or ("\\u%04x"):format(c:byte())
end


-- what is no UTF-8 has no form in JSON: it becomes the replacement character
local function valid_utf8(s)
  local _, bad = utf8.len(s)
  if not bad then return s end
  local out, from = {}, 1
  while bad do
    out[#out + 1] = s:sub(from, bad - 1) .. "\u{FFFD}"
    from = bad + 1
    _, bad = utf8.len(s, from)
  end
  return table.concat(out) .. s:sub(from)
end


local function json_string(s)
  return '"' .. valid_utf8(s):gsub('[%c"\\]', escape) .. '"'
end


local DEPTH <const> = 100

local json_value

local function json_table(t, depth)
  if depth > DEPTH then error("tables nested too deep, or in a circle, have no form in JSON", 0) end
  local parts = {}
  if #t > 0 or next(t) == nil then
    for i = 1, #t do parts[i] = json_value(t[i], depth + 1) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i, name in ipairs(names_of(t)) do
    parts[i] = json_string(tostring(name)) .. ":" .. json_value(t[name], depth + 1)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end


function json_value(v, depth)
  local kind = type(v)
  if v == nil or v == null then return "null" end
  if kind == "string" then return json_string(v) end
  if kind == "boolean" then return tostring(v) end
  if kind == "number" then return v == v and v - v == 0 and number_text(v) or "null" end
  if kind == "table" and not (getmetatable(v) or {}).__tostring then return json_table(v, depth) end
  return json_string(tostring(v))
end


-- A value as one text: numbers so that they read back, lists as JSON, missing ones as nothing.
function M.text(v)
  if type(v) == "string" then return v end
  if v == nil or v == null then return "" end
  if type(v) == "number" then return number_text(v) end
  if type(v) == "table" and not (getmetatable(v) or {}).__tostring then return json_table(v, 1) end
  return tostring(v)
end


-- ---- formats ----

-- A function to be called with each row, which notes fields that are no columns; and one that tells of them.
local function watch(columns)
  local known, list = {}, {}
  for _, column in ipairs(columns) do known[column] = true end
  local function look(row)
    for key in next, type(row) == "table" and row or {} do
      if not known[key] then list[#list + 1], known[key] = tostring(key), true end
    end
  end
  return look, function()
    if #list == 0 then return end
    table.sort(list)
    io.stderr:write("papy: the first row names the columns; other fields of later ones were left out: ",
      table.concat(list, ", "), "\n")
  end
end


local line_escapes = {["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r"}

-- rows that are strings are lines, as they are; fields of others are separated by tabs, which are escaped in them
local function text_form(columns)
  return {line = function(row)
    if type(row) ~= "table" then return M.text(row) .. "\n" end
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = M.text(M.cell(row, column)):gsub("[\t\n\r]", line_escapes) end
    return table.concat(cells, "\t") .. "\n"
  end}
end


local function csv_field(s)
  if s:find '[",\r\n]' or s:find "^%s" or s:find "%s$" then return '"' .. s:gsub('"', '""') .. '"' end
  return s
end


local function csv_form(columns)
  local function line(cell)
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = csv_field(cell(column)) end
    if #cells == 1 and cells[1] == "" then return '""\r\n' end -- an empty line would be no row
    return table.concat(cells, ",") .. "\r\n"
  end
  return {
    head = #columns > 0 and line(tostring) or nil,
    line = function(row)
      return line(function(column) return M.text(M.cell(row, column)) end)
    end,
  }
end


local function json_form(columns, open)
  local names = setmetatable({}, {__index = function(t, column)
    t[column] = json_string(tostring(column)) .. ":"
    return t[column]
  end})
  return {line = function(row)
    if type(row) ~= "table" then return json_value(row, 1) .. "\n" end
    local parts = {}
    for i, column in ipairs(open and names_of(row) or columns) do
      parts[i] = names[column] .. json_value(M.cell(row, column), 1)
    end
    return "{" .. table.concat(parts, ",") .. "}\n"
  end}
end


local forms = {text = text_form, csv = csv_form, json = json_form}

M.formats = {"text", "csv", "json"}

-- {head = a first line or nil, line = row -> line, finish = f()}, lines with their ends: "text" (tab-separated), "csv" (RFC 4180,
-- names first), "json" (one object a line). open: rows may have fields that are no columns: JSON has them, the others tell at
-- the end what they left out.
function M.form(format, columns, open)
  local form = forms[format](columns, open)
  form.finish = function() end
  if not open or format == "json" then return form end
  local line, look, tell = form.line, watch(columns)
  form.finish = tell
  function form.line(row)
    look(row)
    return line(row)
  end
  return form
end


return M
