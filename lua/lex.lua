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
  for _, sign in ipairs {"...", "..", "::", "==", "~=", "<=", ">=", "//", "<<", ">>"} do
    if text:sub(at, at + #sign - 1) == sign then return "sign", at + #sign end
  end
  return "sign", at + 1
end


-- The words of a text, comments left out: an array of {kind = "name" "number" "string" "sign", text, line, first, last}.
function M.words(text)
  local words, line, at = {}, 1, 1
  if text:find "^#" then at = text:find("\n", 1, true) or #text + 1 end
  while true do
    local first = text:match("^%s*()", at)
    line = line + select(2, text:sub(at, first - 1):gsub("\n", ""))
    if first > #text then return words end
    local kind, after = word_at(text, first)
    local word = {kind = kind, text = text:sub(first, after - 1), line = line, first = first, last = after - 1}
    if kind ~= "comment" then words[#words + 1] = word end
    line = line + select(2, word.text:gsub("\n", ""))
    word.last_line = line
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


-- The names a text uses that may be globals: those that are no field, no key of a table and declared nowhere in the text.
function M.free_names(text)
  local words, declared, used = M.words(text), {}, {}
  local order = {}
  for i, word in ipairs(words) do
    local before, after = words[i - 1], words[i + 1]
    local field = before and (before.text == "." or before.text == ":") or false
    local key = before and (before.text == "{" or before.text == ",") and after and after.text == "=" and after.kind == "sign"
    if word.kind == "name" and not field and not key and not used[word.text] then
      used[word.text] = true
      order[#order + 1] = word.text
    end
    if word.text == "local" or word.text == "for" then
      local j = i + 1
      if words[j] and words[j].text == "function" then j = j + 1 end
      while words[j] and words[j].kind == "name" do
        declared[words[j].text] = true
        j = j + 1
        if words[j] and words[j].text == "<" then j = j + 3 end
        if not (words[j] and words[j].text == ",") then break end
        j = j + 1
      end
    elseif word.text == "function" then
      local _, j = name_of(words, i + 1)
      while words[j] and words[j].text ~= ")" do
        if words[j].kind == "name" then declared[words[j].text] = true end
        j = j + 1
      end
    elseif word.text == "(" and i == 1 then
      local j = 1
      while words[j] and words[j].text ~= ")" do
        if words[j].kind == "name" then declared[words[j].text] = true end
        j = j + 1
      end
    end
  end
  local free = {}
  for _, name in ipairs(order) do
    if not declared[name] then free[#free + 1] = name end
  end
  return free
end


return M
