-- flow: answers from logs. A flow describes a job over text records; nothing is read until an answer is asked for.
--
--   papy.open "access.log" :fields "combined" :where "status >= 500" :count_by "url" :top(10) :show()
--
-- Steps return a new flow and can be chained. Those up to the first map run natively over the records, in the workers of a
-- pool; an answer that has rows (count_by, sort, …) is a flow again, whose steps run here. Answers: count, each, collect, a
-- `for` loop, write, show, explain.
local core = require "papy.core"
local Error = require "papy.error"
local aggregates = require "papy.flow.aggregates"
local chain = require "papy.flow.chain"
local formats = require "papy.flow.formats"
local open = require "papy.open"
local join = require "papy.join"
local options = require "papy.options"
local plans = require "papy.flow.plan"
local run = require "papy.flow.run"
local sort = require "papy.sort"

local M = {}

local TAIL_CHUNK <const> = 1 << 20 -- bytes that tail reads at a time

local Flow = {__name = "papy.Flow"}
Flow.__index = Flow
M.class = Flow


-- ---- describing ----

-- a copy with other fields
local function with(self, changes)
  local new = {}
  for key, value in pairs(self) do
    if key ~= "cursor" then new[key] = value end
  end
  for key, value in pairs(changes) do new[key] = value end
  return setmetatable(new, Flow)
end


