-- lex: Lua text cut into words, and the functions found in it. It knows what is needed to find where a function begins and
-- ends; whether the text is correct, the compiler says.
local M = {}


-- The position after a long bracket [[ … ]], [=[ … ]=] that opens at `at`, or nil when none opens there.
local function after_long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, close = text:find("]" .. level .. "]", at, true)
  return (close or #text) + 1
end


local function after_comment(text, at)
  return after_long_bracket(text, at + 2) or text:find("\n", at, true) or #text + 1
end


local function after_string(text, at)
  local quote = text:sub(at, at)
  local i = at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == quote then return i + 1 end
    if c == "\\" and text:sub(i + 1, i + 1) == "z" then
      i = text:match("^%s*()", i + 2)
    else
      i = i + (c == "\\" and 2 or 1)
    end
  end
  return i
end


local doubles = {[".."] = true, ["::"] = true, ["=="] = true, ["~="] = true, ["<="] = true, [">="] = true, ["//"] = true,
  ["<<"] = true, [">>"] = true}


-- One word of the text at `at`, which is no white space: its kind and the position after it.
local function word_at(text, at)
  local name_end = text:match("^[%a_][%w_]*()", at)
  if name_end then return "name", name_end end
  if text:find("^%.?%d", at) then
    local hexadecimal = text:match("^0[xX][%x.]*[pP]?[+-]?%x*()", at)
    return "number", hexadecimal or text:match("^[%d.]*[eE][+-]?%d+()", at) or text:match("^[%d.]+()", at)
  end
  local c = text:sub(at, at)
  if c == '"' or c == "'" then return "string", after_string(text, at) end
  if c == "-" and text:sub(at, at + 1) == "--" then return "comment", after_comment(text, at) end
  local long = c == "[" and after_long_bracket(text, at)
  if long then return "string", long end
  if text:find("^%.%.%.", at) then return "sign", at + 3 end
  return "sign", at + (doubles[text:sub(at, at + 1)] and 2 or 1)
end


-- The words of a text, comments left out: an array of {kind = "name" "number" "string" "sign", text, line, first, last}.
function M.words(text)
  local words, at = {}, 1
  local line, line_end = 1, text:find("\n", 1, true) or #text + 1
  local function line_at(position) -- positions come in ascending order
    while line_end < position do line, line_end = line + 1, text:find("\n", line_end + 1, true) or #text + 1 end
    return line
  end
  if text:find "^#" then at = line_end end
  while true do
    local first = text:match("^%s*()", at)
    if first > #text then return words end
    local kind, after = word_at(text, first)
    if kind ~= "comment" then
      words[#words + 1] = {kind = kind, text = text:sub(first, after - 1), line = line_at(first), first = first, last = after - 1}
    end
    at = after
  end
end


local opens = {["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true}
local closes = {["end"] = true, ["until"] = true}


-- The name in `function a.b:c (` that begins at word i, as it stands, and the number of the word after it.
local function name_of(words, i)
  local name = {}
  while words[i] and words[i].text ~= "(" do
    name[#name + 1] = words[i].text
    i = i + 1
  end
  return table.concat(name), i
end


-- The name a function expression at word i is given: `local f = function`, `f = function`, nil when none.
local function assigned_name(words, i)
  local sign, name, before = words[i - 1], words[i - 2], words[i - 3]
  if not (sign and sign.text == "=" and name and name.kind == "name") then return nil end
  return not (before and (before.text == "." or before.text == ":" or before.text == ",")) and name.text or nil
end


-- The functions in a text, in the order of their ends: {line, last_line, name (as written, or nil), method (it was written
-- with a colon), body (the text from the parameters' parenthesis to the end)}.
function M.functions(text)
  local words, open, found = M.words(text), {}, {}
  for i, word in ipairs(words) do
    if word.kind == "name" and opens[word.text] then
      open[#open + 1] = i
    elseif word.kind == "name" and closes[word.text] then
      local start = table.remove(open)
      if start and words[start].text == "function" then
        local name, at = name_of(words, start + 1)
        if name == "" then name = assigned_name(words, start) end
        found[#found + 1] = {
          line = words[start].line, last_line = word.line, name = name, method = name and name:find(":", 1, true) ~= nil,
          body = words[at] and text:sub(words[at].first, word.last) or "",
        }
      end
    end
  end
  return found
end


-- ---- constants ----

-- The value of a constant expression, which may use the constants before it; nil when it is more than that.
local function constant_value(text, known)
  if text:find "[:{]" and not text:find "^%s*[\"']" or text:find "function" then return nil end
  local chunk = load("return " .. text, "=constant", "t", setmetatable({}, {__index = known}))
  local ok, value = pcall(chunk or error)
  local kind = type(value)
  return ok and (kind == "number" or kind == "string" or kind == "boolean") and value or nil
end


-- The constants declared as `local name <const> = value`, on one line each: an array of {name, value, line}.
function M.constants(text)
  local words, known, found = M.words(text), {}, {}
  for i, word in ipairs(words) do
    local name, attribute, sign = words[i + 1], words[i + 3], words[i + 5]
    if word.text == "local" and attribute and attribute.text == "const" and sign and sign.text == "=" then
      local rest = text:match("^[^\n]*", sign.last + 1)
      known[name.text] = constant_value(rest, known)
      found[#found + 1] = {name = name.text, value = known[name.text], line = word.line}
    end
  end
  return found
end


-- ---- names ----

local function is_field(words, i)
  local before = words[i - 1]
  return before ~= nil and (before.text == "." or before.text == ":")
end


-- The name before `=` in a table constructor.
local function is_key(words, i)
  local before, after = words[i - 1], words[i + 1]
  return before ~= nil and after ~= nil and (before.text == "{" or before.text == ",") and after.text == "="
end


-- Note the names listed from word i on: `a, b <const>, c`.
local function declare_list(words, i, declared)
  while words[i] and words[i].kind == "name" do
    declared[words[i].text] = true
    i = i + 1
    if words[i] and words[i].text == "<" then i = i + 3 end
    if not (words[i] and words[i].text == ",") then return end
    i = i + 1
  end
end


-- All names that a text declares anywhere: locals, loop variables, parameters. The text begins with a function's parameters.
local function declared_names(words)
  local declared = {}
  if words[1] and words[1].text == "(" then declare_list(words, 2, declared) end
  for i, word in ipairs(words) do
    if word.text == "local" or word.text == "for" then
      local is_function = words[i + 1] and words[i + 1].text == "function"
      declare_list(words, is_function and i + 2 or i + 1, declared)
    elseif word.text == "function" then
      local _, parenthesis = name_of(words, i + 1)
      declare_list(words, parenthesis + 1, declared)
    end
  end
  return declared
end


-- The names that the text of a function uses and that may be globals, in order: those that are no field, no key of a table and
-- declared nowhere in it. Keywords are among them.
function M.free_names(text)
  local words, seen, free = M.words(text), {}, {}
  local declared = declared_names(words)
  for i, word in ipairs(words) do
    local name = word.kind == "name" and not is_field(words, i) and not is_key(words, i) and word.text
    if name and not declared[name] and not seen[name] then
      seen[name] = true
      free[#free + 1] = name
    end
  end
  return free
end


return M
