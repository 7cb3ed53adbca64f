-- formats: what a flow's fields(...) was given, as something that makes splitters.
--
-- A format is a table: name (for people), make(slots, trial) -> splitter, and what is known besides: columns (the names of its
-- fields, nil when the data name them), times = {field = format of time}.
local core = require "papy.core"
local Error = require "papy.error"

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


local function format_of(what, make, times)
  local format = {name = what, times = times or {}}
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


local function of_layout(what, layout, times)
  return format_of(what, function(slots, trial) return fields.layout(layout, slots, trial) end, times)
end


local function of_separator(what, separator, columns)
  return format_of(what, function(slots, trial) return fields.separated(separator, columns, slots, trial) end)
end


-- columns of csv: given, or the first record of the source, which is not a record then
local function of_csv(what, separator, columns)
  return format_of(what, function(slots, trial) return fields.csv(separator, columns, slots, trial) end)
end


local function of_json(what)
  local json = require "papy.json"
  return format_of(what, function(slots, trial) return json.splitter(slots, trial) end)
end


local function of_logfmt(what)
  return format_of(what, function(slots, trial) return fields.logfmt(slots, trial) end)
end


-- ---- formats by name ----

local of_table


-- several formats, tried in order
local function of_either(what, list)
  local parts, times, columns, seen = {}, {}, {}, {}
  for i, each in ipairs(list) do
    parts[i] = type(each) == "string" and M.named(each) or of_table(what, each)
    for field, format in pairs(parts[i].times) do times[field] = times[field] or format end
    for _, name in ipairs(parts[i].columns or {}) do
      if not seen[name] then columns[#columns + 1], seen[name] = name, true end
    end
  end
  local format = {name = what, times = times, columns = #columns > 0 and columns or nil}
  function format.make(slots)
    local splitters = {}
    for i, part in ipairs(parts) do splitters[i] = part.make(slots, true) end
    return made(what, fields.either, splitters, slots)
  end
  return format
end


-- a format as data: one of layout, pattern, csv, separator, either; and times
function of_table(what, t)
  local format
  if t.layout then format = of_layout(what, t.layout)
  elseif t.pattern then format = M.of_regex(t.flags and core.regex.new(t.pattern, t.flags) or t.pattern)
  elseif t.csv then format = of_csv(what, t.csv == true and "," or t.csv, t.columns)
  elseif t.separator then format = of_separator(what, t.separator, t.columns)
  elseif t.logfmt then format = of_logfmt(what)
  elseif t.json then format = of_json(what)
  elseif t.either or t[1] then format = of_either(what, t.either or t)
  else refuse("format '%s' has none of layout, pattern, separator, csv, logfmt, json, either", what) end
  format.name = what
  for field, time in pairs(t.times or {}) do format.times[field] = time end
  return format
end


local by_name = {
  json = function() return of_json "json" end,
  logfmt = function() return of_logfmt "logfmt" end,
  blanks = function() return of_separator("blanks", "") end,
  csv = function() return {name = "csv", header = ",", csv = true, times = {}} end,
  tsv = function() return {name = "tsv", header = "\t", times = {}} end,
}


-- A format by its name: json, logfmt, csv, tsv, blanks, or a module papy.formats.NAME that returns it as data.
function M.named(name)
  if by_name[name] then return by_name[name]() end
  local papy = package.loaded.papy
  local own = papy and rawget(papy, "formats") and papy.formats[name]
  if own then return of_table(name, own) end
  local ok, found = pcall(require, "papy.formats." .. name)
  if ok and type(found) == "table" then return of_table(name, found) end
  if ok or not tostring(found):find("module 'papy.formats." .. name .. "' not found", 1, true) then
    refuse("format '%s': %s", name, ok and "its module returns no table" or tostring(found))
  end
  refuse("fields: no format '%s'; there are json, logfmt, csv, tsv, blanks and those in papy/formats (combined, common, syslog, "
    .. "…); a separator is one character", name)
end


-- what fields(x, more) means. x: the name of a format, a layout (with $), a separator (one character), a table of data, or an
-- array of column names, which are separated by blanks (or what more.separator says). more: {columns =, separator =, header =}
function M.format(x, more)
  if type(x) == "string" then
    if more.columns or more.header then
      local separator = ({csv = ",", tsv = "\t", blanks = ""})[x] or x
      local quoted = x == "csv" or more.quoted
      if more.header then return {name = x, header = separator, csv = quoted, times = {}} end
      if quoted then return of_csv(x, separator, more.columns) end
      return of_separator(x, separator, more.columns)
    end
    if x:find("$", 1, true) and #x > 1 then return of_layout("layout", x) end
    if #x == 1 or x:find "^%W+$" then return of_separator("separator", x) end
    return M.named(x)
  end
  if type(x) == "table" and type(x[1]) == "string" and not (x.layout or x.pattern or x.either) then
    return of_separator("columns", more.separator or "", x)
  end
  if type(x) == "table" then return of_table("fields", x) end
  refuse("fields: the name of a format, a layout with $names, a separator, or an array of column names expected, got %s",
    Error.render(x))
end


-- the names in a header line
function M.header(format, line)
  line = line:gsub("\r$", ""):gsub("^\xEF\xBB\xBF", "")
  if format.csv then
    local splitter, names = fields.csv(format.header, nil, {}), {}
    local values, order = splitter:each(line)
    for i, name in ipairs(order or {}) do names[i] = tostring(values[name] or "") end
    return of_csv(format.name, format.header, names)
  end
  local names = {}
  for name in (line .. format.header):gmatch("(.-)" .. format.header:gsub("%W", "%%%0")) do names[#names + 1] = name end
  return of_separator(format.name, format.header, names)
end


return M
