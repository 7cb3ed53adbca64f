-- chain: steps of a flow over Lua values: behind a map in a worker, and over the rows of an answer in the host.
--
-- Each step becomes a function that takes a value and hands what it makes of it to the next one.
local core = require "papy.core"
local Error = require "papy.error"
local rowform = require "papy.rowform"

local M = {}

local null = core.sys.null


local function must_be_row(what, value)
  if type(value) ~= "table" then
    Error.raise("function", "%s: a table with fields expected, got %s; map(f) can make one", what, Error.render(value))
  end
  return value
end


local function copy(row)
  local new = {}
  for key, value in pairs(row) do new[key] = value end
  return new
end


-- the value of a field; nested ones as text where they stand for themselves
local function value_of(row, name)
  local value = rowform.cell(row, name)
  return type(value) == "table" and rowform.text(value) or value
end


-- a function row -> value of an expression, is it true
local function evaluator(what, expr)
  local names = core.fields.names(expr)
  return function(row)
    local fields = must_be_row(what, row)
    for _, name in ipairs(names) do
      local value = value_of(row, name)
      if value ~= row[name] then -- it stands there in another way
        if fields == row then fields = copy(row) end
        fields[name] = value
      end
    end
    return core.fields.evaluate(expr, fields)
  end
end


-- What a function gives. A record is good only while its function runs: as a result it is the table of its fields.
local function result_of(value)
  local meta = type(value) == "userdata" and debug.getmetatable(value)
  return meta and meta.__name == "papy.record" and copy(value) or value
end


local make = {}

function make.where(step, push)
  if step.f then
    return function(value)
      if step.f(value) then push(value) end
    end
  end
  local evaluate = evaluator("where", step.expr)
  return function(value)
    local _, good = evaluate(value)
    if good then push(value) end
  end
end

function make.map(step, push)
  return function(value)
    local result = step.f(value)
    if result == nil then result = null end
    push(result_of(result))
  end
end

-- f returns an array of values, or an iterator, or nothing
function make.flat_map(step, push)
  return function(value)
    local many = step.f(value)
    if many == nil then return end
    if type(many) == "table" and not (getmetatable(many) or {}).__call then
      for i = 1, #many do push(result_of(many[i])) end
    elseif type(many) == "table" or type(many) == "function" then
      for each in many do push(result_of(each)) end
    else
      Error.raise("function", "flat_map: the function must return an array, an iterator or nothing, got %s", Error.render(many))
    end
  end
end

function make.derive(step, push)
  local made = {}
  for _, d in ipairs(step.list) do made[d.name] = d.f or evaluator("derive", d.expr) end
  return function(value)
    local row = copy(must_be_row("derive", value))
    for name, f in pairs(made) do row[name] = (f(value)) end
    push(row)
  end
end

function make.select(step, push)
  return function(value)
    local row = {}
    must_be_row("select", value)
    for _, name in ipairs(step.names) do row[name] = rowform.cell(value, name) end
    push(row)
  end
end

local function text_of(value, regex)
  if type(value) == "table" then return false end
  return regex:find(tostring(value)) ~= nil
end

function make.grep(step, push)
  return function(value)
    local found = text_of(value, step.regex)
    if type(value) == "table" then
      for _, field in pairs(value) do found = found or text_of(field, step.regex) end
    end
    if found ~= (step.invert or false) then push(value) end
  end
end

-- a string to a table of its fields; what does not fit goes the way that on_mismatch says
function make.split(step, push, how)
  local splitter = step.format.make {}
  local function mismatch(text)
    if how.mismatch == "error" then Error.raise("function", "the text does not fit the format: %s", Error.render(text)) end
    if how.missed then how.missed() end
    if how.mismatch == "keep" then push {line = text} end
    local row = how.mismatch == "call" and how.mend(text)
    if row then push(row) end
  end
  return function(value)
    if type(value) ~= "string" then
      Error.raise("function", "fields: a string expected, got %s", Error.render(value))
    end
    local row = splitter:each(value)
    if row then push(row) else mismatch(value) end
  end
end

function make.time(step, push)
  local parse = core.fields.time(step.format or "iso", step.year or 0, step.offset or 0)
  return function(value)
    local row = copy(must_be_row("parse_time", value))
    local text = rowform.cell(row, step.field)
    if type(text) == "string" then row[step.field] = parse(text) end
    push(row)
  end
end

function make.bucket(step, push)
  local width = core.fields.width(step.width)
  local parse = core.fields.time("iso", 0, step.offset or 0)
  return function(value)
    local row = copy(must_be_row("bucket", value))
    local seconds = rowform.cell(row, step.field)
    if type(seconds) == "string" then seconds = tonumber(seconds) or parse(seconds) end
    row[step.field] = seconds and core.fields.bucket(seconds, width, step.offset or 0)
    push(row)
  end
end

function make.sample(step, push)
  local n, taken = 0, 0
  return function(value) -- evenly, since rows have no place in a file
    n = n + 1
    if taken < n * step.share then
      taken = taken + 1
      push(value)
    end
  end
end


-- The steps as one function that takes a value; what comes out is handed to `last`.
-- how: {mismatch =, mend =, as in on_mismatch, missed = a function that is called for each text that does not fit}
function M.push(steps, last, how)
  for i = #steps, 1, -1 do last = make[steps[i].kind](steps[i], last, how or {}) end
  return last
end


local function values(row, names)
  local list = {}
  for i, name in ipairs(names) do
    if type(row) == "table" then
      list[i] = value_of(row, name)
    elseif name == "line" or name == "value" then
      list[i] = row
    elseif row ~= null then
      must_be_row(("the field '%s'"):format(name), row)
    end
  end
  return list
end


-- The steps with what becomes of the values at their end, as compile (plan.lua) is asked for it: {push = f(value), reset = f(),
-- value = f() -> what came together, kept = f() -> how many values, mismatched = f() -> how many texts did not fit}.
function M.sink(steps, sink, limit, how)
  local n, missed, value = 0, 0, nil
  limit = limit or math.huge
  local add
  if sink.kind == "count" then
    add = function() end
  elseif sink.kind == "tally" then
    add = function(v) sink.tally:add(values(v, sink.keys), values(v, sink.args)) end
  elseif sink.kind == "fold" then
    add = function(v)
      local acc = sink.step(value, v)
      if acc ~= nil then value = acc end
    end
  else
    add = function(v) value[#value + 1] = v end
  end
  local push = M.push(steps, function(v)
    if n >= limit then return end
    n = n + 1
    add(v)
  end, {mismatch = how and how.mismatch, mend = how and how.mend, missed = function() missed = missed + 1 end})
  return {
    push = push,
    reset = function()
      n, missed, value = 0, 0, nil
      if sink.kind == "fold" then value = sink.init()
      elseif sink.kind == "tally" then sink.tally:clear()
      else value = {} end
    end,
    value = function() return sink.kind == "tally" and sink.tally:encode() or value end,
    kept = function() return n end,
    mismatched = function() return missed end,
  }
end


return M
