-- papy.workers.json: JSON (RFC 8259) to Lua values and back.
--
--   null       papy.null                     integer       integer if it fits 64 bits, else float
--   array      array table                   1.0, 1e3      float
--   object     table with string keys        string        UTF-8 string
--
-- A table with elements 1..n and nothing else is an array, one with string keys an object; the empty table is an array unless
-- marked with M.object, as decode does. Nothing is bent to fit: a NaN, a hole, a key that is no string, a string that is not
-- UTF-8 are errors that name the path to it.
local M = {}

-- deeper nesting is refused, both ways
local DEPTH <const> = 500

local object_class = {__name = "papy.json.object"}
papy.class("papy.json.object", object_class)


-- object([t]): t, written as an object even when it is empty.
function M.object(t)
  return setmetatable(t or {}, object_class)
end


-- ---- writing ----

local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f"}

local function escape(c)
  return escapes[c] or ("\\u%04x"):format(c:byte())
end


local function fail(path, what)
  error(("cannot write %s as JSON: %s"):format(path, what), 0)
end


local function write_string(s, path)
  local _, bad = utf8.len(s)
  if bad then fail(path, ("byte %d of the string is not UTF-8"):format(bad)) end
  return '"' .. s:gsub('[%c"\\\127]', escape) .. '"'
end


local function write_number(v, path)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  if v ~= v or v == math.huge or v == -math.huge then fail(path, ("%s has no form in JSON"):format(v)) end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(v)
    if tonumber(text) == v then
      return text:find "[.eE]" and text or text .. ".0"
    end
  end
end


