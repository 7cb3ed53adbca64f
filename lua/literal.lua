-- literal: plain data written as Lua text that gives it back: numbers to the last bit, strings of any bytes; and how tables are
-- laid out.
local M = {}

-- a table is written on one line when it is not longer than this
local LINE = 90

local reserved = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do
  reserved[word] = true
end


-- May this string stand as a name?
function M.is_name(s)
  return type(s) == "string" and s:find "^[%a_][%w_]*$" ~= nil and not reserved[s]
end


-- A string in double quotes, on one line.
function M.quote(s)
  return (("%q"):format(s):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
end


local function number(n)
  if math.type(n) == "integer" then return n == math.mininteger and "math.mininteger" or ("%d"):format(n) end
  if n ~= n then return "(0/0)" end
  if n == math.huge then return "math.huge" end
  if n == -math.huge then return "-math.huge" end
  local text = ("%.14g"):format(n)
  if tonumber(text) ~= n then text = ("%.17g"):format(n) end
  return text:find "[.e]" and text or text .. ".0"
end


-- nil, a boolean, a number or a string as Lua text; nil for every other value.
function M.scalar(value)
  local kind = type(value)
  if kind == "number" then return number(value) end
  if kind == "string" then return M.quote(value) end
  if kind == "nil" or kind == "boolean" then return tostring(value) end
end


-- ".key" or "[key]", given the key and its text.
function M.index(key, text)
  return M.is_name(key) and "." .. key or "[" .. text .. "]"
end


local ranks = {number = 1, string = 2, boolean = 3}


-- The keys of a table behind its array part 1..length, numbers first, then strings.
function M.keys(t, length)
  local keys = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= length) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    local x, y = ranks[type(a)] or 4, ranks[type(b)] or 4
    if x ~= y or x > 2 then return x < y end
    return a < b
  end)
  return keys
end


-- Parts in braces, on one line when they are short.
function M.layout(parts)
  local line = "{" .. table.concat(parts, ", ") .. "}"
  if #line <= LINE and not line:find "\n" then return line end
  local text = table.concat(parts, ",\n")
  return "{\n  " .. text:gsub("\n", "\n  ") .. ",\n}"
end


-- A table of named scalars as Lua text; `first` is the text of a part that comes before them, or nil.
function M.options(t, first)
  local parts = {first}
  for _, key in ipairs(M.keys(t, 0)) do parts[#parts + 1] = key .. " = " .. M.scalar(t[key]) end
  return M.layout(parts)
end


return M
