-- steps: the methods of a flow that describe it further. Each returns a new flow; nothing is read.
local core = require "papy.core"
local Error = require "papy.error"
local class = require "papy.flow.class"
local formats = require "papy.flow.formats"
local open = require "papy.open"
local options = require "papy.options"
local plans = require "papy.flow.plan"

local grep_spec = {invert = "boolean"}
local fields_spec = {columns = "table", separator = "string", header = "boolean", quoted = "boolean"}
local time_spec = {zone = "string", year = "count"}
local bucket_spec = {zone = "string"}

local Flow = class.Flow
local is_callable, must_be_name, name_list, refuse, with = class.is_callable, class.must_be_name, class.name_list, class.refuse,
  class.with


-- what a step reads of rows must be there
local function check_names(self, step)
  local what = step.kind == "time" and "parse_time" or step.kind
  local exprs = {step.expr}
  for _, d in ipairs(step.kind == "derive" and step.list or {}) do exprs[#exprs + 1] = d.expr end
  for _, expr in ipairs(exprs) do class.must_have(self, what, core.fields.names(expr)) end
  class.must_have(self, what, step.kind == "select" and step.names or {step.field})
end


local function add(self, step)
  if not self.source then check_names(self, step) end
  local steps = table.move(self.steps, 1, #self.steps, 1, {})
  steps[#steps + 1] = step
  local new = with(self, {steps = steps, groups = false})
  if self.source then plans.compile(steps, {kind = "count"}, {start = self.source.record_start}) end -- says what is wrong here
  return new
end


-- what a function makes of records may be split again
local function must_have_no_fields(self, what)
  local by
  for _, step in ipairs(self.steps) do
    if step.kind == "split" then by = step.format.name end
    if step.kind == "map" or step.kind == "flat_map" then by = nil end
  end
  if by then refuse("%s: the records are split into fields already, by '%s'", what, by) end
end


-- Only records that match. regex: a pattern or papy.regex; opts: invert = true keeps those that do not.
function Flow:grep(regex, opts)
  local o = options.check("grep", opts, grep_spec)
  return add(self, {kind = "grep", regex = class.regex_of("grep", regex), invert = o.invert})
end


-- Records that match, with the pattern's groups as fields: (?<name>...) by name, all by number. What does not match is left
-- out (see on_mismatch).
function Flow:match(regex)
  must_have_no_fields(self, "match")
  return add(self, {kind = "split", format = formats.of_regex(class.regex_of("match", regex))})
end


-- ---- the line that names the columns ----

local function first_record_of(block, offset, csv)
  local runner = core.flow.new {slots = {}, ops = {}, sink = "rows", limit = 1, plain = true, csv = csv}
  runner:clear()
  runner:begin(block, offset)
  runner:go()
  return runner:take().value[1]
end


-- items that were taken, then the others: an input of a pool, as they are
local function put_back(taken, items)
  local i, meta = 0, getmetatable(items)
  local function first(others)
    return function()
      i = i + 1
      if taken[i] ~= nil then return taken[i] end
      return others()
    end
  end
  return setmetatable({}, {__pure = meta.__pure, __wakes = meta.__wakes, __pull = meta.__pull and first(meta.__pull),
    __call = first(items), __index = {stop = function() items:stop() end}})
end


-- The first record of the flow's source; and, of a source that can be read only once, what gives an input with all of it, once.
local function first_record(self, csv)
  local source = self.source
  local items = open.items(source, {workers = self.workers or core.sys.cpus(), size = self.size, csv = csv})
  local taken, line = {}, nil
  for item in items do
    taken[#taken + 1] = item
    local block, err, offset = open.blocks(item, source.record_start, csv)()
    if block then
      line = first_record_of(block, offset, csv)
      break
    elseif err and source.on_error ~= "skip" then
      error(err, 0)
    end
  end
  if not open.once(source) then return line or "" end
  local given
  return line or "", function()
    if given then return open.items(source) end -- which says that it was read
    given = true
    return put_back(taken, items)
  end
end


-- Split records into fields. x: the name of a format ("combined", "csv", "json", "logfmt", …), a layout such as
-- '$ip - $user [$time] "$request" $status', a separator ("\t", ";"; "words" is awk's way), or an array of column names.
-- opts: columns = names of the fields, separator =, header = true (the first line names them; so for "csv" and "tsv" without
-- columns), quoted = true (as csv). What does not fit the format is left out (see on_mismatch).
-- Quoted fields of csv may have newlines in them (unless there is a record_start, or csv is tried among other formats), in
-- records up to 16 MiB. A quote that is not closed by then, or elsewhere than at a field's end, ends with its line: that does
-- not fit.
function Flow:fields(x, opts)
  must_have_no_fields(self, "fields")
  local o = options.check("fields", opts, fields_spec)
  local format = formats.format(x, o)
  if not format.header then return add(self, {kind = "split", format = format}) end
  if not self.source then refuse("fields: columns = {names...} must be given here") end
  local line, input = first_record(self, not self.source.record_start and format.csv or nil)
  return with(add(self, {kind = "split", format = formats.header(format, line)}), {header = true, input = input})
end


-- Only records for which x holds: a function of the record, or an expression, which runs natively:
-- where "status >= 500 and url ~ '^/api'". Expressions have, from weak to strong:
--   or    and    not
--   = != < <= > >=                 by size when both sides look like numbers, else by bytes
--   ~ 'regex'   !~ 'regex'         matches, does not match; ~ 'regex'i in capital letters, too
--   contains   starts   ends       of texts
--   in (a, b)   not in (a, b)      one of these
--   is null   is not null          no such field, or empty, or "-"
--   + - * / %                      of numbers
--   len(x) lower(x) upper(x) number(x)
--   'text' 12 3.5 true false null; fields: status, http.status (in JSON), $1 (by number), `any name`
-- Comparisons with a field that is not there are false, != too.
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
  local o = options.check("parse_time", opts, time_spec)
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
  local o = options.check("bucket", opts, bucket_spec)
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


-- Records in whatever order they are ready; those of csv are in order all the same.
function Flow:unordered()
  return with(self, {ordered = false})
end
