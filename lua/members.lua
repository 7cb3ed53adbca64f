-- members: what `value.name` may find, without calling anybody's code.
--
-- That is a table's own fields, then those of the table in __index, and so on. Where __index is a function, as for userdata, it
-- is taken to look in the tables it has as upvalues: Lua keeps them where debug.getupvalue sees them, for closures in C, too.

local M = {}


local function upvalue_tables(f, add)
  local i = 1
  while true do
    local name, value = debug.getupvalue(f, i)
    if not name then return end
    if type(value) == "table" and name ~= "_ENV" then add(value) end
    i = i + 1
  end
end


-- The tables where members of the value are looked for, in order.
local function tables_of(value)
  local tables, seen = {}, {}
  local function add(t)
    if seen[t] then return end
    seen[t] = true
    tables[#tables + 1] = t
  end
  local function follow(v)
    if type(v) == "table" then
      if seen[v] then return end
      add(v)
    end
    local meta = debug.getmetatable(v)
    local index = type(meta) == "table" and rawget(meta, "__index")
    if type(index) == "table" then follow(index) end
    if type(index) == "function" then upvalue_tables(index, add) end
  end
  follow(value)
  return tables
end


-- Is its __index a function of papy's own, which may be called?
local function is_own(value)
  local meta = debug.getmetatable(value)
  local index = type(meta) == "table" and rawget(meta, "__index")
  return type(index) == "function" and debug.getinfo(index, "S").source:find "^=%[papy%] " ~= nil
end


-- The member of that name, or nil.
function M.get(value, name)
  if is_own(value) then
    local good, found = pcall(function() return value[name] end)
    return good and found or nil
  end
  for _, t in ipairs(tables_of(value)) do
    local found = rawget(t, name)
    if found ~= nil then return found end
  end
end


-- Call visit(name, member) for all of them that have a name; the first of a name is the one that counts. visit may change the
-- tables.
function M.each(value, visit)
  local found, names = {}, {}
  for _, t in ipairs(tables_of(value)) do
    for name, member in next, t do
      if type(name) == "string" and found[name] == nil then
        names[#names + 1] = name
        found[name] = member
      end
    end
  end
  for _, name in ipairs(names) do visit(name, found[name]) end
end


return M