local function add(self, step)
  local steps = table.move(self.steps, 1, #self.steps, 1, {})
  steps[#steps + 1] = step
  local new = with(self, {steps = steps, groups = false})
  if self.source then plans.compile(steps, {kind = "count"}, {start = self.source.record_start}) end -- says what is wrong here
  return new
end


local function refuse(message, ...)
  Error.raise("option", message, ...)
end


local function is_callable(f)
  local meta = debug.getmetatable(f)
  return type(f) == "function" or type(meta) == "table" and meta.__call ~= nil
end


local function must_be_name(what, name)
  if type(name) ~= "string" or name == "" then refuse("%s: the name of a field expected, got %s", what, Error.render(name)) end
  return name
end


-- names as arguments or in one array
local function name_list(what, ...)
  local names = type(...) == "table" and (...) or {...}
  if #names == 0 then refuse("%s: the name of a field expected", what) end
  for i, name in ipairs(names) do
    if math.type(name) == "integer" then name = tostring(name) end
    must_be_name(what, name)
    names[i] = name
  end
  return names
end


local function regex_of(what, regex)
  if type(regex) == "userdata" and getmetatable(regex) == getmetatable(core.regex.new "") then return regex end
  if type(regex) ~= "string" then refuse("%s: a pattern or a papy.regex expected, got %s", what, Error.render(regex)) end
  local ok, made = pcall(core.regex.new, regex)
  if not ok then refuse("%s: %s", what, made) end
  return made
end


local function must_have_no_fields(self, what)
  for _, step in ipairs(self.steps) do
    if step.kind == "split" then refuse("%s: the records are split into fields already, by '%s'", what, step.format.name) end
  end
end


-- what a `for` that is left early would do
local function shut(closing)
  local _ <close> = closing
end


-- ---- steps ----

-- Only records that match. regex: a pattern or papy.regex; opts: invert = true keeps those that do not.
function Flow:grep(regex, opts)
  local o = options.check("grep", opts, {invert = "boolean"})
  return add(self, {kind = "grep", regex = regex_of("grep", regex), invert = o.invert})
end


-- Records that match, with the pattern's groups as fields: (?<name>...) by name, all by number. What does not match is left
-- out (see on_mismatch).
function Flow:match(regex)
  must_have_no_fields(self, "match")
  return add(self, {kind = "split", format = formats.of_regex(regex_of("match", regex))})
end


-- the first line of a source, for a header; what is read does not count
local function first_line(self)
  local step, _, _, closing = run.run(
    plans.compile({}, {kind = "lines"}, {limit = 1, start = self.source.record_start}), self.source,
    {workers = 1, quiet = true})
  local partial = step()
  shut(closing)
  return partial and partial.value:match "^[^\n]*" or ""
end


-- Split records into fields. x: the name of a format ("combined", "csv", "json", "logfmt", …), a layout such as
-- '$ip - $user [$time] "$request" $status', a separator ("\t", ";"; "words" is awk's way), or an array of column names.
-- opts: columns = names of the fields, separator =, header = true (the first line names them; so for "csv" and "tsv" without
-- columns), quoted = true (as csv). What does not fit the format is left out (see on_mismatch).
function Flow:fields(x, opts)
  must_have_no_fields(self, "fields")
  local o = options.check("fields", opts, {columns = "table", separator = "string", header = "boolean", quoted = "boolean"})
  local format = formats.format(x, o)
  if not format.header then return add(self, {kind = "split", format = format}) end
  if not self.source then refuse("fields: columns = {names...} must be given here") end
  local flow = add(self, {kind = "split", format = formats.header(format, first_line(self))})
  return with(flow, {header = true})
end


-- Only records for which x holds: an expression ("status >= 500 and url ~ '^/api'", see help "expressions") that runs natively,
-- or a function of the record.
function Flow:where(x)
  if type(x) == "string" then
    local ok, why = pcall(core.fields.names, x)
    if not ok then refuse("where: %s", (tostring(why):gsub("^[^:]*:%d+: ", ""))) end
    return add(self, {kind = "where", expr = x})
  end
  if not is_callable(x) then refuse("where: an expression or a function expected, got %s", Error.render(x)) end
  return add(self, {kind = "where", f = x})
end


-- f(record) in place of the record: any value; nil is papy.null.
function Flow:map(f)
  if not is_callable(f) then refuse("map: a function expected, got %s", Error.render(f)) end
  return add(self, {kind = "map", f = f})
end


-- All values that f(record) returns, an array or an iterator, in place of the record; none for an empty one or nil.
function Flow:flat_map(f)
  if not is_callable(f) then refuse("flat_map: a function expected, got %s", Error.render(f)) end
  return add(self, {kind = "flat_map", f = f})
end


-- Only these fields, in this order.
function Flow:select(...)
  return add(self, {kind = "select", names = name_list("select", ...)})
end


-- Further fields, or others in place of old ones: derive{kb = "bytes / 1024", day = function(r) return r.time:sub(1, 11) end}.
-- Each is made of the record as it was before.
function Flow:derive(fields)
  if type(fields) ~= "table" then
    refuse("derive: a table {name = expression or function} expected, got %s", Error.render(fields))
  end
  local list = {}
  for name, x in pairs(fields) do
    must_be_name("derive", name)
    if type(x) ~= "string" and not is_callable(x) then
      refuse("derive: '%s' must be an expression or a function, got %s", name, Error.render(x))
    end
    list[#list + 1] = type(x) == "string" and {name = name, expr = x} or {name = name, f = x}
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  if #list == 0 then return self end
  return add(self, {kind = "derive", list = list})
end


local function offset_of(what, zone)
  if zone == nil then return nil end
  local offset = type(zone) == "string" and core.fields.zone(zone)
  if not offset then refuse("%s: zone must be like \"+01:00\" or \"UTC\", got %s", what, Error.render(zone)) end
  return offset
end


-- The time in a field as seconds since 1970. format: in the manner of strptime ("%d/%b/%Y:%H:%M:%S %z"), or "iso", "apache",
-- "syslog", "epoch", "epoch_ms"; default: what the records' format says. opts: zone of times that name none (UTC), year of those
-- without one. What is no such time is nil.
function Flow:parse_time(field, format, opts)
  local o = options.check("parse_time", opts, {zone = "string", year = "count"})
  must_be_name("parse_time", field)
  if format ~= nil then
    local ok, why = pcall(core.fields.time, format)
    if not ok then refuse("parse_time: %s", (tostring(why):gsub("^[^:]*:%d+: ", ""))) end
  end
  return add(self, {kind = "time", field = field, format = format, year = o.year, offset = offset_of("parse_time", o.zone)})
end


-- The time in a field (seconds, or a time of the records' format) as the start of its bucket, in ISO text. width: "30s" "5m"
-- "1h" "1d" "1w"; opts: zone, in which days begin (UTC).
function Flow:bucket(field, width, opts)
  local o = options.check("bucket", opts, {zone = "string"})
  must_be_name("bucket", field)
  local ok, why = pcall(core.fields.width, width)
  if not ok then refuse("bucket: %s", (tostring(why):gsub("^[^:]*:%d+: ", ""))) end
  return add(self, {kind = "bucket", field = field, width = tostring(width), offset = offset_of("bucket", o.zone)})
end


-- A share of the records, 0 to 1; the same ones each time.
function Flow:sample(share)
  if type(share) ~= "number" or not (share >= 0 and share <= 1) then
    refuse("sample: a share between 0 and 1 expected, got %s", Error.render(share))
  end
  return add(self, {kind = "sample", share = share})
end


-- What to do with records that do not fit the format or the pattern: "skip" (as without this, but nothing is said), "keep"
-- (with no fields but line), "error", or a function that gets the line and returns a table of fields, or nil to leave it out.
function Flow:on_mismatch(policy)
  if is_callable(policy) then return with(self, {mismatch = "call", mend = policy, quiet = true}) end
  if policy ~= "skip" and policy ~= "keep" and policy ~= "error" then
    refuse("on_mismatch: \"skip\", \"keep\", \"error\" or a function expected, got %s", Error.render(policy))
  end
  return with(self, {mismatch = policy, mend = false, quiet = true})
end


-- What to do with records for which a step raises: "error" (default) or "skip": they are left out, counted and told.
function Flow:on_error(policy)
  if policy ~= "error" and policy ~= "skip" then
    refuse("on_error: \"error\" or \"skip\" expected, got %s", Error.render(policy))
  end
  return with(self, {on_failure = policy})
end


-- Records in whatever order they are ready.
function Flow:unordered()
  return with(self, {ordered = false})
end


-- ---- running ----

local function how_of(self, more)
  local how = {workers = self.workers or core.sys.cpus(), size = self.size, ordered = self.ordered, on_error = self.on_failure,
    quiet = self.quiet, report = run.new_report()}
  self.shared.report = how.report
  for key, value in pairs(more or {}) do how[key] = value end
  return how
end


local function compile(self, sink, limit)
  return plans.compile(self.steps, sink, {start = self.source.record_start, mismatch = self.mismatch or nil,
    mend = self.mend or nil, header = self.header, limit = limit, seed = 1})
end


-- the partial results of a sink over the source: step, nil, nil, what closes it
local function partials(self, sink, limit, more)
  return run.run(compile(self, sink, limit), self.source, how_of(self, more))
end


local function has_fields(self)
  for _, step in ipairs(self.steps) do
    if step.kind ~= "grep" and step.kind ~= "sample" and step.kind ~= "where" then return true end
  end
  return false
end


-- values, one by one, of partial results that are arrays; or of texts of lines
local function values_of(self, limit)
  local lines = not has_fields(self) and not self.source.record_start
  local step, _, _, closing = partials(self, {kind = lines and "lines" or "rows"}, limit)
  local list, i, given = nil, 0, 0
  local next_line
  local function next_value()
    while given < (limit or math.huge) do
      local value
      if next_line then value = next_line() elseif list then
        i = i + 1
        value = list[i]
      end
      if value ~= nil then
        given = given + 1
        return value
      end
      local partial = step()
      if not partial then return nil end
      if lines then next_line = partial.value:gmatch "([^\n]*)\n" else list, i = partial.value, 0 end
    end
    shut(closing)
    return nil
  end
  return next_value, nil, nil, closing
end


-- rows of an answer through the steps behind it
local function through(self)
  local source, _, _, closing = self.rows()
  if #self.steps == 0 then return source, nil, nil, closing end
  local waiting, first, last, done = {}, 1, 0, false
  local push = chain.push(self.steps, function(v)
    last = last + 1
    waiting[last] = v
  end)
  return function()
    while first > last and not done do
      local value = source()
      if value == nil then done = true else push(value) end
    end
    if first > last then return nil end
    local value = waiting[first]
    waiting[first] = nil
    first = first + 1
    return value
  end, nil, nil, closing
end


-- iter() -> for record in flow:iter() do: the records in order: strings, or tables where they have fields. A loop that is left
-- early ends the work.
function Flow:iter(limit)
  if self.source then
    return values_of(self, limit)
  end
  return through(self)
end


-- for record in flow do: as iter; a loop that was left goes on here
function Flow:__call()
  if not self.cursor then
    local step, _, _, closing = self:iter()
    rawset(self, "cursor", {step = step, closing = closing})
  end
  local value = self.cursor.step()
  if value == nil then rawset(self, "cursor", nil) end
  return value
end


-- ---- plain answers ----

-- How many records there are, or (regex) how many of them match.
function Flow:count(regex)
  local flow = regex ~= nil and self:grep(regex) or self
  if not flow.source then
    local n = 0
    for _ in flow:iter() do n = n + 1 end
    return n
  end
  local first = flow.steps[1]
  local only = #flow.steps == 1 and first.kind == "grep" and not first.invert and not flow.source.record_start
    and first.regex or nil
  local n = 0
  for partial in partials(flow, {kind = "count"}, nil, {count = only, ordered = false}) do n = n + partial.kept end
  return n
end


-- Call f(record) here, for every record in order.
function Flow:each(f)
  if not is_callable(f) then refuse("each: a function expected, got %s", Error.render(f)) end
  for record in self:iter() do f(record) end
end


-- All records, in order, as an array.
function Flow:collect()
  local all = {}
  for record in self:iter() do all[#all + 1] = record end
  return all
end


-- What was left out of the last answer: {mismatched = records that did not fit, samples = {{name =, offset =, text =}...},
-- failed =, failures = {messages}, broken = files, breaks = {messages}}.
function Flow:report()
  return self.shared.report or run.new_report()
end


-- ---- answers with rows ----

-- a flow over rows: rows() gives an iterator (and what closes it)
local function rows_flow(self, rows, columns, more)
  local new = {rows = rows, columns = columns, steps = {}, shared = {}, workers = self.workers}
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


-- the tally of this flow's records
local function tally_of(self, keys, spec, fields)
  local tally = core.tally.new(spec)
  local sink = {kind = "tally", tally = core.tally.new(spec), keys = keys, args = fields}
  if self.source then
    local item = 0
    for partial in partials(self, sink) do
      tally:merge(partial.value, item)
      item = item + 1
    end
    return tally
  end
  local last = chain.sink(self.steps, sink)
  last.reset()
  for row in self.rows() do last.push(row) end
  tally:merge(last.value(), 0)
  return tally
end


local function grouped(self, keys, columns, order)
  local spec, fields = aggregates.spec(keys, columns)
  if self.source then compile(self, {kind = "tally", tally = core.tally.new(spec), keys = keys, args = fields}) end
  local tally
  local function groups()
    tally = tally or tally_of(self, keys, spec, fields)
    return tally
  end
  local names = table.move(keys, 1, #keys, 1, {})
  for i, column in ipairs(columns) do names[#keys + i] = column.name end
  local function rows()
    if order then return groups():top(nil, order) end
    return groups():rows()
  end
  return rows_flow(self, rows, names, {groups = groups, measure = columns[1].name})
end


-- Groups of records with the same values of the keys, and aggregates of each: group_by("status", {n = "count", bytes = "sum
-- bytes", p99 = "p99 latency"}). keys: a name or an array of names ({} puts all in one group). Aggregates: count, sum, mean,
-- stddev, min, max, median, p99 (any percentile; within 1 %), distinct (within 0.8 %), top5, first, last, histogram, each of a
-- field. Without them: count.
function Flow:group_by(keys, aggs)
  local names = type(keys) == "table" and #keys == 0 and {} or name_list("group_by", keys)
  return grouped(self, names, aggregates.columns(aggs or {count = "count"}))
end


-- How often each value of a field (or each combination of several) occurs, most frequent first.
function Flow:count_by(...)
  local names = name_list("count_by", ...)
  return grouped(self, names, {aggregates.parse("count", "count")}, {{"count", true}})
end


-- The sum of `field` for each value of the keys, largest first.
function Flow:sum_by(keys, field)
  local names = name_list("sum_by", keys)
  must_be_name("sum_by", field)
  return grouped(self, names, {aggregates.parse("sum " .. field, "sum")}, {{"sum", true}})
end


-- How the values of a field are spread: rows {from, to, count}. width: of a bucket; without it buckets grow by powers of two.
function Flow:histogram(field, width)
  must_be_name("histogram", field)
  local column = aggregates.parse(("histogram %s %s"):format(field, width or ""), "histogram")
  local inner = grouped(self, {}, {column})
  return rows_flow(self, function()
    local row = inner.rows()()
    return array_iterator(row and row.histogram or {})
  end, {"from", "to", "count"}, {measure = "count"})
end


-- Each different record (or combination of these fields) once, in the order of the first ones.
function Flow:uniq(...)
  if select("#", ...) > 0 then return grouped(self, name_list("uniq", ...), {aggregates.parse("count", "count")}) end
  local names = self.columns or self.source and plans.columns(self.steps)
  if not names then
    if self.source and not has_fields(self) then names = {"line"} else
      refuse("uniq: name the fields, since they are not known here")
    end
  end
  return grouped(self, names, {aggregates.parse("count", "count")})
end


-- ---- order ----

-- "-count" and {"-count", "url"} as {{"count", true}, {"url", false}}
local function order_of(what, ...)
  local order = {}
  for i, name in ipairs(name_list(what, ...)) do
    local down = name:sub(1, 1) == "-" and #name > 1
    order[i] = {down and name:sub(2) or name, down}
  end
  return order
end


-- beyond some memory the rows wait in temporary files (papy.sort)
local function sorted(self, order, most)
  return function()
    local step, _, _, closing = self:iter()
    local _ <close> = closing
    local ordered, taken = sort.sorted(step, order), 0
    return function()
      if taken == most then return nil end
      taken = taken + 1
      return ordered()
    end
  end
end


local function known_columns(self)
  return self.columns or self.source and plans.columns(self.steps) or nil
end


-- names() -> the names of the fields that the flow's records have, in order, as far as they are known before it runs; else nil.
function Flow:names()
  return known_columns(self)
end


-- In order of fields: sort("url"), sort("-count") (largest first), sort("-count", "url"). Lines without fields: sort(). Numbers
-- by size, text by bytes, missing values last.
function Flow:sort(...)
  local order = select("#", ...) == 0 and {{"line", false}} or order_of("sort", ...)
  if self.groups and #self.steps == 0 then
    local groups = self.groups
    return with(self, {rows = function() return sort.groups(groups(), order) end})
  end
  return rows_flow(self, sorted(self, order), known_columns(self), {measure = self.measure})
end


-- The k records that are largest by a field; of counts and other groups by their first aggregate.
function Flow:top(k, by)
  if math.type(k) ~= "integer" or k < 0 then refuse("top: a number of records expected, got %s", Error.render(k)) end
  by = by or self.measure
  if not by then refuse("top: by which field? top(%d, \"field\")", k) end
  local order = order_of("top", by)
  order[1][2] = not order[1][2]
  if self.groups and #self.steps == 0 then
    local groups = self.groups
    return rows_flow(self, function() return groups():top(k, order) end, self.columns, {measure = self.measure})
  end
  return rows_flow(self, sorted(self, order, k), known_columns(self), {measure = self.measure})
end


-- The first n records; reading ends there.
function Flow:head(n)
  n = n or 10
  if math.type(n) ~= "integer" or n < 0 then refuse("head: a number of records expected, got %s", Error.render(n)) end
  return rows_flow(self, function()
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
  end, known_columns(self), {measure = self.measure})
end


-- The last n records of a plain file, an array, read from its end; nil when the source is something else.
local function last_of_file(self, n)
  local source = self.source
  local entry = source and #source.entries == 1 and source.entries[1]
  if not entry or entry.kind ~= "path" or source.follow or source.record_start then return nil end
  if core.source.sniff(entry.value) ~= "plain" then return nil end
  local chunks, i = {}, 0
  for chunk in core.chunks.chunks(entry.value, self.size or TAIL_CHUNK) do chunks[#chunks + 1] = chunk end
  local function input()
    i = i + 1
    return chunks[#chunks + 1 - i]
  end
  local lines, parts, have = not has_fields(self), {}, 0
  local step, _, _, closing <close> = partials(self, {kind = lines and "lines" or "rows"}, nil, {input = input}) -- luacheck: ignore
  while have < n do
    local partial = step()
    if not partial then break end
    local list = partial.value
    if lines then
      list = {}
      for line in partial.value:gmatch "([^\n]*)\n" do list[#list + 1] = line end
    end
    table.insert(parts, 1, list)
    have = have + #list
  end
  local all = {}
  for _, list in ipairs(parts) do table.move(list, 1, #list, #all + 1, all) end
  return table.move(all, math.max(1, #all - n + 1), #all, 1, {})
end


-- The last n records. Of a single plain file only its end is read.
function Flow:tail(n)
  n = n or 10
  if math.type(n) ~= "integer" or n < 0 then refuse("tail: a number of records expected, got %s", Error.render(n)) end
  return rows_flow(self, function()
    local last = n > 0 and last_of_file(self, n)
    if last then return array_iterator(last) end
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
  end, known_columns(self), {measure = self.measure})
end


-- Records joined with the rows of `other` that have the same key, each with each; the fields of both. other: an array of
-- rows, or a flow, which must fit in memory. key: a field that both have, an array of these, or {field = its name in the
-- other}. Options: left (false: records without a partner are left out; true: they stay as they are), prefix (before the
-- names of the other's fields; without it a field that both have, keys apart, is an error).
function Flow:join(other, key, opts)
  local index = join.index(other, key, opts)
  return self:flat_map(function(record) return join.rows(index, record) end)
end


-- A value made of all records: init() in each part, step(acc, record) -> acc for its records, merge(acc, acc) -> acc for the
-- parts in order, finish(acc) -> the value (default: as it is). init may be a plain value that is not a table.
function Flow:aggregate(spec)
  local o = options.check("aggregate", spec, {init = "any", step = "any", merge = "any", finish = "any"})
  local init = is_callable(o.init) and o.init or function() return o.init end
  if type(o.init) == "table" and not is_callable(o.init) then
    refuse("aggregate: init must be a function that makes a new table")
  end
  if not is_callable(o.step) then refuse("aggregate: step must be a function(acc, record)") end
  if not is_callable(o.merge) then refuse("aggregate: merge must be a function(acc, acc)") end
  local sink, acc = {kind = "fold", init = init, step = o.step}, nil
  if self.source then
    for partial in partials(self, sink) do
      if acc == nil then acc = partial.value else acc = o.merge(acc, partial.value) end
    end
  else
    local last = chain.sink(self.steps, sink)
    last.reset()
    for row in self.rows() do last.push(row) end
    acc = last.value()
  end
  if acc == nil then acc = init() end
  if o.finish then return o.finish(acc) end
  return acc
end


-- ---- showing and writing ----

-- The names of the fields of the records, in order; nil when the data name them.
function Flow:names()
  return known_columns(self)
end


-- Print the records or rows; see papy.show for the options: mode, columns, limit, bars, spark, …
function Flow:show(opts)
  local o = {columns = known_columns(self)}
  for name, value in pairs(opts or {}) do o[name] = value end
  local step, _, _, closing <close> = self:iter() -- luacheck: ignore closing
  require("papy.show").show(step, o)
end


-- Write the records to a file ("-": standard output), in order; returns how many. format: "text", "csv", "json" (default by the
-- path's end); a path that ends in .gz, .zst, … is compressed. See papy.write.
function Flow:write(path, format)
  local step, _, _, closing <close> = self:iter() -- luacheck: ignore closing
  return require("papy.write").write(step, path, format, {columns = known_columns(self)})
end


-- ---- looking ----

-- How the flow would run, as text.
function Flow:explain()
  local lines = {}
  local function say(...) lines[#lines + 1] = string.format(...) end
  if not self.source then
    say("rows of an answer, in the host%s", #self.steps > 0 and ", then:" or "")
    for _, step in ipairs(self.steps) do say("  %s (Lua)", step.kind) end
    return table.concat(lines, "\n")
  end
  local plan = compile(self, {kind = "count"})
  say("source: %s", self.source.what)
  say("workers: %d; chunks of %s", self.workers or core.sys.cpus(), self.size and self.size .. " bytes"
    or "64 KiB to 4 MiB, by the size of the file")
  for _, op in ipairs(plan.ops) do
    say("  %s (%s)%s", op.kind:gsub("_lua", ""), op.f and "Lua" or "native",
      op.expr and ": " .. op.expr or op.regex and ": " .. op.regex.pattern or "")
  end
  for _, step in ipairs(plan.behind) do say("  %s (Lua)", step.kind) end
  if #plan.slots > 0 then say("fields: %s", table.concat(plan.slots, ", ")) end
  local lead = plan.runner:describe()
  if lead then say("lines are found by: %s", lead) end
  return table.concat(lines, "\n")
end


function Flow:__tostring()
  local names = {}
  for i, step in ipairs(self.steps) do names[i] = step.kind end
  return ("papy.Flow(%s%s)"):format(self.source and self.source.what or "rows",
    #names > 0 and ": " .. table.concat(names, ", ") or "")
end


-- ---- open ----

local spec = {workers = "count", chunk = "count"}
for name, rule in pairs(open.spec) do spec[name] = rule end


-- A flow over the records of x: a path, a glob, a directory ({recursive = true}), "-" (standard input), an open file, an
-- iterator of strings, or a list of these. Compressed files and archives are recognised by their content. Options: workers
-- (default: usable processors), chunk (bytes, of a part of a file that a worker gets), record_start (a regex: records are runs of
-- lines that begin at one that matches), recursive, include, exclude (globs), follow = true (goes on with growing files; from =
-- "start" or "end"), on_error = "raise" or "skip" (of files that cannot be read).
function M.open(x, opts)
  local o, given = options.check("open", opts, spec), {}
  for name in pairs(open.spec) do given[name] = o[name] end
  return setmetatable({source = open.source(x, given), steps = {}, shared = {}, workers = o.workers, size = o.chunk}, Flow)
end


return M
