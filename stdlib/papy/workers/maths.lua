-- papy.workers.maths: Lua's operators and math functions as worker functions, each in two flavours.
--
--   maths.sub({10}, 3)       --> 7      slot 1, and constant arguments
--   maths.substar{10, 3}     --> 7      all operands from the inbox; also called sub_star
--
-- Operators: add sub mul div idiv mod pow unm band bor bxor shl shr bnot concat len eq ne lt le gt ge not_ both either,
-- and their names in Python's operator module: truediv floordiv neg and_ or_ xor lshift rshift invert.
-- Functions: those of Lua's math library but for random and randomseed, which are no functions of an item.
-- A wrong number of operands is an error, never ignored.
local fault = require "papy.workers.fault"

local M = {}


local operators = {
  {2, add = function(a, b) return a + b end},
  {2, sub = function(a, b) return a - b end},
  {2, mul = function(a, b) return a * b end},
  {2, div = function(a, b) return a / b end},
  {2, idiv = function(a, b) return a // b end},
  {2, mod = function(a, b) return a % b end},
  {2, pow = function(a, b) return a ^ b end},
  {2, band = function(a, b) return a & b end},
  {2, bor = function(a, b) return a | b end},
  {2, bxor = function(a, b) return a ~ b end},
  {2, shl = function(a, b) return a << b end},
  {2, shr = function(a, b) return a >> b end},
  {2, concat = function(a, b) return a .. b end},
  {2, eq = function(a, b) return a == b end},
  {2, ne = function(a, b) return a ~= b end},
  {2, lt = function(a, b) return a < b end},
  {2, le = function(a, b) return a <= b end},
  {2, gt = function(a, b) return a > b end},
  {2, ge = function(a, b) return a >= b end},
  {2, both = function(a, b) return a and b end},
  {2, either = function(a, b) return a or b end},
  {1, unm = function(a) return -a end},
  {1, bnot = function(a) return ~a end},
  {1, len = function(a) return #a end},
  {1, not_ = function(a) return not a end},
}

local python = {truediv = "div", floordiv = "idiv", neg = "unm", and_ = "band", or_ = "bor", xor = "bxor", lshift = "shl",
  rshift = "shr", invert = "bnot"}

-- least and most operands of the math library's functions; all others (some builds have more) take one
local functions = {
  atan = {1, 2}, atan2 = {2, 2}, fmod = {2, 2}, ldexp = {2, 2}, log = {1, 2}, max = {1, math.huge},
  min = {1, math.huge}, ult = {2, 2},
}
-- their several values become an array
local arrays = {modf = true, frexp = true}
-- these are no functions of an item, or defined above
local left_out = {random = true, randomseed = true, pow = true}


local function counts(least, most)
  if least == most then return least == 1 and "1 operand" or least .. " operands" end
  return most == math.huge and least .. " or more operands" or least .. " to " .. most .. " operands"
end


local function check(name, n, least, most)
  if n < least or n > most then fault("%s: %s expected, got %d", name, counts(least, most), n) end
end


-- what operators raise names the line of this file; the operation says more
local function compute(name, f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then
    fault("%s: %s", name, (tostring(results[2]):gsub("^[^:]*:%d+: ", "")))
  end
  return results
end


local function define(name, f, least, most, array)
  local function result(label, ...)
    local results = compute(label, f, ...)
    if array then return table.move(results, 2, results.n, 1, {}) end
    if results[2] == nil then return papy.null end -- tointeger of what is none
    return results[2]
  end

  -- NAME(inbox, ...): the operation on slot 1 and the constant arguments. Raises for a wrong number of operands, and what the
  -- operation raises.
  M[name] = function(inbox, ...)
    if type(inbox) ~= "table" then fault("%s: the inbox must be an array, got a %s", name, type(inbox)) end
    check(name, (inbox[1] == nil and 0 or 1) + select("#", ...), least, most)
    return result(name, inbox[1], ...)
  end

  -- NAMEstar(inbox): the operation on all slots of the inbox. Raises for a wrong number of operands, and what the operation
  -- raises.
  M[name .. "star"] = function(inbox)
    if type(inbox) ~= "table" then fault("%sstar: the inbox must be an array, got a %s", name, type(inbox)) end
    check(name .. "star", #inbox, least, most)
    return result(name .. "star", table.unpack(inbox))
  end
  M[name .. "_star"] = M[name .. "star"]
end


for _, operator in ipairs(operators) do
  local n = operator[1]
  for name, f in pairs(operator) do
    if name ~= 1 then define(name, f, n, n) end
  end
end

for name, f in pairs(math) do
  local range = functions[name] or {1, 1}
  if type(f) == "function" and not left_out[name] then define(name, f, range[1], range[2], arrays[name]) end
end

for name, ours in pairs(python) do
  M[name], M[name .. "star"], M[name .. "_star"] = M[ours], M[ours .. "star"], M[ours .. "_star"]
end


return M
