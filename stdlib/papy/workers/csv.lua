-- papy.workers.csv: rows of comma-separated values (RFC 4180) to arrays of strings and back.
local M = {}


local function separator_of(opts)
  local separator = opts and opts.separator or ","
  if type(separator) ~= "string" or #separator ~= 1 or separator:find '["\r\n]' then
    error("csv: the separator must be one character, not a quote or a line break", 0)
  end
  return separator
end


local function field(value, i, separator)
  if value == papy.null then return "" end
  if type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then
    error(("cannot write field %d as CSV: a %s"):format(i, type(value)), 0)
  end
  local text = tostring(value)
  if text:find('["\r\n' .. (separator == "^" and "%^" or "%" .. separator) .. "]") or text:find "^%s" or text:find "%s$" then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end


-- encode_row(row [, {separator = ","}]): one line without its end. Fields are strings, numbers, booleans or papy.null (empty);
-- they are quoted where they must be.
function M.encode_row(row, opts)
  if type(row) ~= "table" then error("a row must be an array, got a " .. type(row), 0) end
  local separator, fields = separator_of(opts), {}
  for i = 1, #row do fields[i] = field(row[i], i, separator) end
  if #fields == 0 then error("a row without fields has no form in CSV", 0) end
  if #fields == 1 and fields[1] == "" then return '""' end -- an empty line would be no row
  return table.concat(fields, separator)
end


-- encode(rows [, opts]): all rows, each ended by CR LF.
function M.encode(rows, opts)
  local lines = {}
  for i, row in ipairs(rows) do lines[i] = M.encode_row(row, opts) .. "\r\n" end
  return table.concat(lines)
end


local function stop(text, at, what)
  local line, start = 1, 1
  for next_line in text:sub(1, at - 1):gmatch "\n()" do
    line, start = line + 1, next_line
  end
  error(("invalid CSV at line %d, column %d (byte %d): %s"):format(line, at - start + 1, at, what), 0)
end


-- the field at `at`, and where it ends
local function read_field(text, at, plain)
  if text:sub(at, at) ~= '"' then
    local value, to = text:match(plain, at)
    if text:sub(to, to) == '"' then stop(text, to, "a quote inside a field that does not begin with one") end
    return value, to
  end
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then stop(text, at, "a quoted field without its end") end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then return table.concat(parts), quote + 1 end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end


-- decode(text [, {separator = ","}]): an array of rows, each an array of strings. Lines end with CR LF or LF; the last may lack
-- it; empty lines are no rows. Raises with line, column and byte where quotes are wrong.
function M.decode(text, opts)
  if type(text) ~= "string" then error("CSV must be a string, got a " .. type(text), 0) end
  local separator = separator_of(opts)
  local plain = '^([^"\r\n' .. (separator == "^" and "%^" or "%" .. separator) .. "]*)()"
  local rows, at = {}, 1
  while at <= #text do
    local blank = text:match("^\r?\n()", at)
    if blank then
      at = blank
    else
      local row = {}
      repeat
        row[#row + 1], at = read_field(text, at, plain)
        local more = text:sub(at, at) == separator
        if more then at = at + 1 end
      until not more
      local behind = text:match("^\r?\n()", at) or at > #text and at
      if not behind then stop(text, at, "a separator or the end of the line expected") end
      rows[#rows + 1], at = row, behind
    end
  end
  return rows
end


return M
