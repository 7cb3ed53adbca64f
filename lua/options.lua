-- options: one way to check an options table. An unknown option is an error that names the nearest known one.
local Error = require "papy.error"

local M = {}


-- how many letters must change to make one word of the other
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local corner
    corner, row[0] = row[0], i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      corner, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, corner + cost)
    end
  end
  return row[#b]
end


-- The known name nearest to `name`, or nil when none is near.
function M.nearest(name, known)
  local best, least
  for candidate in pairs(known) do
    local d = distance(name, candidate)
    if not least or d < least or (d == least and candidate < best) then best, least = candidate, d end
  end
  return best and least <= math.max(2, #name // 2) and best or nil
end


local function unknown(what, name, known)
  local near = type(name) == "string" and M.nearest(name, known)
  if near then Error.raise("option", "%s: unknown option '%s'; did you mean '%s'?", what, tostring(name), near) end
  local names = {}
  for candidate in pairs(known) do names[#names + 1] = candidate end
  table.sort(names)
  Error.raise("option", "%s: unknown option '%s'; the options are %s", what, tostring(name), table.concat(names, ", "))
end


local MOST = 0x7fffffff -- what C counts with

local checks = {
  count = function(v)
    if math.type(v) == "integer" and v > MOST then return false, "at most " .. MOST end
    return math.type(v) == "integer" and v >= 1, "a whole number, 1 or more"
  end,
  natural = function(v)
    if math.type(v) == "integer" and v > MOST then return false, "at most " .. MOST end
    return math.type(v) == "integer" and v >= 0, "a whole number, 0 or more"
  end,
  seconds = function(v) return type(v) == "number" and v >= 0, "a number of seconds, 0 or more" end,
  limit = function(v) return type(v) == "number" and v > 0, "a number of seconds, more than 0" end,
  boolean = function(v) return type(v) == "boolean", "true or false" end,
  string = function(v) return type(v) == "string", "a string" end,
  table = function(v) return type(v) == "table", "a table" end,
  any = function() return true end, -- checked by whoever asked
  batch = function(v)
    return v == "auto" or (math.type(v) == "integer" and v >= 1 and v <= MOST), "a whole number, 1 or more, or \"auto\""
  end,
}


local function one_of(value, allowed)
  for _, v in ipairs(allowed) do
    if v == value then return true end
  end
  local shown = {}
  for i, v in ipairs(allowed) do shown[i] = '"' .. v .. '"' end
  return false, table.concat(shown, " or ")
end


-- Check `given` (a table or nil) for `what` against spec: {name = a key of checks above, or a list of allowed strings}.
-- Whole floats such as 2.0 are taken as integers. Returns a fresh table.
function M.check(what, given, spec)
  local result = {}
  if given == nil then return result end
  if type(given) ~= "table" then
    Error.raise("option", "%s: options must be a table, got %s", what, type(given))
  end
  for name, value in pairs(given) do
    local rule = spec[name]
    if rule == nil then unknown(what, name, spec) end
    if math.type(value) == "float" and math.tointeger(value) then value = math.tointeger(value) end
    local good, expected
    if type(rule) == "table" then good, expected = one_of(value, rule) else good, expected = checks[rule](value) end
    if not good then
      Error.raise("option", "%s: option '%s' must be %s, got %s", what, name, expected, Error.render(value))
    end
    result[name] = value
  end
  return result
end


return M
