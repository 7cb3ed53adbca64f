-- join: rows with those of a small table that have the same key. The table is indexed once, in memory; workers inherit it.
--
--   local index = join.index({{ip = "10.0.0.1", host = "web1"}}, "ip")
--   for _, row in ipairs(join.rows(index, {ip = "10.0.0.1", status = "200"})) do ... end      row.host is "web1"
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"
local rowform = require "papy.rowform"

local null = core.sys.null

local join_spec = {left = "boolean", prefix = "string"}

local M = {}


-- Keys are compared as texts, since the fields of a log are: 200 and "200" are one. nil for a key with a part missing: it has no
-- partner.
local function key_of(row, names)
  local parts = {}
  for i, name in ipairs(names) do
    local v = row[name]
    if v == nil or v == null then return nil end
    if math.type(v) == "float" then v = math.tointeger(v) or v end
    local text = tostring(v)
    parts[i] = #names > 1 and #text .. ":" .. text or text
  end
  return table.concat(parts)
end


-- names on both sides: "ip"; {"ip", "day"}; {ip = "address"}: the record's ip is the table's address
local function read_key(key)
  local mine, theirs = {}, {}
  local list = type(key) == "table" and key or {key}
  for i, name in ipairs(list) do mine[i], theirs[i] = name, name end
  local pairs_of = {}
  for name in pairs(list) do
    if type(name) == "string" then pairs_of[#pairs_of + 1] = name end
  end
  table.sort(pairs_of)
  for _, name in ipairs(pairs_of) do mine[#mine + 1], theirs[#theirs + 1] = name, list[name] end
  for i = 1, math.max(1, #mine) do
    if type(mine[i]) ~= "string" or type(theirs[i]) ~= "string" then
      Error.raise("option", "join: the key must be a field, an array of fields or {field = field of the other}, got %s",
        Error.render(key))
    end
  end
  return mine, theirs
end


-- a table that has values by key is no array of rows: nothing would ever fit
local function must_be_array(other)
  local key = type(other) == "table" and not getmetatable(other) and #other == 0 and next(other)
  if key and key ~= "columns" then
    Error.raise("option", "join: an array of rows expected, such as {{status = \"200\", name = \"fine\"}}, got a table with the "
      .. "key %s", Error.render(key))
  end
end


-- index(other, key [, {left = false, prefix = ""}]) -> an index for rows.
-- other: an array of rows, an iterator, or an answer; all of it is held in memory. key: a field that both have, an array of
-- these, or {field = its name in the other}. left: records without a partner stay, as they are. prefix: put before the names of
-- fields that the other gives.
function M.index(other, key, opts)
  local o = options.check("join", opts, join_spec)
  local mine, theirs = read_key(key)
  must_be_array(other)
  local index = {mine = mine, left = o.left, prefix = o.prefix or "", partners = {}}
  local is_key, any, without = {}, false, nil
  for _, name in ipairs(theirs) do is_key[name] = true end
  for row in rowform.each(other, "join") do
    if type(row) ~= "table" then Error.raise("option", "join: rows with fields expected, got %s", Error.render(row)) end
    local id = key_of(row, theirs)
    if not id then
      without = row
    else
      any = true
      local fields = {}
      for name, value in next, row do
        if not is_key[name] then fields[#fields + 1] = {index.prefix .. tostring(name), value} end
      end
      local list = index.partners[id]
      if list then list[#list + 1] = fields else index.partners[id] = {fields} end
    end
  end
  if without and not any then
    Error.raise("option", "join: no row of the other has the key %s; the last: %s", table.concat(theirs, ", "),
      Error.render(without))
  end
  return index
end


local function copy(row)
  local result = {}
  for name, value in pairs(row) do result[name] = value end
  return result
end


-- rows(index, row) -> the record joined with each of its partners, an array of fresh tables. Raises when both have a field of one
-- name.
function M.rows(index, row)
  local id = key_of(row, index.mine)
  local partners = id and index.partners[id]
  if not partners then return index.left and {copy(row)} or {} end
  local joined = {}
  for i, fields in ipairs(partners) do
    local result = copy(row)
    for _, field in ipairs(fields) do
      if result[field[1]] ~= nil then
        Error.raise("option", "join: both have a field '%s'; option 'prefix' renames those of the other", field[1])
      end
      result[field[1]] = field[2]
    end
    joined[i] = result
  end
  return joined
end


return M