-- "array", "object", or an error
local function kind_of(t, path)
  if getmetatable(t) == object_class then return "object" end
  local n, strings = 0, 0
  for key in next, t do
    if type(key) == "string" then strings = strings + 1 else n = n + 1 end
    if type(key) ~= "string" and not (math.type(key) == "integer" and key >= 1 and key <= #t) then
      fail(path, ("a key that is neither a string nor in a row from 1: %s"):format(tostring(key)))
    end
  end
  if strings > 0 and n > 0 then fail(path, "a table with both elements and named fields") end
  if n ~= #t then fail(path, "an array with holes; papy.null fills them") end
  return strings > 0 and "object" or "array"
end


local write

local function write_object(t, path, out, depth)
  local keys = {}
  for key in next, t do
    if type(key) ~= "string" then fail(path, ("a key of an object that is no string: %s"):format(tostring(key))) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and "," or "") .. write_string(key, path .. "'s key") .. ":"
    write(t[key], path .. "." .. key, out, depth)
  end
  out[#out + 1] = "}"
end


function write(v, path, out, depth)
  local kind = type(v)
  if kind == "string" then out[#out + 1] = write_string(v, path)
  elseif kind == "number" then out[#out + 1] = write_number(v, path)
  elseif kind == "boolean" then out[#out + 1] = tostring(v)
  elseif v == papy.null then out[#out + 1] = "null"
  elseif kind ~= "table" then fail(path, "a " .. kind)
  elseif depth > DEPTH then fail("the value", ("tables nested more than %d deep, or in a circle"):format(DEPTH))
  elseif kind_of(v, path) == "object" then write_object(v, path, out, depth + 1)
  else
    out[#out + 1] = "["
    for i = 1, #v do
      if i > 1 then out[#out + 1] = "," end
      write(v[i], ("%s[%d]"):format(path, i), out, depth + 1)
    end
    out[#out + 1] = "]"
  end
end


-- encode(value): its text, on one line; fields of objects are sorted by name. Raises with the path to what JSON cannot say.
function M.encode(value)
  local out = {}
  write(value, "value", out, 1)
  return table.concat(out)
end


-- ---- reading ----

local function stop(text, at, what)
  local line, start = 1, 1
  for next_line in text:sub(1, at - 1):gmatch "\n()" do
    line, start = line + 1, next_line
  end
  error(("invalid JSON at line %d, column %d (byte %d): %s"):format(line, at - start + 1, at, what), 0)
end


local function unexpected(text, at, wanted)
  if at > #text then stop(text, at, wanted .. " expected, but the text ends") end
  local c = text:match("^" .. utf8.charpattern, at) or text:sub(at, at)
  if c:find "%c" then c = ("\\x%02x"):format(c:byte()) end
  stop(text, at, ("%s expected, got '%s'"):format(wanted, c))
end


local unescapes = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

-- \uXXXX at `at`, a surrogate pair included; the character and where it ends
local function read_unicode(text, at)
  local hex = text:match("^\\u(%x%x%x%x)", at)
  if not hex then stop(text, at, "four hexadecimal digits must follow \\u") end
  local code = tonumber(hex, 16)
  if code >= 0xD800 and code <= 0xDBFF then
    local low = tonumber(text:match("^\\u(%x%x%x%x)", at + 6) or "0", 16)
    if low < 0xDC00 or low > 0xDFFF then stop(text, at, "half of a surrogate pair") end
    return utf8.char(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 12
  end
  if code >= 0xDC00 and code <= 0xDFFF then stop(text, at, "half of a surrogate pair") end
  return utf8.char(code), at + 6
end


-- the string that begins at `at` with its quote
local function read_string(text, at)
  local from = at + 1
  local to = text:find('["\\%c]', from)
  if to and text:byte(to) == 34 then return text:sub(from, to - 1), to + 1 end
  local parts = {}
  while to do
    parts[#parts + 1] = text:sub(from, to - 1)
    local c = text:sub(to, to)
    if c == '"' then return table.concat(parts), to + 1 end
    if c == "\127" then
      parts[#parts + 1], from = c, to + 1
    elseif c ~= "\\" then
      stop(text, to, ("a control character (\\x%02x) in a string must be escaped"):format(c:byte()))
    elseif text:sub(to + 1, to + 1) == "u" then
      parts[#parts + 1], from = read_unicode(text, to)
    else
      local plain = unescapes[text:sub(to + 1, to + 1)]
      if not plain then stop(text, to, ("no such escape: %s"):format(text:sub(to, to + 1))) end
      parts[#parts + 1], from = plain, to + 2
    end
    to = text:find('["\\%c]', from)
  end
  stop(text, at, "a string without its end")
end


local function read_number(text, at)
  local whole, to = text:match("^(-?%d+)()", at)
  if not whole then unexpected(text, whole and to or at, "a value") end
  if whole:find "^-?0%d" then stop(text, at, "a number with a leading zero") end
  local after, fraction = to, nil
  if text:sub(after, after) == "." then
    fraction, after = text:match("^(%.%d+)()", after)
    if not fraction then unexpected(text, to + 1, "a digit") end
  end
  if text:find("^[eE]", after) then
    local exponent, behind = text:match("^([eE][-+]?%d+)()", after)
    if not exponent then stop(text, after, "an exponent without digits") end
    fraction, after = (fraction or "") .. exponent, behind
  end
  local value = tonumber(whole .. (fraction or ""))
  if value == 0 and whole == "-0" then value = -0.0 end
  return value, after
end


local read

local function skip(text, at)
  return text:match("^[ \t\r\n]*()", at)
end


local function read_array(text, at, depth)
  local result = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return result, at + 1 end
  while true do
    result[#result + 1], at = read(text, at, depth)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "]" then return result, at + 1 end
    if c ~= "," then unexpected(text, at, "',' or ']'") end
    at = skip(text, at + 1)
  end
end


local function read_object(text, at, depth)
  local result = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return M.object(result), at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then unexpected(text, at, "a name in quotes") end
    local key
    key, at = read_string(text, at)
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then unexpected(text, at, "':'") end
    result[key], at = read(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "}" then return result, at + 1 end
    if c ~= "," then unexpected(text, at, "',' or '}'") end
    at = skip(text, at + 1)
  end
end


function read(text, at, depth)
  if depth > DEPTH then stop(text, at, ("nested more than %d deep"):format(DEPTH)) end
  local c = text:sub(at, at)
  if c == '"' then return read_string(text, at) end
  if c == "{" then return read_object(text, at, depth + 1) end
  if c == "[" then return read_array(text, at, depth + 1) end
  local word = text:match("^%l+", at)
  if word == "true" then return true, at + 4 end
  if word == "false" then return false, at + 5 end
  if word == "null" then return papy.null, at + 4 end
  return read_number(text, at)
end


-- decode(text): its value. Raises with line, column and byte where the text is not JSON.
function M.decode(text)
  if type(text) ~= "string" then error("JSON must be a string, got a " .. type(text), 0) end
  local _, bad = utf8.len(text)
  if bad then stop(text, bad, "not UTF-8") end
  local value, at = read(text, skip(text, 1), 1)
  at = skip(text, at)
  if at <= #text then unexpected(text, at, "the end of the text") end
  return value
end


return M
