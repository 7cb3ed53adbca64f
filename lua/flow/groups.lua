-- groups: the methods of a flow whose answer has rows, and is a flow again: its steps run in the host.
local core = require "papy.core"
local Error = require "papy.error"
local aggregates = require "papy.flow.aggregates"
local answers = require "papy.flow.answers"
local chain = require "papy.flow.chain"
local class = require "papy.flow.class"
local join = require "papy.join"
local sort = require "papy.sort"

local Flow = class.Flow
local must_be_name, name_list, refuse, with = class.must_be_name, class.name_list, class.refuse, class.with
local shut = class.shut


-- a flow over rows: rows() gives an iterator (and what closes it)
local function rows_flow(self, made, rows, columns, more)
  local new = {rows = rows, columns = columns, steps = {}, shared = self.shared, workers = self.workers, below = self,
    made = made}
  for key, value in pairs(more or {}) do new[key] = value end
  return setmetatable(new, Flow)
end


local function array_iterator(array)
  local i = 0
  return function()
    i = i + 1
    return array[i]
  end
end


local function fill(tally, self, sink)
  if self.source then
    local item = 0
    for partial in answers.partials(self, sink) do
      tally:merge(partial.value, item)
      item = item + 1
    end
    return
  end
  local last = chain.sink(self.steps, sink)
  last.reset()
  for row in self.rows() do last.push(row) end
  tally:merge(last.value(), 0)
end


-- the tally of this flow's records
local function tally_of(self, sink, spec)
  local tally = core.tally.new(spec)
  local ok, why = pcall(fill, tally, self, sink)
  if ok then return tally end
  tally:clear() -- the disk may be full of it
  error(why, 0)
end


