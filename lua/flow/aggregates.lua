-- aggregates: what group_by is asked for ("sum bytes", "p99 latency") as columns of a tally.
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

-- words of the first part of an aggregate, and the kinds of the tally they stand for
local kinds = {
  count = "count", sum = "sum", mean = "mean", avg = "mean", average = "mean", stddev = "stddev", min = "min", max = "max",
  distinct = "distinct", first = "first", last = "last", top = "top", histogram = "histogram", median = "quantile",
  quantile = "quantile",
}


local function refuse(text, why, ...)
  Error.raise("option", "group_by: aggregate '%s' " .. why, text, ...)
end


-- "p99", "p99.9" as 0.99, 0.999
local function percentile(word)
  local p = word:match "^[pP](%d+%.?%d*)$"
  return p and tonumber(p) / 100
end


-- One aggregate: "count", "count field", "sum field", "mean field", "stddev field", "min field", "max field", "median field",
-- "p99 field" (any percentile), "distinct field", "top field" or "top5 field", "first field", "last field", "histogram field" or
-- "histogram field width". Returns {name =, kind =, field =, number =, limit =}.
function M.parse(text, name)
  if type(text) ~= "string" then
    Error.raise("option", "group_by: an aggregate must be a string such as \"sum bytes\", got %s", Error.render(text))
  end
  local word, field, more = text:match "^%s*(%S+)%s*(%S*)%s*(%S*)%s*$"
  if not word then refuse(text, "is empty") end
  local column = {name = name or (field == "" and word or word .. "_" .. field), field = field ~= "" and field or nil}
  local fraction = percentile(word)
  local stem, count = word:match "^(%a+)(%d*)$"
  local kind = fraction and "quantile" or kinds[stem or word]
  if not kind or (count and count ~= "" and stem ~= "top" and not fraction) then
    local near = options.nearest(stem or word, kinds)
    refuse(text, "is not known%s; there are count, sum, mean, stddev, min, max, median, p99 (any percentile), distinct, top, "
      .. "first, last and histogram", near and ("; did you mean '%s'?"):format(near) or "")
  end
  if fraction and fraction > 1 then refuse(text, "asks for a percentile above 100") end
  if not column.field and kind ~= "count" then refuse(text, "needs a field: \"%s field\"", word) end
  column.kind = kind
  if kind == "quantile" then column.number = fraction or 0.5 end
  if kind == "top" then column.limit = tonumber(count) or 10 end
  if kind == "histogram" then
    column.number = more ~= "" and tonumber(more) or 0
    if not column.number or column.number < 0 then refuse(text, "has a width that is no positive number") end
  elseif more ~= "" then
    refuse(text, "has a word too many: '%s'", more)
  end
  return column
end


-- What group_by is given, as an array of columns: {name = aggregate, ...}, in the order of the names, or an array of aggregates,
-- which name themselves ("sum bytes" is sum_bytes); or both.
function M.columns(aggs)
  if type(aggs) ~= "table" then
    Error.raise("option", "group_by: a table of aggregates expected, such as {n = \"count\", bytes = \"sum bytes\"}, got %s",
      Error.render(aggs))
  end
  local columns, names = {}, {}
  for i, text in ipairs(aggs) do columns[i] = M.parse(text) end
  for name in pairs(aggs) do
    if type(name) == "string" then
      names[#names + 1] = name
    elseif math.type(name) ~= "integer" or name < 1 or name > #columns then
      Error.raise("option", "group_by: %s is no name for an aggregate", Error.render(name))
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do columns[#columns + 1] = M.parse(aggs[name], name) end
  if #columns == 0 then columns[1] = M.parse("count") end
  return columns
end


-- The spec of a tally with these keys (names) and columns, and the fields that are its arguments, each once.
function M.spec(keys, columns)
  local spec, fields, place = {keys = keys, columns = {}, args = 0}, {}, {}
  for i, column in ipairs(columns) do
    local arg
    if column.field then
      if not place[column.field] then
        fields[#fields + 1] = column.field
        place[column.field] = #fields
      end
      arg = place[column.field]
    end
    spec.columns[i] = {name = column.name, kind = column.kind, arg = arg, number = column.number, limit = column.limit}
  end
  spec.args = #fields
  return spec, fields
end


return M
