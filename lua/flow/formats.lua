-- formats: what a flow's fields(...) was given, as something that makes splitters.
--
-- A format is a table: name (for people), make(slots, trial) -> splitter, and what is known besides: columns (the names of its
-- fields, nil when the data name them), times = {field = format of time}, make_whole(slots) for records that must fit to their
-- end, hint(text) -> a word about a record that does not fit, or nothing, csv = the separator where records may have newlines in
-- quotes. Of one with `header` (its separator) only the first
-- line of the data says what it is: header(format, line) makes it.
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local fields = core.fields


local function refuse(message, ...)
  Error.raise("option", message, ...)
end


-- what went wrong in C, as the error of an option
local function made(what, make, ...)
  local ok, result = pcall(make, ...)
  if not ok then refuse("%s: %s", what, (tostring(result):gsub("^[^:]*:%d+: ", ""))) end
  return result
end


local function format_of(what, make)
  local format = {name = what, times = {}}
  function format.make(slots, trial) return made(what, make, slots, trial) end
  local names = format.make({}):names()
  format.columns = #names > 0 and names or nil
  return format
end


-- ---- formats by what they are ----

-- The groups of a pattern. regex: a papy.regex or a pattern.
function M.of_regex(regex)
  local pattern, flags = regex, ""
  if type(regex) ~= "string" then pattern, flags = regex.pattern, regex.flags end
  return format_of("match", function(slots, trial) return fields.capture(pattern, flags, slots, trial) end)
end


local function of_layout(what, layout)
  return format_of(what, function(slots, trial) return fields.layout(layout, slots, trial) end)
end


local function of_separator(what, separator, columns)
  return format_of(what, function(slots, trial) return fields.separated(separator, columns, slots, trial) end)
end


local function of_csv(what, separator, columns)
  local format = format_of(what, function(slots, trial) return fields.csv(separator, columns, slots, trial) end)
  format.csv = separator
  return format
end


local function of_json(what)
  local json = require "papy.json"
  local format = format_of(what, function(slots, trial) return json.splitter(slots, trial) end)
  function format.make_whole(slots) return format.make(slots, true) end
  function format.hint(text)
    return (text:find "^%s*%[" or text:find "^%s*{%s*$") and "json is one object a line, as jq -c '.[]' makes them of an array"
  end
  return format
end


local function of_logfmt(what)
  return format_of(what, function(slots, trial) return fields.logfmt(slots, trial) end)
end


-- ---- formats as data (see papy.formats) ----

local of_data


-- several formats, tried in order
local function first_of(what, parts)
  local times, columns, seen = {}, {}, {}
  for _, part in ipairs(parts) do
    if part.header then refuse("format '%s': one whose names stand in the first line cannot be tried among others", what) end
    for field, format in pairs(part.times) do times[field] = times[field] or format end
    for _, name in ipairs(part.columns or {}) do
      if not seen[name] then columns[#columns + 1], seen[name] = name, true end
    end
  end
  local format = {name = what, times = times, columns = #columns > 0 and columns or nil}
  function format.make(slots, trial)
    local splitters = {}
    for i, part in ipairs(parts) do splitters[i] = part.make(slots, true) end
    return made(what, fields.either, splitters, slots, trial)
  end
  return format
end


-- one form, or a list of them that are tried in order
local function one_or_first(what, x, make)
  if type(x) ~= "table" then return make(x) end
  local parts = {}
  for i, each in ipairs(x) do parts[i] = make(each) end
  return first_of(what, parts)
end


local function with_columns(what, t, separator, of)
  if t.header and not t.columns then return {name = what, header = separator, of = of, csv = t.csv, times = {}} end
  return of(what, separator, t.columns)
end


-- the format that a table of data describes
function of_data(what, t)
  local format
  if t.layout then format = one_or_first(what, t.layout, function(layout) return of_layout(what, layout) end)
  elseif t.match then format = one_or_first(what, t.match, M.of_regex)
  elseif t.csv then format = with_columns(what, t, t.csv, of_csv)
  elseif t.separator then format = with_columns(what, t, t.separator, of_separator)
  elseif t.logfmt then format = of_logfmt(what)
  elseif t.json then format = of_json(what)
  elseif t.first_of then format = one_or_first(what, t.first_of, M.named)
  else refuse("format '%s' has none of layout, match, separator, csv, json, logfmt, first_of", what) end
  format.name = what
  if t.time then format.times[t.time.field] = t.time.format end
  return format
end


-- A format by its name.
function M.named(name)
  local known = require "papy.formats"
  local ok, data = pcall(function() return known[name] end)
  if not ok then refuse("format '%s': %s", name, data) end
  if type(data) == "table" then return of_data(name, data) end
  local near, names = options.nearest(name, known()), {}
  for each in pairs(known()) do names[#names + 1] = each end
  table.sort(names)
  refuse("fields: no format '%s'%s; there are %s; a layout has $names, a separator is one character", name,
    near and ("; did you mean '%s'?"):format(near) or "", table.concat(names, ", "))
end


-- ---- what a person says ----

-- a format with columns, otherwise
local function with_options(data, more)
  local quoted = more.quoted
  if quoted == nil then quoted = data.csv ~= nil end
  local header = more.header
  if header == nil and not more.columns then header = data.header end
  local separator = more.separator or data.csv or data.separator
  return {csv = quoted and separator or nil, separator = not quoted and separator or nil, columns = more.columns, header = header}
end


-- What fields(x, more) means. x: the name of a format, a layout (with $), a separator (no letters), a table of data, or an
-- array of column names. more: {columns =, separator =, header =, quoted =}
function M.format(x, more)
  if type(x) == "table" and type(x[1]) == "string" then
    return of_data("columns", {separator = not more.quoted and (more.separator or "") or nil, csv = more.quoted and
      (more.separator or ",") or nil, columns = x})
  end
  if type(x) == "table" then return of_data("fields", x) end
  if type(x) ~= "string" or x == "" then
    refuse("fields: the name of a format, a layout with $names, a separator, or an array of column names expected, got %s",
      Error.render(x))
  end
  if x:find("$", 1, true) and #x > 1 then return of_layout("layout", x) end
  if not x:find "%w" then
    return of_data(("separator %q"):format(x), {separator = not more.quoted and x or nil, csv = more.quoted and x or nil,
      columns = more.columns, header = more.header})
  end
  if next(more) == nil then return M.named(x) end
  local data = require("papy.formats")[x]
  if not (data and (data.csv or data.separator)) then
    if not data then M.named(x) end
    refuse("fields: format '%s' takes no columns, separator, header or quoted", x)
  end
  return of_data(x, with_options(data, more))
end


-- The names in a header line. One that stands there again is name_2, one that is empty the number of its column.
function M.header(format, line)
  line = line:gsub("\r$", ""):gsub("^\xEF\xBB\xBF", "")
  local splitter = format.of("header", format.header, nil).make({})
  local names, values, order = {}, splitter:each(line)
  local times = {}
  for i, place in ipairs(order or {}) do
    local name = tostring(values[place] or "")
    if name == "" then name = tostring(i) end
    times[name] = (times[name] or 0) + 1
    names[i] = times[name] == 1 and name or ("%s_%d"):format(name, times[name])
  end
  return format.of(format.name, format.header, names)
end


return M
