-- inspect: a value as a person wants to see it at the prompt: strings quoted, tables opened up to a limit of depth and
-- width, on one line when it fits.

-- how much is shown
local LINE = 80         -- characters of a table on one line
local DEPTH = 4         -- tables inside tables
local ENTRIES = 100     -- of one table
local ALL = 500         -- entries, in all tables together
local SORTED = 10000    -- keys of a table; more are shown in any order, as sorting them takes seconds
local LONG = 10000      -- bytes of a string shown by itself
local SHORT = 200       -- bytes of a string inside a table

local escapes = {["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\0"] = "\\0", ['"'] = '\\"', ["\\"] = "\\\\"}


local function escape(c)
  return escapes[c] or ("\\x%02X"):format(c:byte())
end


local function escape_ascii(s)
  return (s:gsub('[%c"\\\127]', escape))
end


-- Valid UTF-8 stays readable, every other byte is escaped.
local function quote(s, most)
  local rest = ""
  if #s > most then
    rest = ("... (%d bytes)"):format(#s)
    s = s:sub(1, most)
  end
  local out, from = {}, 1
  while from <= #s do
    local ok, bad = utf8.len(s, from)
    local to = ok and #s or bad - 1
    out[#out + 1] = escape_ascii(s:sub(from, to))
    if not ok then out[#out + 1] = escape(s:sub(bad, bad)) end
    from = to + (ok and 1 or 2)
  end
  return '"' .. table.concat(out) .. '"' .. rest
end


local function is_name(key)
  return type(key) == "string" and key:find "^[%a_][%w_]*$" ~= nil
end


-- numbers by size, then strings, then the rest in any order
local function before(a, b)
  local ta, tb = type(a), type(b)
  if ta == tb and (ta == "number" or ta == "string") then return a < b end
  if ta == "number" or tb == "number" then return ta == "number" end
  if ta == "string" or tb == "string" then return ta == "string" end
  return false
end


-- The keys behind the array part, sorted.
local function other_keys(t, array_length)
  local keys = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= array_length) then keys[#keys + 1] = key end
  end
  if #keys <= SORTED then table.sort(keys, before) end
  return keys
end


local function has_own_form(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and (rawget(meta, "__tostring") ~= nil or rawget(meta, "__name") ~= nil)
end


local render


local function render_key(key, state)
  if is_name(key) then return key end
  return "[" .. render(key, state) .. "]"
end


local function array_length(t)
  local n = 0
  while rawget(t, n + 1) ~= nil do n = n + 1 end
  return n
end


-- The entries of a table as strings.
local function entries(t, state)
  local out, length = {}, array_length(t)
  local function full()
    return #out == ENTRIES or state.left == 0
  end
  local function add(key, prefix)
    state.left = state.left - 1
    out[#out + 1] = prefix .. render(rawget(t, key), state)
  end
  for i = 1, length do
    if full() then break end
    add(i, "")
  end
  local keys = other_keys(t, length)
  for _, key in ipairs(keys) do
    if full() then break end
    add(key, render_key(key, state) .. " = ")
  end
  local hidden = length + #keys - #out
  if hidden > 0 then out[#out + 1] = ("... (%d more)"):format(hidden) end
  return out
end


local function layout(parts, state)
  local line = "{" .. table.concat(parts, ", ") .. "}"
  local indent = ("  "):rep(state.depth)
  if #line + #indent <= LINE and not line:find("\n", 1, true) then return line end
  return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end


local function render_table(t, state)
  if next(t) == nil then return "{}" end
  if state.open[t] then return "<cycle>" end
  if state.depth >= DEPTH then return "{...}" end
  state.open[t] = true
  state.depth = state.depth + 1
  local parts = entries(t, state)
  state.depth = state.depth - 1
  state.open[t] = nil
  return layout(parts, state)
end


local function render_function(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return tostring(f) end
  return ("function: %s:%d"):format(info.short_src, info.linedefined)
end


function render(value, state)
  local kind = type(value)
  if kind == "string" then return quote(value, state.depth == 0 and LONG or SHORT) end
  if kind == "table" and not has_own_form(value) then return render_table(value, state) end
  if kind == "function" then return render_function(value) end
  return tostring(value)
end


return function(value)
  return render(value, {depth = 0, open = {}, left = ALL})
end
