-- plan: the steps of a flow and what is asked of it, compiled to a runner (src/bindings/lflow.c).
--
-- Steps up to the first map or flat_map run natively over the records of a block; fields that anything native asks for have a
-- slot. From there on values are Lua's, and the steps are functions (see chain). So a plan is one runner and perhaps one function
-- behind it, and what both found is one value per work item.
local core = require "papy.core"
local Error = require "papy.error"
local chain = require "papy.flow.chain"
local options = require "papy.options"
local rowform = require "papy.rowform"

local M = {}


-- ---- names ----

-- the first map or flat_map
local function first_lua(steps)
  for i, step in ipairs(steps) do
    if step.kind == "map" or step.kind == "flat_map" then return i end
  end
  return #steps + 1
end


local function is_known(self, name)
  if self.derived[name] then return true end
  local format = self.format
  if not format then return false end
  return self.probe:knows(name)
end


-- Say that there is no field of this name among `names` (a set; empty: the records are texts).
function M.refuse_name(what, name, names)
  local list = {}
  for known in pairs(names) do list[#list + 1] = known end
  table.sort(list)
  local near = options.nearest(name, names)
  if #list == 0 then
    Error.raise("option", "%s: no field '%s': the records are not split into fields yet; fields(...) or match(...) do that", what,
      name)
  end
  Error.raise("option", "%s: no field '%s'%s; there are %s", what, name, near and ("; did you mean '%s'?"):format(near) or "",
    table.concat(list, ", "))
end


local function unknown(self, what, name)
  local names = {}
  for known in pairs(self.derived) do names[known] = true end
  for _, known in ipairs(self.format and self.format.columns or {}) do names[known] = true end
  if self.format and not next(names) then
    Error.raise("option", "%s: no field '%s': the first line, which names the fields, is empty", what, name)
  end
  M.refuse_name(what, name, names)
end


-- a slot for a field of the splitter, or a derived one
local function want(self, what, name)
  if name == "line" and not is_known(self, "line") then return end -- every record has it
  if not is_known(self, name) then unknown(self, what, name) end
  if self.place[name] then return end
  local list = self.format and self.probe:knows(name) and self.split or self.own
  list[#list + 1] = name
  self.place[name] = true
end


local function want_expression(self, what, expr)
  for _, name in ipairs(core.fields.names(expr)) do
    want(self, what, name)
    if name == "line" and not self.place.line then
      self.own[#self.own + 1] = "line"
      self.place.line, self.line, self.hidden.line = true, true, true
    end
  end
end


-- in the order of the steps, since a derived field is known from its step on
local function collect_names(self, steps)
  for _, step in ipairs(steps) do
    if step.kind == "split" then
      self.format = step.format
      self.probe = step.format.make {}
    elseif step.kind == "where" then
      if step.expr then want_expression(self, "where", step.expr) end
    elseif step.kind == "derive" then
      for _, d in ipairs(step.list) do
        if d.expr then want_expression(self, "derive", d.expr) end
      end
      for _, d in ipairs(step.list) do
        self.derived[d.name] = true
        want(self, "derive", d.name)
      end
    elseif step.kind == "time" or step.kind == "bucket" then
      want(self, step.kind == "time" and "parse_time" or "bucket", step.field)
    elseif step.kind == "select" then
      for _, name in ipairs(step.names) do want(self, "select", name) end
    end
  end
end


-- ---- ops ----

-- The format of times in a field that a step does not name: what the records' format says; where the data name the fields (json),
-- times are in ISO form.
local function time_of(self, what, field)
  local format = self.format
  if format and format.times[field] then return format.times[field] end
  if format and not format.columns then return "iso" end
  Error.raise("option", "%s: how times are written in '%s' is not known; parse_time(\"%s\", format) says it, with a format "
    .. "such as \"iso\", \"apache\", \"epoch\" or \"%%Y-%%m-%%d %%H:%%M:%%S\"", what, field, field)
end


local emit = {}

function emit.grep(ops, step) ops[#ops + 1] = {kind = "grep", regex = step.regex, invert = step.invert} end

function emit.split(ops) ops[#ops + 1] = {kind = "split"} end

function emit.where(ops, step)
  ops[#ops + 1] = step.expr and {kind = "where", expr = step.expr} or {kind = "where_lua", f = step.f}
end

-- Fields of one step are made of the record as it was before it: functions come first, and an expression before what it uses
-- is made anew.
local function in_order(list)
  local made, uses = {}, {}
  for _, d in ipairs(list) do
    uses[d] = {}
    for _, name in ipairs(d.expr and core.fields.names(d.expr) or {}) do uses[d][name] = name ~= d.name end
  end
  local function ready(d)
    for _, other in ipairs(list) do
      if not made[other] and uses[other][d.name] then return false end
    end
    return true
  end
  local order = {}
  while #order < #list do
    local best
    for _, d in ipairs(list) do
      if not made[d] and (d.f or ready(d)) and (not best or d.f and not best.f) then best = d end
    end
    if not best then Error.raise("option", "derive: fields of one step that are made of each other: use two steps") end
    made[best] = true
    order[#order + 1] = best
  end
  return order
end


function emit.derive(ops, step, self)
  for _, d in ipairs(in_order(step.list)) do
    ops[#ops + 1] = d.expr and {kind = "derive", slot = self.slot[d.name], expr = d.expr}
      or {kind = "derive_lua", slot = self.slot[d.name], f = d.f}
  end
end

function emit.time(ops, step, self)
  ops[#ops + 1] = {kind = "time", slot = self.slot[step.field], format = step.format or time_of(self, "parse_time", step.field),
    year = step.year, offset = step.offset}
  self.parsed[step.field] = true
end

function emit.bucket(ops, step, self)
  if not self.parsed[step.field] and not self.derived[step.field] then
    local format = time_of(self, "bucket", step.field)
    ops[#ops + 1] = {kind = "time", slot = self.slot[step.field], format = format, offset = step.offset}
  end
  ops[#ops + 1] = {kind = "bucket", slot = self.slot[step.field], width = step.width, offset = step.offset}
end

function emit.sample(ops, step) ops[#ops + 1] = {kind = "sample", share = step.share} end

function emit.select() end


local function make_ops(self, steps)
  local ops = {}
  local plain = true -- have records no fields yet?
  for _, step in ipairs(steps) do
    local before = #ops
    emit[step.kind](ops, step, self)
    for i = before + 1, #ops do ops[i].plain = plain end
    plain = plain and step.kind ~= "split" and step.kind ~= "derive"
  end
  return ops, plain
end


-- ---- the plan ----

local function slots_of(self, names)
  local slots = {}
  for i, name in ipairs(names) do slots[i] = self.slot[name] or 0 end -- 0: the record's text
  return slots
end


-- the names that leave: those of the last select and of what is derived behind it, or nil for all
local function selected(steps)
  local names, has
  for _, step in ipairs(steps) do
    if step.kind == "select" then
      names, has = table.move(step.names, 1, #step.names, 1, {}), {}
      for _, name in ipairs(names) do has[name] = true end
    elseif step.kind == "derive" and names then
      for _, d in ipairs(step.list) do
        if not has[d.name] then names[#names + 1] = d.name end
        has[d.name] = true
      end
    end
  end
  return names
end


-- What makes the splitter. Where all fields leave, a record must fit to its end, or only a part of its fields would leave.
local function whole_or_part(self, all)
  local format = self.format
  if not format or not all then return format and format.make end
  if format.columns then want(self, "fields", format.columns[#format.columns]) end
  return format.make_whole or format.make
end


-- Does a row have this field just as its slot has it? names: those that leave, nil for all
local function shows(self, name, names, mismatch)
  local format, list = self.format, names or self.format and self.format.columns
  if not names and (self.derived[name] or self.place[name] and not self.hidden[name]) then return true end
  for _, each in ipairs(list or {}) do
    if each == name then return true end
  end
  if list or not format or name:find "^%$" or name:find(".", 1, true) then return false end
  return self.probe:knows(name) and not (name == "line" and mismatch == "keep")
end


-- Are the fields that a sort is by slots? Where a row has one in another way it is looked up in the row instead. A slot that
-- nobody else wants is not shown, for a row has the field already where it is one.
local function sorts_by_slots(self, order, names, mismatch)
  if not self.format and not next(self.derived) then return true end -- by the text
  if mismatch == "call" then return false end
  for i = 1, #order.get do
    if not shows(self, order.names[i], names, mismatch) then return false end
  end
  for _, name in ipairs(order.names) do want(self, "sort", name) end
  return true
end


-- the names of slots as records show them
local function shown(self)
  local names = {}
  for i, name in ipairs(self.slot) do names[i] = not self.hidden[name] and name end
  return names
end


-- Compile the steps of a flow for a sink: {kind = "count"}, {kind = "lines"}, {kind = "rows"}, {kind = "tally", tally =, keys =
-- names, args = names, what = the answer's name}, {kind = "fold", init = f(), step = f(acc, value)}, {kind = "sort", order = as
-- of papy.sort, most = how many of the first or nil, pack = f(rows) -> what an item gives, where records become rows}. limit:
-- records an item gives at most; start: a regex that begins records; mismatch, mend; header: the first record of a file is
-- none. Returns {runner =, last = what is behind it or nil, pack =, unpack = f(bytes) -> row of a sort, ops =, ...}.
function M.compile(steps, sink, how)
  local cut = first_lua(steps)
  local native, behind = table.move(steps, 1, cut - 1, 1, {}), table.move(steps, cut, #steps, 1, {})
  local self = {derived = {}, place = {}, split = {}, own = {}, parsed = {}, slot = {}, hidden = {}}
  collect_names(self, native)
  local spec = {start = how.start, mismatch = how.mismatch or "skip", mend = how.mend, seed = how.seed, limit = how.limit,
    header = how.header}
  spec.csv = not how.start and self.format and self.format.csv or nil
  local plan = {behind = behind, header = how.header, csv = spec.csv, hint = self.format and self.format.hint,
    pack = sink.pack}
  local names = selected(native)
  if #behind > 0 or sink.kind == "fold" then
    plan.last = chain.sink(behind, sink, how.limit, how)
    spec.sink, spec.f, spec.limit = "call", plan.last.push, nil
  elseif sink.kind == "sort" then
    if sorts_by_slots(self, sink.order, names, how.mismatch) then
      spec.sink, spec.most, spec.falling, spec.text_of = "best", sink.most, sink.order.descending, rowform.text
      plan.pack = nil
    else
      spec.sink = "rows"
    end
  else
    spec.sink = sink.kind
    for _, name in ipairs(sink.keys or {}) do want(self, sink.what, name) end
    for _, name in ipairs(sink.args or {}) do want(self, sink.what, name) end
  end
  local rows = spec.sink == "rows" or spec.sink == "best"
  local make = whole_or_part(self, rows and not names)
  for _, name in ipairs(self.split) do self.slot[name] = #self.slot + 1; self.slot[#self.slot + 1] = name end
  spec.split_slots = #self.slot
  for _, name in ipairs(self.own) do self.slot[name] = #self.slot + 1; self.slot[#self.slot + 1] = name end
  spec.slots = shown(self)
  spec.splitter = self.format and make(table.move(self.split, 1, #self.split, 1, {}))
  spec.line = self.line and self.slot.line
  spec.ops, spec.plain = make_ops(self, native)
  if spec.sink == "tally" then
    spec.tally, spec.keys, spec.args = sink.tally, slots_of(self, sink.keys), slots_of(self, sink.args)
  elseif rows then
    if names then spec.columns, spec.names = slots_of(self, names), names end
    if spec.sink == "best" then spec.keys = slots_of(self, sink.order.names) end
  end
  plan.ops, plan.slots = spec.ops, self.slot
  plan.gives = sink.kind == "rows" or sink.kind == "lines" -- to somebody who may print them
  plan.runner = core.flow.new(spec)
  if spec.sink == "best" then
    function plan.unpack(bytes) return plan.runner:row(bytes) end
  end
  return plan
end


-- The names of the fields of what leaves the steps, in order; nil when the data name them, or values are of any kind. base: those
-- of what enters them, nil for records that a step splits; keeps: what a step cannot split is kept, as `line`.
function M.columns(steps, base, keeps)
  if first_lua(steps) <= #steps then return nil end
  local list = base and table.move(base, 1, #base, 1, {})
  for _, step in ipairs(steps) do
    if step.kind == "split" then
      list = step.format.columns and table.move(step.format.columns, 1, #step.format.columns, 1, {})
      if list and keeps then list[#list + 1] = "line" end
    elseif step.kind == "select" then
      list = table.move(step.names, 1, #step.names, 1, {})
    elseif step.kind == "derive" and list then
      local seen = {}
      for _, name in ipairs(list) do seen[name] = true end
      for _, d in ipairs(step.list) do
        if not seen[d.name] then list[#list + 1] = d.name end
      end
    end
  end
  return list
end


return M
