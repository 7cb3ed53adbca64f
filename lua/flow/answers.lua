-- answers: the methods of a flow that run it and give something that is no flow.
local core = require "papy.core"
local Error = require "papy.error"
local chain = require "papy.flow.chain"
local class = require "papy.flow.class"
local open = require "papy.open"
local options = require "papy.options"
local plans = require "papy.flow.plan"
local run = require "papy.flow.run"

local M = {}

local aggregate_spec = {init = "any", step = "any", merge = "any", finish = "any"}

local Flow = class.Flow
local is_callable, refuse, shut = class.is_callable, class.refuse, class.shut


local function how_of(self, more)
  local how = {workers = self.workers or core.sys.cpus(), size = self.size, ordered = self.ordered, on_error = self.on_failure,
    quiet = self.quiet, input = self.input, report = run.new_report()}
  self.shared.report = how.report
  for key, value in pairs(more or {}) do how[key] = value end
  return how
end


function M.compile(self, sink, limit)
  return plans.compile(self.steps, sink, {start = self.source.record_start, mismatch = self.mismatch or nil,
    mend = self.mend or nil, header = self.header, limit = limit, seed = 1})
end


-- the partial results of a plan over the source: step, nil, nil, what closes it
function M.run(self, plan, more)
  return run.run(plan, self.source, how_of(self, more))
end


function M.partials(self, sink, limit, more)
  return M.run(self, M.compile(self, sink, limit), more)
end


local TAIL_CHUNK <const> = 256 << 10


-- The chunks of a flow's source, the last one first; nil when it has parts that are no chunks (small or packed files, streams),
-- and of csv, where it takes what comes before a chunk to know where its records begin.
function M.backwards(self)
  if self.source.follow or self.header or M.compile(self, {kind = "count"}).csv then return nil end
  for _, entry in ipairs(self.source.entries) do
    if entry.kind ~= "path" then return nil end
  end
  local chunks = {}
  for item in open.items(self.source, {size = self.size or TAIL_CHUNK}) do
    if not run.is_chunk(item) then return nil end
    table.insert(chunks, item)
  end
  for i = 1, #chunks // 2 do chunks[i], chunks[#chunks + 1 - i] = chunks[#chunks + 1 - i], chunks[i] end
  return chunks
end


-- values, one by one, of partial results that are arrays; or of texts of lines
local function values_of(self, limit)
  local lines = not class.has_fields(self) and not self.source.record_start
  local step, _, _, closing = M.partials(self, {kind = lines and "lines" or "rows"}, limit)
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


-- rows of an answer through the steps behind it; limit: more are not asked for
local function through(self, limit)
  if #self.steps == 0 then return self.rows(limit) end
  local source, _, _, closing = self.rows()
  local waiting, first, last, done = {}, 1, 0, false
  local push = chain.push(self.steps, function(v)
    last = last + 1
    waiting[last] = v
  end, {mismatch = self.mismatch, mend = self.mend})
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
  return through(self, limit)
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
  for partial in M.partials(flow, {kind = "count"}, nil, {count = only, ordered = false}) do n = n + partial.kept end
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


-- A value made of all records: init() in each part, step(acc, record) -> acc for its records, merge(acc, acc) -> acc for the
-- parts in order, finish(acc) -> the value (default: as it is). init may be a plain value that is not a table.
function Flow:aggregate(spec)
  local o = options.check("aggregate", spec, aggregate_spec)
  local init = is_callable(o.init) and o.init or function() return o.init end
  if type(o.init) == "table" and not is_callable(o.init) then
    refuse("aggregate: init must be a function that makes a new table")
  end
  if not is_callable(o.step) then refuse("aggregate: step must be a function(acc, record)") end
  if not is_callable(o.merge) then refuse("aggregate: merge must be a function(acc, acc)") end
  local sink, acc = {kind = "fold", init = init, step = o.step}, nil
  if self.source then
    for partial in M.partials(self, sink) do
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


-- The names of the fields of the records, in order; nil when the data name them.
function Flow:names()
  return class.columns(self)
end


-- Print the records or rows; see papy.show for the options: mode, columns, limit, bars, spark, …
function Flow:show(opts)
  local o = {columns = class.columns(self), rest = not self.source}
  for name, value in pairs(opts or {}) do o[name] = value end
  for _, names in ipairs {opts and opts.columns or {}, {o.bars}, {o.spark}} do class.must_have(self, "show", names) end
  local step, _, _, closing <close> = self:iter() -- luacheck: ignore closing
  require("papy.show").show(step, o)
end


-- Write the records to a file ("-": standard output), in order; returns how many. format: "text", "csv", "json" (default by the
-- path's end); a path that ends in .gz, .zst, … is compressed. See papy.write.
function Flow:write(path, format)
  local step, _, _, closing <close> = self:iter() -- luacheck: ignore closing
  return require("papy.write").write(step, path, format, {columns = class.columns(self)})
end


local function explain_source(self, say)
  local plan = M.compile(self, {kind = "count"})
  say("source: %s", self.source.what)
  say("workers: %d; chunks of %s", self.workers or core.sys.cpus(), self.size and self.size .. " bytes"
    or "64 KiB to 4 MiB, by the size of the file")
  for _, op in ipairs(plan.ops) do
    say("  %s (%s)%s", op.kind:gsub("_lua", ""), op.f and "Lua" or "native",
      op.expr and ": " .. op.expr or op.regex and ": " .. op.regex.pattern or "")
  end
  for _, step in ipairs(plan.behind) do say("  %s (Lua)", step.kind) end
  if plan.csv then say("records: lines, and lines joined by quoted fields; in order") end
  if #plan.slots > 0 then say("fields: %s", table.concat(plan.slots, ", ")) end
  local lead = plan.runner:describe()
  if lead then say("lines are found by: %s", lead) end
end


local function explain(self, say)
  if self.source then return explain_source(self, say) end
  explain(self.below, say)
  say("  %s (%s)", self.made, self.below.source and self.runs or "in the host")
  for _, step in ipairs(self.steps) do say("  %s (Lua, in the host)", step.kind) end
end


local Explanation = {__name = "papy.Explanation"}

function Explanation:__tostring() return self.text end

function Explanation:__print() print(self.text) end


-- How the flow would run: what runs natively, what in Lua, where; the fields that are split off; how lines are found. Something
-- to print, as the prompt does.
function Flow:explain()
  local lines = {}
  explain(self, function(...) lines[#lines + 1] = string.format(...) end)
  return setmetatable({text = table.concat(lines, "\n")}, Explanation)
end


-- at the prompt: an answer with rows prints them
function Flow:__print()
  if self.rows then return self:show() end
  print(self)
end


function Flow:__tostring()
  local names = {}
  for i, step in ipairs(self.steps) do names[i] = step.kind end
  return ("papy.Flow(%s%s)"):format(self.source and self.source.what or self.made,
    #names > 0 and ": " .. table.concat(names, ", ") or "")
end


return M
