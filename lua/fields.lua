-- fields: from what a user says about the format of records to a splitter.
--
-- `describe` turns the arguments of flow:fields into a description: plain data, so that it travels with the plan. `splitter`
-- makes a splitter of it, for the slots of the plan, wherever the plan runs. A description is a format (see
-- stdlib/papy/formats.lua) with a list instead of single layouts and patterns.
local Error = require "papy.error"
local core = require "papy.core".fields
local options = require "papy.options"

local M = {}

local function raise(form, ...)
  Error.raise("option", "fields: " .. form, ...)
end


local function is_array_of_strings(t)
  if type(t) ~= "table" or #t == 0 then return false end
  for _, s in ipairs(t) do
    if type(s) ~= "string" then return false end
  end
  return true
end


local function list(value, key)
  if type(value) == "string" then return {value} end
  if is_array_of_strings(value) then return value end
  raise("%s must be a string or a list of strings", key)
end


local keys = {layout = "how", match = "how", separator = "how", csv = "how", json = "how", logfmt = "how", first_of = "how",
  columns = "more", header = "more", time = "more", flags = "more"}
local known_keys = {}
for key in pairs(keys) do known_keys[key] = true end


-- exactly one key says how records are written
local function kind_of(format)
  local kind
  for key in pairs(format) do
    if not keys[key] then
      local near = type(key) == "string" and options.nearest(key, known_keys)
      raise("a format has no key '%s'%s", tostring(key), near and (" (nearest: '%s')"):format(near) or "")
    end
    if keys[key] == "how" then
      if kind then raise("a format has either '%s' or '%s'", kind, key) end
      kind = key
    end
  end
  return kind or raise("a format needs one of layout, match, separator, csv, json, logfmt, first_of")
end


local from_format


-- a format by its name
local function named(name)
  local formats = require "papy.formats"
  local format = formats[name]
  if format ~= nil then
    if type(format) ~= "table" then raise("the format '%s' is no table", name) end
    return from_format(format)
  end
  local near = options.nearest(name, formats())
  raise("no format '%s'%s", name, near and (" (nearest: '%s')"):format(near) or "")
end


local function check_columns(columns)
  if columns == nil then return nil end
  if not is_array_of_strings(columns) then raise("columns must be a list of names") end
  local seen = {}
  for _, name in ipairs(columns) do
    if seen[name] then raise("two columns are called '%s'", name) end
    seen[name] = true
  end
  return columns
end


function from_format(format)
  local kind = kind_of(format)
  local d = {kind = kind, columns = check_columns(format.columns), header = format.header, time = format.time}
  if kind == "layout" or kind == "match" then
    d.each = list(format[kind], kind)
    d.flags = format.flags or ""
  elseif kind == "first_of" then
    d.each = {}
    for i, one in ipairs(format.first_of) do d.each[i] = M.describe(one) end
    if #d.each == 0 then raise("first_of needs formats") end
    d.time = d.time or d.each[1].time
  elseif kind == "separator" or kind == "csv" then
    d.separator = format[kind]
    if type(d.separator) ~= "string" then raise("%s must be a string", kind) end
  end
  return d
end


-- one or two bytes that are neither letters nor digits, or none
local function is_separator(s)
  return #s <= 2 and not s:find("[%w_]")
end


--- What flow:fields was told, as a description.
-- what: the name of a format ("combined", "csv", "json", ...; see papy.formats); a layout (a string with $names); a
--   separator of one or two bytes, "" or " " for blanks as awk has them; a list of column names (of words); or a format as
--   a table.
-- opts.columns: names of the columns; opts.separator: the separator that columns have. The description has
--   kind, each, separator, columns, header (the first line of each file names the columns), time = {field, format}.
-- Raises what cannot be, with the nearest name.
function M.describe(what, opts)
  opts = opts or {}
  local d
  if is_array_of_strings(what) then d = from_format {separator = opts.separator or "", columns = what}
  elseif type(what) == "table" then d = from_format(what)
  elseif type(what) ~= "string" then
    raise("the name of a format, a separator, a layout or a table is expected, not %s", type(what))
  elseif what == " " then d = from_format {separator = ""}
  elseif is_separator(what) then d = from_format {separator = what}
  elseif what:find("$", 1, true) then d = from_format {layout = what}
  else d = named(what) end
  if opts.columns then
    if not d.separator then raise("columns are named by the format") end
    d.columns, d.header = check_columns(opts.columns), false
  end
  if opts.header ~= nil then d.header = opts.header end
  if opts.separator and d.separator then d.separator = opts.separator end
  return d
end


local make = {}

local function one_or_either(d, slots, trial, make_one)
  if #d.each == 1 then return make_one(d.each[1], trial) end
  local all = {}
  for i, one in ipairs(d.each) do all[i] = make_one(one, true) end
  return core.either(all, slots, trial)
end

function make.layout(d, slots, trial)
  return one_or_either(d, slots, trial, function(layout, t) return core.layout(layout, slots, t) end)
end

function make.match(d, slots, trial)
  return one_or_either(d, slots, trial, function(pattern, t) return core.capture(pattern, d.flags, slots, t) end)
end

function make.first_of(d, slots, trial)
  return one_or_either(d, slots, trial, function(one, t) return M.splitter(one, slots, t) end)
end

function make.separator(d, slots, trial) return core.separated(d.separator, d.columns, slots, trial) end
function make.csv(d, slots, trial) return core.csv(d.separator, d.columns, slots, trial) end
function make.logfmt(_, slots, trial) return core.logfmt(slots, trial) end
function make.json(_, slots, trial) return require("papy.json").splitter(slots, trial) end


--- A splitter for a description.
-- slots: array of the names of wanted fields, each once. trial: see scan/splitter.h.
-- A userdata with the methods split, lookup, each, names and knows. Raises when a format has no such field.
function M.splitter(description, slots, trial)
  return make[description.kind](description, slots, trial)
end


return M
