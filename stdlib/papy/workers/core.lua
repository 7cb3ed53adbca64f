-- papy.workers.core: pass on, zip and join slots of the inbox. Slots count from 1.
local fault = require "papy.workers.fault"

local M = {}


local function fail(name, message, ...)
  fault("%s: " .. message, name, ...)
end


local function words(n)
  return n == 1 and "1 slot" or n .. " slots"
end


-- the first n slots; all without n
local function first(name, inbox, n)
  if type(inbox) ~= "table" then fail(name, "the inbox must be an array, got a %s", type(inbox)) end
  if n == nil or n == papy.null then return table.move(inbox, 1, #inbox, 1, {}) end
  if not math.tointeger(n) or n < 0 then fail(name, "n must be a whole number, 0 or more, got %s", tostring(n)) end
  return table.move(inbox, 1, math.min(math.tointeger(n), #inbox), 1, {})
end


-- the slots whose numbers are in the array s, in the order of the inbox; all without s
local function chosen(name, inbox, s)
  if type(inbox) ~= "table" then fail(name, "the inbox must be an array, got a %s", type(inbox)) end
  if s == nil or s == papy.null then s = {} end
  if type(s) ~= "table" then fail(name, "s must be an array of slot numbers, got a %s", type(s)) end
  if #s == 0 then return table.move(inbox, 1, #inbox, 1, {}) end
  local wanted, result = {}, {}
  for _, i in ipairs(s) do
    if not math.tointeger(i) or i < 1 or i > #inbox then
      fail(name, "there is no slot %s: the inbox has %s", tostring(i), words(#inbox))
    end
    wanted[math.tointeger(i)] = true
  end
  for i, value in ipairs(inbox) do
    if wanted[i] then result[#result + 1] = value end
  end
  return result
end


-- rows of the slots, as many as the shortest slot has
local function transpose(name, slots)
  local rows = {}
  if #slots == 0 then return rows end
  local n = math.maxinteger
  for i, slot in ipairs(slots) do
    if type(slot) ~= "table" then fail(name, "slot %d must be an array, got a %s", i, type(slot)) end
    n = math.min(n, #slot)
  end
  for k = 1, n do
    local row = {}
    for i, slot in ipairs(slots) do row[i] = slot[k] end
    rows[k] = row
  end
  return rows
end


local function join(name, slots, separator)
  if separator == nil then separator = "" end
  if type(separator) ~= "string" then fail(name, "the separator must be a string, got a %s", type(separator)) end
  for i, slot in ipairs(slots) do
    if type(slot) ~= "string" and type(slot) ~= "number" then
      fail(name, "only strings and numbers can be joined, value %d is %s", i, slot == papy.null and "null" or "a " .. type(slot))
    end
  end
  return table.concat(slots, separator)
end


-- plugger(inbox): nothing, which in a pipeline is papy.null. The end of a branch nobody wants the results of.
function M.plugger()
  return papy.null
end


-- ipasser(inbox [, i]): slot i (default 1). Raises when there is no such slot.
function M.ipasser(inbox, i)
  if type(inbox) ~= "table" then fail("ipasser", "the inbox must be an array, got a %s", type(inbox)) end
  if i == nil then i = 1 end
  local value
  if math.tointeger(i) then value = inbox[math.tointeger(i)] end
  if value == nil then fail("ipasser", "there is no slot %s: the inbox has %s", tostring(i), words(#inbox)) end
  return value
end


-- npasser(inbox [, n]): an array of the first n slots (default, and when there are fewer: all).
function M.npasser(inbox, n)
  return first("npasser", inbox, n)
end


-- spasser(inbox [, s]): an array of the slots whose numbers are in the array s (default, and when it is empty: all). They come
-- in the order of the inbox, whatever the order in s. Raises for a number without a slot.
function M.spasser(inbox, s)
  return chosen("spasser", inbox, s)
end


-- nzipper(inbox [, n [, all]]): the first n slots (default all) are arrays; returns an array of their first elements. all = true
-- returns all rows: {{a1, b1, ...}, {a2, b2, ...}, ...}, as many as the shortest slot has. Raises when there is no first row.
function M.nzipper(inbox, n, all)
  local rows = transpose("nzipper", first("nzipper", inbox, n))
  if all then return rows end
  if not rows[1] then fail("nzipper", "there is no first row: the inbox or one of its slots is empty") end
  return rows[1]
end


-- szipper(inbox [, s]): the slots with numbers in s (default all) are arrays; returns all rows, as many as the shortest has.
function M.szipper(inbox, s)
  return transpose("szipper", chosen("szipper", inbox, s))
end


-- njoiner(inbox [, n [, separator]]): the first n slots (default all), strings or numbers, as one string with the separator
-- (default "") between them.
function M.njoiner(inbox, n, separator)
  return join("njoiner", first("njoiner", inbox, n), separator)
end


-- sjoiner(inbox [, s [, separator]]): the slots with numbers in s (default all), in the order of the inbox, as one string.
function M.sjoiner(inbox, s, separator)
  return join("sjoiner", chosen("sjoiner", inbox, s), separator)
end


return M
