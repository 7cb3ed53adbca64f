-- sort: rows in order, however many there are; for flows and whoever else has rows.
--
-- Rows wait as encoded values in a sorter (scan/sorter.h), which goes to unlinked temporary files beyond its memory.
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"
local rowform = require "papy.rowform"

local M = {}

local encode, decode = core.codec.encode, core.codec.decode


-- "field", "-field" (falling), {field, falling}, or a function row -> value, or an array of these, as {get = functions row ->
-- value, names = fields where they have one, descending = booleans}. nil: the rows themselves.
function M.order(by)
  local order = {get = {}, names = {}, descending = {}}
  local list = type(by) == "table" and by or {by}
  for i, what in ipairs(list) do
    if type(what) == "function" then
      order.get[i], order.descending[i] = what, false
    elseif type(what) == "table" and what[1] ~= nil or type(what) == "string" and what:find "^%-?." then
      local name, falling = what, false
      if type(what) == "table" then name, falling = what[1], what[2]
      elseif #what > 1 and what:sub(1, 1) == "-" then name, falling = what:sub(2), true end
      order.names[i], order.descending[i] = name, falling
      order.get[i] = function(row) return rowform.cell(row, name) end
    else
      Error.raise("option", "sort: by a field, \"-field\" for falling, a function or an array of these, got %s",
        Error.render(what))
    end
  end
  if #order.get == 0 then order.get[1], order.descending[1] = function(row) return row end, false end
  return order
end


local function new_sorter(order, opts)
  return core.sort.new {keys = #order.get, descending = order.descending, memory = opts.memory, dir = opts.dir}
end


local function add(sorter, order, row)
  local keys = {}
  for i, get in ipairs(order.get) do
    local key = get(row)
    keys[i] = type(key) == "table" and rowform.text(key) or key
  end
  sorter:add(keys, encode(row))
end


-- what is in a sorter, in order: at most so many rows (default: all), of whose bytes unpack makes rows
local function in_order(sorter, most, unpack)
  local given = 0
  return function()
    local bytes
    if given ~= most then bytes = sorter:next() end
    if bytes == nil then
      sorter:clear() -- the disk may be full of what is left
      return nil
    end
    given = given + 1
    return (unpack(bytes))
  end, nil, nil, sorter
end


-- sorted(rows [, by [, {memory = bytes, dir = path} [, most]]]) -> an iterator of the rows in order, and what a loop that is left
-- early closes. rows: an array or an iterator; what travels to a worker may be sorted, and comes back as a copy. by: see order.
-- memory: bytes after which rows go to temporary files (default 256 MiB) in dir (default $TMPDIR or /tmp). most: how many of the
-- first. The order: false, true, numbers (texts that look like one, too) by size, texts by bytes, then missing values; these are
-- last when falling, too. Equal rows keep their order.
function M.sorted(rows, by, opts, most)
  local order = M.order(by)
  local sorter = new_sorter(order, options.check("sort", opts, {memory = "natural", dir = "string"}))
  for row in rowform.each(rows, "sort") do add(sorter, order, row) end
  return in_order(sorter, most, decode)
end


-- The same in two steps. packer(order, most) -> a function that makes of an array of rows the bytes of the first `most` of them
-- (nil: of all), sorted; merged(step, order, most) -> what sorted gives, of what step() -> bytes gives of each part of the rows.
-- unpack(bytes) -> row, where these are no rows.
function M.packer(order, most)
  local sorter = new_sorter(order, {memory = 0})
  return function(rows)
    sorter:clear()
    for _, row in ipairs(rows) do add(sorter, order, row) end
    return sorter:encode(most)
  end
end


function M.merged(step, order, most, unpack)
  local sorter, part = new_sorter(order, {}), 0
  for bytes in step do
    sorter:merge(bytes, part)
    part = part + 1
  end
  return in_order(sorter, most, unpack or decode)
end


-- groups(tally [, by [, k]]) -> an iterator of the k rows (default: all) of a core.tally that come first in the order of their
-- columns. In memory as long as the tally is.
function M.groups(tally, by, k)
  local order, by_names = M.order(by), {}
  for i = 1, #order.get do
    if not order.names[i] then return M.sorted(tally, by) end
    by_names[i] = {order.names[i], order.descending[i]}
  end
  if k or not tally:spilled() then return tally:top(k, by_names) end -- with what a loop that is left early closes
  return M.sorted(tally, by)
end


return M
