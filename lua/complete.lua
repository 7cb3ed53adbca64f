-- complete: what Tab offers at the prompt: names, members, and the keys of a table of options.
local lex = require "papy.lex"
local members = require "papy.members"

local keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while",
}


-- ---- options ----

-- What closes what; the words of unfinished text that are still open, innermost last, as numbers of words.
local closers = {["}"] = "{", [")"] = "(", ["]"] = "["}
local openers = {["{"] = true, ["("] = true, ["["] = true}


local function still_open(words)
  local open = {}
  for i, word in ipairs(words) do
    if word.kind == "sign" and openers[word.text] then open[#open + 1] = i end
    if word.kind == "sign" and closers[word.text] then table.remove(open) end
  end
  return open
end


-- The value of `a.b:c` that ends in word i, or nil.
local function value_before(words, i)
  local names = {}
  while words[i] and words[i].kind == "name" do
    table.insert(names, 1, words[i].text)
    local sign = words[i - 1] and words[i - 1].text
    if sign ~= "." and sign ~= ":" then break end
    i = i - 2
  end
  if #names == 0 then return nil end
  local value = _G
  for _, name in ipairs(names) do
    value = members.get(value, name)
    if value == nil then return nil end
  end
  return value
end


-- The function whose table of options is being written at the end of the text: `f{` or `f(x, {`. Also the number of its brace.
local function options_for(words)
  local open = still_open(words)
  local brace = open[#open]
  if not brace or words[brace].text ~= "{" or words[#words].text ~= "{" and words[#words].text ~= "," then return nil end
  local f = value_before(words, brace - 1)
  if f then return f, brace end
  local parenthesis = open[#open - 1]
  if not parenthesis or words[parenthesis].text ~= "(" then return nil end
  return value_before(words, parenthesis - 1), brace
end


-- Functions that take options check them against tables that are called something_spec: upvalues of theirs, or of functions that
-- are upvalues of theirs.
local function add_specs(f, depth, keys)
  if type(f) ~= "function" then return keys end
  local i = 1
  while true do
    local name, value = debug.getupvalue(f, i)
    if not name then return keys end
    if type(value) == "table" and name:find "_spec$" then
      for key in next, value do keys[key] = true end
    elseif type(value) == "function" and depth > 1 then
      add_specs(value, depth - 1, keys)
    end
    i = i + 1
  end
end


local function offer_options(before, start, offer)
  local words = lex.words(before)
  local f, brace = options_for(words)
  if not f then return end
  local keys = add_specs(f, 2, {})
  for i = brace + 1, #words do -- those that are given already
    if words[i].text == "=" and words[i - 1].kind == "name" then keys[words[i - 1].text] = nil end
  end
  for key in pairs(keys) do
    if key:sub(1, #start) == start then offer(key .. " = ") end
  end
end


-- ---- names ----

-- Sorted candidates for a word like `papy.Nu` or `pool:st`; `before` is the text that stands before it.
return function(word, before)
  local path, separator, start = word:match "^(.-)([.:]?)([%w_]*)$"
  local value, found, once = _G, {}, {}
  if not path or (path == "") ~= (separator == "") then return found end
  local function add(text)
    if not once[text] then found[#found + 1] = text end
    once[text] = true
  end
  local function offer(name, member)
    if not name:find "^[%a_][%w_]*$" or name:sub(1, #start) ~= start then return end
    if name:sub(1, 1) == "_" and start == "" then return end
    if separator == ":" and type(member) ~= "function" then return end
    add(path .. separator .. name)
  end
  if separator == "" then offer_options(before or "", start, add) end
  if #found == 0 then
    for name in path:gmatch "[^.:]+" do
      value = members.get(value, name)
      if value == nil then return found end
    end
    members.each(value, offer)
    if separator == "" and start ~= "" then
      for _, keyword in ipairs(keywords) do offer(keyword) end
    end
  end
  table.sort(found)
  return found
end