local function grouped(self, what, keys, columns, order)
  local spec, fields = aggregates.spec(keys, columns)
  local sink = {kind = "tally", what = what, tally = core.tally.new(spec), keys = keys, args = fields}
  if self.source then
    answers.compile(self, sink) -- says what is wrong here
  else
    class.must_have(self, what, keys)
    class.must_have(self, what, fields)
  end
  local tally
  local function groups()
    tally = tally or tally_of(self, sink, spec)
    return tally
  end
  local names = table.move(keys, 1, #keys, 1, {})
  for i, column in ipairs(columns) do names[#keys + i] = column.name end
  local function rows(limit)
    if order then return groups():top(limit, order) end
    return groups():rows()
  end
  return rows_flow(self, ("%s %s"):format(what, table.concat(names, ", ")), rows, names,
    {groups = groups, measure = columns[1].name, runs = "native, merged in the host"})
end


-- Groups of records with the same values of the keys, and aggregates of each: group_by("status", {n = "count", bytes = "sum
-- bytes", p99 = "p99 latency"}). keys: a name or an array of names ({} puts all in one group). Aggregates: count, sum, mean,
-- stddev, min, max, median, p99 (any percentile; within 1 %), distinct (within 0.8 %), top5, first, last, histogram, each of a
-- field; of numbers where the others are left out (sum, mean, stddev, percentiles, histogram). Without aggregates: count.
-- Groups come in the order of their first records, or in none when they go to disk (from 1 GiB on).
function Flow:group_by(keys, aggs)
  local names = type(keys) == "table" and #keys == 0 and {} or name_list("group_by", keys)
  return grouped(self, "group_by", names, aggregates.columns(aggs or {count = "count"}))
end


-- How often each value of a field (or each combination of several) occurs, most frequent first.
function Flow:count_by(...)
  local names = name_list("count_by", ...)
  return grouped(self, "count_by", names, {aggregates.parse("count", "count")}, {{"count", true}})
end


-- The sum of `field` for each value of the keys, largest first.
function Flow:sum_by(keys, field)
  local names = name_list("sum_by", keys)
  must_be_name("sum_by", field)
  return grouped(self, "sum_by", names, {aggregates.parse("sum " .. field, "sum")}, {{"sum", true}})
end


-- How the values of a field are spread: rows {from, to, count}. width: of a bucket; without it buckets grow by powers of two.
function Flow:histogram(field, width)
  must_be_name("histogram", field)
  local column = aggregates.parse(("histogram %s %s"):format(field, width or ""), "histogram")
  local inner = grouped(self, "histogram", {}, {column})
  return rows_flow(self, "histogram " .. field, function()
    local row = inner.rows()()
    return array_iterator(row and row.histogram or {})
  end, {"from", "to", "count"}, {measure = "count"})
end


-- Each different record (or combination of these fields) once, in the order of the first ones; in no order when there are so many
-- that they go to disk (from 1 GiB on). sort orders them then, too.
function Flow:uniq(...)
  if select("#", ...) > 0 then return grouped(self, "uniq", name_list("uniq", ...), {aggregates.parse("count", "count")}) end
  local names = class.columns(self)
  if not names then
    if self.source and not class.has_fields(self) then names = {"line"} else
      refuse("uniq: name the fields, since they are not known here; that of plain values is \"value\"")
    end
  end
  return grouped(self, "uniq", names, {aggregates.parse("count", "count")})
end


-- "-count" and {"-count", "url"} as {{"count", true}, {"url", false}}
local function order_of(self, what, ...)
  local order, names = {}, {}
  for i, name in ipairs(name_list(what, ...)) do
    local down = name:sub(1, 1) == "-" and #name > 1
    names[i] = down and name:sub(2) or name
    order[i] = {names[i], down}
  end
  class.must_have(self, what, names)
  return order
end


-- the first rows of a source's records, whose parts are sorted in the workers
local function sorted_there(self, order, most)
  local plan = answers.compile(self, {kind = "sort", order = order, most = most, pack = sort.packer(order, most)})
  local step, _, _, closing = answers.run(self, plan)
  local _ <close> = closing
  return sort.merged(function()
    for partial in step do
      if partial.value then return partial.value end -- there is none of a part that failed: the next step says so
    end
  end, order, most, plan.unpack)
end


-- The first rows in order, at most so many (default: all). Workers send no more of each part of a source than can be among them;
-- beyond some memory what they send waits in temporary files (papy.sort).
local function sorted(self, by, most)
  local order = sort.order(by)
  return function(limit)
    local n = limit and math.min(limit, most or limit) or most
    if self.source then return sorted_there(self, order, n) end
    local step, _, _, closing = self:iter()
    local _ <close> = closing
    return sort.sorted(step, by, nil, n)
  end
end


local SORTED <const> = "sorted in the workers, merged in the host"

-- In order of fields: sort("url"), sort("-count") (largest first), sort("-count", "url"). Lines without fields: sort(). Numbers
-- by size, text by bytes, missing values last.
function Flow:sort(...)
  local order = select("#", ...) == 0 and {{"line", false}} or order_of(self, "sort", ...)
  if self.groups and #self.steps == 0 then
    local groups = self.groups
    return with(self, {rows = function(limit) return sort.groups(groups(), order, limit) end})
  end
  return rows_flow(self, "sort", sorted(self, order), class.columns(self), {measure = self.measure, runs = SORTED})
end


-- The k records that are largest by a field; of counts and other groups by their first aggregate.
function Flow:top(k, by)
  if math.type(k) ~= "integer" or k < 0 then refuse("top: a number of records expected, got %s", Error.render(k)) end
  by = by or self.measure
  if not by then refuse("top: by which field? top(%d, \"field\")", k) end
  local order = order_of(self, "top", by)
  order[1][2] = not order[1][2]
  if self.groups and #self.steps == 0 then
    local groups = self.groups
    return rows_flow(self, "top", function() return groups():top(k, order) end, self.columns, {measure = self.measure})
  end
  return rows_flow(self, "top", sorted(self, order, k), class.columns(self), {measure = self.measure, runs = SORTED})
end


-- The first n records; reading ends there.
function Flow:head(n)
  n = n or 10
  if math.type(n) ~= "integer" or n < 0 then refuse("head: a number of records expected, got %s", Error.render(n)) end
  return rows_flow(self, "head", function()
    local step, _, _, closing = self:iter(n)
    local given = 0
    return function()
      if given == n then
        shut(closing)
        return nil
      end
      given = given + 1
      return step()
    end, nil, nil, closing
  end, class.columns(self), {measure = self.measure})
end


-- the last n values, by running through all
local function last_of_all(self, n)
  local ring, count = {}, 0
  for value in self:iter() do
    count = count + 1
    if n > 0 then ring[count % n + 1] = value end
  end
  local i = math.max(0, count - n)
  return function()
    i = i + 1
    return i <= count and ring[i % n + 1] or nil
  end
end


-- the last n values, from the last chunk backwards; nil where the source is not all chunks
local function last_of_chunks(self, n)
  local chunks = self.source and answers.backwards(self)
  if not chunks then return nil end
  local parts, count = {}, 0
  local step, _, _, closing = answers.partials(self, {kind = "rows"}, nil, {input = function() return chunks end})
  while count < n do
    local partial = step()
    if not partial then break end
    parts[#parts + 1] = partial.value
    count = count + #partial.value
  end
  shut(closing)
  local part, i = #parts, math.max(0, count - n)
  return function()
    i = i + 1
    while part > 0 and i > #parts[part] do part, i = part - 1, 1 end
    return parts[part] and parts[part][i]
  end
end


-- The last n records. Of a plain file only its end is read.
function Flow:tail(n)
  n = n or 10
  if math.type(n) ~= "integer" or n < 0 then refuse("tail: a number of records expected, got %s", Error.render(n)) end
  return rows_flow(self, "tail", function() return last_of_chunks(self, n) or last_of_all(self, n) end, class.columns(self),
    {measure = self.measure})
end


-- Records joined with the rows of `other` that have the same key, each with each; the fields of both. other: an array of
-- rows, or a flow, which must fit in memory. key: a field that both have, an array of these, or {field = its name in the
-- other}. Options: left (false: records without a partner are left out; true: they stay as they are), prefix (before the
-- names of the other's fields; without it a field that both have, keys apart, is an error).
function Flow:join(other, key, opts)
  local index = join.index(other, key, opts)
  class.must_have(self, "join", index.mine)
  return self:flat_map(function(record) return join.rows(index, record) end)
end
