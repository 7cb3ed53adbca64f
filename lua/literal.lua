-- literal: plain data written as Lua text that gives it back: numbers to the last bit, strings of any bytes, tables.
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


local ranks = {number = 1, string = 2, boolean = 3}


local function sorted_keys(t, length)
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


local function layout(parts)
  local line = "{" .. table.concat(parts, ", ") .. "}"
  if #line <= LINE and not line:find "\n" then return line end
  local text = table.concat(parts, ",\n")
  return "{\n  " .. text:gsub("\n", "\n  ") .. ",\n}"
end


local write


local function constructor(t, path, other, open)
  local parts, length = {}, rawlen(t)
  for i = 1, length do parts[i] = write(t[i], ("%s[%d]"):format(path, i), other, open) end
  for _, key in ipairs(sorted_keys(t, length)) do
    local plain = M.is_name(key)
    local at = plain and path .. "." .. key or ("%s[%s]"):format(path, tostring(key))
    local name = plain and key or "[" .. write(key, "a key of " .. path, other, open) .. "]"
    parts[#parts + 1] = name .. " = " .. write(t[key], at, other, open)
  end
  return layout(parts)
end


function write(value, path, other, open)
  local kind = type(value)
  if kind == "number" then return number(value) end
  if kind == "string" then return M.quote(value) end
  if kind == "nil" or kind == "boolean" then return tostring(value) end
  local text = other(value, path, open[value])
  if text then return text end
  open[value] = true
  text = constructor(value, path, other, open)
  open[value] = nil
  return text
end


-- A value as Lua text. `path` says in messages which value it is, and `name` how one inside it is reached: "path: name.key".
-- other(value, path, inside) is asked for everything that is neither nil, a boolean, a number nor a string: it returns the
-- text, or nil for a table that is to be written as a constructor, or raises an error about `path`; `inside` says that the value
-- stands inside itself.
function M.write(value, path, name, other)
  local inner = name and path .. ": " .. name or path
  return write(value, inner, function(v, at, inside)
    return other(v, rawequal(v, value) and not inside and path or at, inside)
  end, {})
end


return M
