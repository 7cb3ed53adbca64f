-- class: what a flow is, and what the files that give it its methods have in common.
--
-- A flow is never changed: each step makes another one. Its fields:
--   source               what papy.open was given; or rows, a function that gives an iterator over the rows of an answer (and
--                        what closes it), with columns and measure, the names of its fields and the one it is ranked by
--   groups               of an answer whose rows are groups: a function that gives their tally
--   below, made, runs    of an answer: the flow it is made of, and how, and where of a source, in words
--   steps                what happens to each record or row
--   workers, size, ordered, mismatch, mend, quiet, on_failure, header     how to run
--   input                of a source that can be read once, from which a line was read for its names: gives all of it, once,
--                        as items
--   shared               a table that all flows of a source have in common
local core = require "papy.core"
local Error = require "papy.error"
local methods = require "papy.methods"
local plans = require "papy.flow.plan"

local M = {}

local Flow = {__name = "papy.Flow"}
M.Flow = Flow


local function is_field(name)
  return (" source rows columns measure groups below made runs steps workers size ordered mismatch mend quiet on_failure header"
    .. " input shared cursor "):find(" " .. name .. " ", 1, true) ~= nil
end


local missing = methods.missing

function Flow:__index(key)
  local method = Flow[key]
  if method == nil and not is_field(key) then return missing("flow", key, Flow) end
  return method
end


-- a copy with other fields
function M.with(self, changes)
  local new = {}
  for key, value in pairs(self) do
    if key ~= "cursor" then new[key] = value end
  end
  for key, value in pairs(changes) do new[key] = value end
  return setmetatable(new, Flow)
end


function M.refuse(message, ...)
  Error.raise("option", message, ...)
end


function M.is_callable(f)
  local meta = debug.getmetatable(f)
  return type(f) == "function" or type(meta) == "table" and meta.__call ~= nil
end


function M.must_be_name(what, name)
  if type(name) ~= "string" or name == "" then M.refuse("%s: the name of a field expected, got %s", what, Error.render(name)) end
  return name
end


-- names as arguments or in one array
function M.name_list(what, ...)
  local first = ...
  local names = type(first) == "table" and first or {...}
  if #names == 0 then M.refuse("%s: the name of a field expected", what) end
  for i, name in ipairs(names) do
    if math.type(name) == "integer" then name = tostring(name) end
    M.must_be_name(what, name)
    names[i] = name
  end
  return names
end


function M.regex_of(what, regex)
  if type(regex) == "userdata" and getmetatable(regex) == getmetatable(core.regex.new "") then return regex end
  if type(regex) ~= "string" then M.refuse("%s: a pattern or a papy.regex expected, got %s", what, Error.render(regex)) end
  local ok, made = pcall(core.regex.new, regex)
  if not ok then M.refuse("%s: %s", what, made) end
  return made
end


-- what a `for` that is left early would do
function M.shut(closing)
  local _ <close> = closing
end


-- The names of the fields of a flow's records, in order; nil when the data name them, or values are of any kind.
function M.columns(self)
  return plans.columns(self.steps, not self.source and self.columns or nil, self.mismatch == "keep")
end


-- do records have fields, or are they texts still?
function M.has_fields(self)
  for _, step in ipairs(self.steps) do
    if step.kind ~= "grep" and step.kind ~= "sample" and step.kind ~= "where" then return true end
  end
  return false
end


-- is it one of the fields, or what stands in one, or the text itself? Records that are split have numbers for their fields, too
local function is_name_of(self, name, known)
  local outer = name:match "^(.-)%."
  return known[name] or outer and known[outer] or name == "line" or name == "value"
    or name:find "^%$?%d+$" and (self.source or known[name:match "%d+"])
end


-- Names must be those of fields, as far as these are known.
function M.must_have(self, what, names)
  local columns, known = M.columns(self), {}
  if not columns then
    if not self.source or M.has_fields(self) then return end
    columns = {}
  end
  for _, name in ipairs(columns) do known[name] = true end
  for _, name in ipairs(type(names) == "table" and names or {}) do
    name = tostring(name)
    if not is_name_of(self, name, known) then plans.refuse_name(what, name, known) end
  end
end


return M
