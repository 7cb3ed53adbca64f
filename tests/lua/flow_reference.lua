-- What the tests of flows compare with: the same steps and answers in plain Lua, line by line, over the whole text at once.
--
--   local ref = R.records(text) ; ref:grep(...) ; ref:split(...) ...
--
-- A reference flow is {rows = array of {line =, fields = table or nil}}.
local M = {}

local Reference = {}
Reference.__index = Reference


local function new(rows) return setmetatable({rows = rows}, Reference) end


-- Records of a text as papy has them: lines without "\n" or "\r\n"; a last line without a newline counts.
function M.records(text)
  local rows = {}
  for line, newline in text:gmatch "([^\n]*)(\n?)" do
    if line ~= "" or newline ~= "" then rows[#rows + 1] = {line = (line:gsub("\r$", newline == "" and "\r" or ""))} end
  end
  return new(rows)
end


-- a reference flow of rows as they are
M.of = new


-- the closing quote of the field that opens at `at`, if it is one: before a separator or the end of the line or text
local function closing_quote(text, at, separator)
  local close = at
  repeat
    close = text:find('"', close + 1, true)
    local doubled = close and text:sub(close + 1, close + 1) == '"'
    if doubled then close = close + 1 end
  until not doubled
  local behind = close and text:sub(close + 1, close + 2)
  local good = close and (behind == "" or behind == "\r" or behind:find("^\r?\n") or behind:sub(1, 1) == separator)
  return good and close or nil
end


-- behind the end of the record of csv that begins at `at`
local function csv_end(text, at, separator)
  while true do
    local close = text:sub(at, at) == '"' and closing_quote(text, at, separator)
    if text:sub(at, at) == '"' and not close then return (text:find("\n", at, true) or #text) + 1 end
    local stop = text:find("[\n" .. separator .. "]", close and close + 1 or at)
    if not stop then return #text + 1 end
    if text:sub(stop, stop) == "\n" then return stop + 1 end
    at = stop + 1
  end
end


-- the fields of a record of csv, up to the first one whose quotes are not as they should be
local function csv_fields(line, separator)
  local fields, at = {}, 1
  if line == "" then return fields end
  while at <= #line + 1 do
    local stop
    if line:sub(at, at) == '"' then
      local close = closing_quote(line, at, separator)
      if not close then break end
      fields[#fields + 1] = line:sub(at + 1, close - 1):gsub('""', '"')
      stop = close + 1
    else
      stop = line:find(separator, at, true) or #line + 1
      fields[#fields + 1] = line:sub(at, stop - 1)
    end
    at = stop + 1
  end
  return fields
end


-- Records of csv, with line, offset, and fields by their number.
function M.csv(text, separator)
  local rows, at = {}, 1
  while at <= #text do
    local behind = csv_end(text, at, separator)
    local line = text:sub(at, behind - 1)
    local row = {line = line:gsub("\n$", ""):gsub("\r$", ""), offset = at - 1}
    row.fields = csv_fields(row.line, separator)
    rows[#rows + 1] = row
    at = behind
  end
  return new(rows)
end


function Reference:filter(good)
  local rows = {}
  for _, row in ipairs(self.rows) do
    if good(row) then rows[#rows + 1] = row end
  end
  return new(rows)
end


function Reference:grep(pattern, invert)
  local regex = papy.regex(pattern)
  return self:filter(function(row) return (regex:find(row.line) ~= nil) ~= (invert or false) end)
end


-- names: of the pattern's groups, in order
function Reference:match(pattern, names)
  local regex, rows = papy.regex(pattern), {}
  for _, row in ipairs(self.rows) do
    local found = table.pack(regex:match(row.line))
    if found[1] then
      local fields = {}
      for i, name in ipairs(names) do fields[name] = found[i] or nil end
      rows[#rows + 1] = {line = row.line, fields = fields}
    end
  end
  return new(rows)
end


-- fields as awk has them
function Reference:words()
  local rows = {}
  for _, row in ipairs(self.rows) do
    local fields = {}
    for word in row.line:gmatch "[^ \t]+" do fields[#fields + 1] = word end
    rows[#rows + 1] = {line = row.line, fields = fields}
  end
  return new(rows)
end


function Reference:derive(name, f)
  local rows = {}
  for i, row in ipairs(self.rows) do
    local fields = {}
    for k, v in pairs(row.fields or {}) do fields[k] = v end
    fields[name] = f(row)
    rows[i] = {line = row.line, fields = fields}
  end
  return new(rows)
end


function Reference:select(...)
  local rows = {}
  for i, row in ipairs(self.rows) do
    rows[i] = {line = row.line, fields = {}}
    for _, name in ipairs {...} do rows[i].fields[name] = row.fields[name] end
  end
  return new(rows)
end


-- what collect gives
function Reference:values()
  local list = {}
  for i, row in ipairs(self.rows) do list[i] = row.fields or row.line end
  return list
end


function Reference:lines()
  local list = {}
  for i, row in ipairs(self.rows) do list[i] = row.line end
  return list
end


-- The order of sort: false, true, numbers by size, texts by bytes; what is missing is last, falling or not; equal ones as they
-- came.
-- by: {{get = row -> value, falling =}...}
function Reference:sort(by)
  local function class_of(v)
    if v == nil or v == papy.null or v == "" or v == "-" then return 4, 0 end
    if type(v) == "boolean" then return 1, v and 1 or 0 end
    local n = type(v) ~= "string" and v or not v:find "[xXnN]" and tonumber(v)
    if n then return 2, n end
    return 3, v
  end
  local rows = {}
  for i, row in ipairs(self.rows) do
    rows[i] = {row = row, place = i}
    for k, key in ipairs(by) do rows[i][k] = table.pack(class_of(key.get(row))) end
  end
  table.sort(rows, function(a, b)
    for k, key in ipairs(by) do
      local x, y = a[k], b[k]
      if x[1] ~= y[1] then
        if key.falling and x[1] ~= 4 and y[1] ~= 4 then return x[1] > y[1] end
        return x[1] < y[1]
      end
      if x[2] ~= y[2] then
        if key.falling then return x[2] > y[2] end
        return x[2] < y[2]
      end
    end
    return a.place < b.place
  end)
  for i, each in ipairs(rows) do rows[i] = each.row end
  return new(rows)
end


function Reference:head(n)
  return new(table.move(self.rows, 1, math.min(n, #self.rows), 1, {}))
end


local function number(v)
  if v == nil or v == "" or v == "-" then return nil end
  return tonumber(v)
end


-- Groups by fields in the order of their first records: rows with the keys, n, sum, min, max, mean of `field`.
function Reference:groups(keys, field)
  local groups, order = {}, {}
  for _, row in ipairs(self.rows) do
    local parts = {}
    for i, key in ipairs(keys) do parts[i] = tostring(row.fields[key]) end
    local id = table.concat(parts, "\0")
    local g = groups[id]
    if not g then
      g = {n = 0, sum = 0, values = {}}
      for _, key in ipairs(keys) do g[key] = row.fields[key] end
      groups[id] = g
      order[#order + 1] = g
    end
    g.n = g.n + 1
    local v = field and number(row.fields[field])
    if v then
      g.sum = g.sum + v
      g.values[#g.values + 1] = v
    end
  end
  for _, g in ipairs(order) do
    table.sort(g.values)
    g.min, g.max = g.values[1], g.values[#g.values]
    if #g.values > 0 then
      g.p50 = g.values[math.max(1, math.ceil(0.5 * #g.values))]
      g.p99 = g.values[math.max(1, math.ceil(0.99 * #g.values))]
    end
  end
  return order
end


-- ---- random input ----

local words = {"GET", "POST", "HEAD"}
local urls = {"/", "/index.html", "/api/v1/users", "/api/v2", "/a%20b", "/img/x.png", "/search?q=1"}

local function word(letters, most)
  local out = {}
  for i = 1, math.random(0, most) do
    local at = math.random(#letters)
    out[i] = letters:sub(at, at)
  end
  return table.concat(out)
end


-- an access log whose lines now and then are not what they should be
function M.log(lines)
  local out = {}
  for i = 1, lines do
    local odd = math.random(40)
    local line
    if odd == 1 then line = ""
    elseif odd == 2 then line = word("ab \t\"\\[]-\0\255", 60)
    elseif odd == 3 then line = ("x"):rep(math.random(300, 3000))
    else
      line = ('10.0.%d.%d - - [%02d/Jan/2023:%02d:%02d:%02d +0000] "%s %s HTTP/1.1" %d %s "-" "agent %d" %d'):format(
        math.random(0, 3), math.random(0, 9), math.random(1, 3), math.random(0, 23), math.random(0, 59), math.random(0, 59),
        words[math.random(#words)], urls[math.random(#urls)], ({200, 200, 200, 301, 404, 500, 503})[math.random(7)],
        math.random(10) == 1 and "-" or tostring(math.random(0, 100000)), math.random(5), math.random(1, 20000))
    end
    out[i] = line .. (odd > 3 and odd < 7 and "\r\n" or "\n")
  end
  local text = table.concat(out)
  return math.random(2) == 1 and text:gsub("\r?\n$", "") or text
end


-- csv of so many columns with quoted newlines, which now and then is not what it should be
function M.csv_text(lines, columns, separator)
  local out, odd = {}, math.random(3) == 1
  local function field()
    local kind = math.random(odd and 30 or 26)
    if kind < 10 then return tostring(math.random(0, 999)) end
    if kind < 14 then return word("abc x", 8) end
    if kind < 17 then return '"' .. word("ab c", 6) .. '"' end
    if kind == 27 then return '"' .. word("ab c", 6) end
    if kind == 28 then return word("ab\"", 4) .. '"' .. word("ab", 4) end
    if kind == 29 then return '"a"' .. word('b"\n', 3) end
    if kind == 30 then return "x\n" end
    return '"' .. word("ab\n\n" .. separator, math.random(40)):gsub("a", math.random(2) == 1 and '""' or "a") .. '"'
  end
  for i = 1, lines do
    local fields = {tostring(i)}
    for k = 2, columns do fields[k] = field() end
    out[i] = table.concat(fields, separator) .. (math.random(8) == 1 and "\r\n" or "\n")
  end
  local text = table.concat(out)
  return math.random(2) == 1 and text:gsub("\r?\n$", "") or text
end


-- a pattern and, most of the time, one that finds something
function M.pattern()
  local atoms = {"GET", "\\d", "\\d+", "[a-z]", "[^ ]", ".", "\\s", "\\S+", "api", "\\b", "404|500", "(?:x|/)",
    "\\x00", "\"", "[A-Z]{3}", "v[12]"}
  local ends = {"", "", "", "*", "+", "?", "{2}"}
  local out, repeats = {math.random(8) == 1 and "^" or ""}, 0
  for _ = 1, math.random(1, 4) do
    local atom, behind
    repeat
      atom = atoms[math.random(#atoms)]
      -- nothing that repeats is repeated, and only one repeats: such a pattern may take for ever
      behind = atom:find "[+b]$" and "" or ends[math.random(#ends)]
    until repeats < 1 or not (atom .. behind):find "[+*]$"
    if (atom .. behind):find "[+*]$" then repeats = repeats + 1 end
    out[#out + 1] = "(?:" .. atom .. ")" .. behind
  end
  out[#out + 1] = math.random(6) == 1 and "$" or ""
  return table.concat(out)
end


-- a size of chunks, often a very small one
function M.chunk(text)
  local kind = math.random(5)
  if kind == 1 then return math.random(1, 3) end
  if kind == 2 then return math.random(4, 200) end
  if kind == 3 then return math.random(200, 5000) end
  return math.random(5000, math.max(6000, #text + 10))
end


M.COMBINED = [=[^(?<ip>\S+) \S+ \S+ \[(?<time>[^]]+)\] "(?<method>\S+) (?<url>\S+)[^"]*" (?<status>\d+) (?<bytes>\d+|-)]=]
M.COMBINED_NAMES = {"ip", "time", "method", "url", "status", "bytes"}


return M
