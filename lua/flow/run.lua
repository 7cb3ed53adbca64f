-- run: a plan over a source, on a pool. Partial results come back in the order of the source, each exactly once.
--
-- The plan is compiled before the pool forks, so workers have it. An item's result is complete or not there: when a worker dies
-- its item is done again. A file that breaks in the middle gives what came before, then the error.
-- A chunk of csv may begin inside quotes. Its worker guesses, and the host, which takes results in order, knows.
local core = require "papy.core"
local Error = require "papy.error"
local numap = require "papy.numap"
local open = require "papy.open"
local progress = require "papy.flow.progress"

local M = {}

local RETRIES <const> = 2       -- of an item whose worker died
local SAMPLES <const> = 3       -- of records that did not fit, or failed
local LINES_BLOCK <const> = 1 << 20


-- ---- in a worker ----

-- an iterator over the text of a file, and what closes it; nil where the file cannot be had again
local function text_of(name)
  local kind = core.source.sniff(name)
  if kind == "packed" then return open.blocks {files = {name}} end
  local file = kind == "plain" and io.open(name, "rb")
  return file and function() return file:read(LINES_BLOCK) end, file
end


-- the number of the line that begins `offset` bytes into a file, or nil
local function line_at(name, offset)
  local step, closing <close> = text_of(name) -- luacheck: ignore closing
  if not step then return nil end
  local lines, left = 1, offset
  while left > 0 do
    local text = step()
    if not text then break end
    lines = lines + select(2, text:sub(1, left):gsub("\n", ""))
    left = left - #text
  end
  return lines
end


-- "access.log:12"
local function place_of(name, offset)
  local line = line_at(name, offset)
  return line and ("%s:%d"):format(name, line) or ("%s, byte %d"):format(name, offset)
end


local function input_error(message)
  return Error.new {kind = "input", message = tostring(message)}
end


-- what went wrong, and at which record. Finding its line takes a run through the file: only for what is shown
local function at_record(message, record)
  return ("%s\n  record %s: %s"):format(message, place_of(record.name, record.offset), Error.render(record.text))
end


-- a step failed at a record
local function failed_at(self, partial, raised, record)
  local err = Error.of_input(raised, "function")
  if self.on_error ~= "skip" then
    local message = at_record(err.message, record)
    error(Error.new {kind = "function", message = message, traceback = err.traceback, value = err.value}, 0)
  end
  partial.failed = partial.failed + 1
  record.message = err.message
  if #partial.failures < SAMPLES then partial.failures[#partial.failures + 1] = record end
end


local MARK <const> = "\xEF\xBB\xBF"

-- A block without the mark of UTF-8 that may begin its file, and its offset then; false when there is nothing else in it; nil and
-- a sentence when it cannot be read.
local function behind_mark(block, offset)
  if offset ~= 0 then return block, offset end
  if type(block) ~= "string" then
    local rest, why = core.chunks.behind_mark(block)
    return rest, rest and rest.first or why
  end
  if block:sub(1, #MARK) ~= MARK then return block, offset end
  return #block > #MARK and block:sub(#MARK + 1), #MARK
end


-- have the runner begin with a block; is there anything in it? The line that names the fields may have its mark.
local function begin(plan, block, offset)
  if not plan.header then block, offset = behind_mark(block, offset) end
  if block == nil then error(offset, 0) end
  if block then plan.runner:begin(block, offset) end
  return block ~= false
end


local function caught(raised)
  if Error.is_interrupt(raised) or Error.is(raised) then return raised end
  return Error.caught(raised, debug.traceback(nil, 2))
end


local function as_it_is(raised) return raised end


-- Run through a block. Returns what is wrong with its file, if anything is.
local function run_block(self, partial, block, name, offset)
  local runner = self.plan.runner
  local ok, why = pcall(begin, self.plan, block, offset)
  if not ok then return input_error(why) end
  if not why then return nil end
  while true do
    local told = self.on_error ~= "skip" or #partial.failures < SAMPLES -- a traceback costs more than most records
    ok, why = xpcall(runner.go, told and caught or as_it_is, runner)
    if ok then return nil end
    if runner:torn() or Error.is_interrupt(why) then error(why, 0) end
    local at, text = runner:place()
    if not at then return input_error(type(why) == "table" and why.value or why) end -- the file, not a record
    failed_at(self, partial, why, {name = name, offset = at, text = text})
  end
end


-- a file that cannot be read: told, or the end of the item
local function broken(self, partial, err)
  if self.source.on_error ~= "skip" then error(err, 0) end
  partial.broken = partial.broken + 1
  partial.breaks[#partial.breaks + 1] = err.message
end


-- all blocks of an item
local function run_blocks(self, partial, item)
  local step, runner = open.blocks(item, self.source.record_start, self.plan.csv), self.plan.runner
  while true do
    local block, name, offset = step()
    if block then
      local err = run_block(self, partial, block, name, offset or 0)
      for i = #partial.names + 1, runner:sampled() do partial.names[i] = name end
      if err then broken(self, partial, err) end
    elseif not name then
      return
    else
      broken(self, partial, name)
    end
  end
end


function M.is_chunk(x)
  local meta = debug.getmetatable(x)
  return type(x) == "userdata" and type(meta) == "table" and meta.__name == "papy.chunk"
end


-- chunks are counted where they are mapped, without making records
local function count_chunk(self, partial, item)
  local chunk, problem = behind_mark(item, item.first)
  if chunk == false then return end
  if not chunk then return broken(self, partial, input_error(problem)) end
  local n, failed, why, at = core.chunks.count_records(chunk, self.count, self.on_error == "skip")
  partial.kept, partial.failed = n, failed
  if at then
    error(Error.new {kind = "function", message = ("%s\n  record %s"):format(why, place_of(item.file, at))}, 0)
  elseif why then
    broken(self, partial, input_error(why))
  end
end


-- rows as the sink wants them; none are left when that fails
local function pack(plan, partial)
  local rows = partial.value
  partial.value = nil
  return rows and plan.pack(rows)
end


local function run_item(self, partial, item, reads)
  local plan = self.plan
  plan.runner:clear(reads)
  if self.count and M.is_chunk(item) then return count_chunk(self, partial, item) end
  if plan.last then plan.last.reset() end
  local ok, why = pcall(run_blocks, self, partial, item)
  local found = plan.runner:take()
  partial.value, partial.kept, partial.mismatched, partial.samples = found.value, found.kept, found.mismatched, found.samples
  for i, sample in ipairs(partial.samples) do sample.name = partial.names[i] or "?" end
  if plan.last then
    partial.value, partial.kept = plan.last.value(), plan.last.kept()
    partial.mismatched = partial.mismatched + plan.last.mismatched()
  end
  if plan.pack then partial.value = pack(plan, partial) end
  if not ok then error(why, 0) end
end


-- how much of the source an item is, for the progress line; files that share an item are not counted
local function bytes_of(item)
  if M.is_chunk(item) then return item.last - item.first + 1 end
  return item.text and #item.text or 0
end


-- what one item gives: {value =, kept =, mismatched =, samples =, failed =, broken =, error = what ended it}
local function attempt(self, item, reads)
  local partial = {kept = 0, mismatched = 0, samples = {}, names = {}, failed = 0, failures = {}, broken = 0, breaks = {},
    bytes = bytes_of(item), file = M.is_chunk(item) and item.file or nil}
  local ok, why = pcall(run_item, self, partial, item, reads)
  if not ok and Error.is_interrupt(why) then error(why, 0) end
  if not ok then partial.error = Error.is(why) and why or Error.of_input(why, "flow") end
  partial.names = nil
  return partial
end


-- Where a mapping broke, the item is done again by reading: that gives what came before, and the error in its place.
local function work(self, item)
  local partial = attempt(self, item, false)
  return self.plan.runner:torn() and attempt(self, item, true) or partial
end


-- A chunk of csv, from `first` on, or from where its first record begins, most likely. The result says where it was begun, and
-- where the last record ended, which may be behind the chunk: `settled` compares these.
local function work_csv(self, chunk, first)
  if not first then
    first = chunk.first > 0 and core.chunks.csv_begin(chunk, self.plan.csv) or chunk.first
  end
  if first > chunk.last then return {chunk = chunk, begun = first} end
  local partial = work(self, core.chunks.from(chunk, first))
  partial.chunk, partial.begun, partial.done, partial.bytes = chunk, first, self.plan.runner:done(), bytes_of(chunk)
  return partial
end


local function work_on(self, item)
  return (self.plan.csv and M.is_chunk(item) and work_csv or work)(self, item)
end


-- ---- in the host ----

-- a file that is read in chunks is broken once
local function forget_known(known, partial)
  if partial.broken == 0 or not partial.file then return end
  if known[partial.file] then partial.broken, partial.breaks = 0, {} end
  known[partial.file] = true
end


-- add records to the few that are shown: the first ones, also where parts come as they are ready
local function add_samples(self, list, more)
  table.move(more, 1, #more, #list + 1, list)
  if self.ordered == false then
    table.sort(list, function(a, b)
      if a.name ~= b.name then return a.name < b.name end
      return a.offset < b.offset
    end)
  end
  for i = SAMPLES + 1, #list do list[i] = nil end
end


-- Results come in the order of the source, so it is known where the last record before a chunk of csv ended. If the chunk was not
-- begun there, its result is worth nothing and it is done again, here; nil when no record begins in it.
local function settled(self, partial)
  local chunk, before = partial.chunk, self.before
  if not chunk then return partial end
  local follows = before and before.file == chunk.file and before.last + 1 == chunk.first
  local first = follows and before.done or chunk.first
  self.before = {file = chunk.file, last = chunk.last, done = first}
  if first > chunk.last then return nil end
  if partial.begun ~= first then partial = work_csv(self, chunk, first) end
  self.before.done = math.max(partial.done, chunk.last + 1) -- it may have ended early
  return partial
end


local function note(self, partial)
  local report = self.report
  report.records = report.records + (partial.kept or 0)
  report.mismatched = report.mismatched + partial.mismatched
  report.failed = report.failed + partial.failed
  report.broken = report.broken + partial.broken
  add_samples(self, report.samples, partial.samples)
  if #partial.failures > 0 then
    add_samples(self, self.failures, partial.failures)
    for i, record in ipairs(self.failures) do
      record.told = record.told or at_record(record.message, record)
      report.failures[i] = record.told
    end
  end
  for _, message in ipairs(partial.breaks) do
    if #report.breaks < SAMPLES then report.breaks[#report.breaks + 1] = message end
  end
end


-- Say once what was left out though nobody asked for that.
local function warn(self)
  local report = self.report
  if report.mismatched > 0 and not self.quiet then
    local first = report.samples[1]
    local hint = first and self.plan.hint and self.plan.hint(first.text)
    io.stderr:write(("papy: %d record%s did not fit the format and %s left out; %s%s\n"):format(report.mismatched,
      report.mismatched == 1 and "" or "s", report.mismatched == 1 and "was" or "were",
      first and ("the first: %s: %s"):format(place_of(first.name or "?", first.offset), Error.render(first.text)) or "",
      hint and "; " .. hint or ""))
  end
  if report.failed > 0 then
    io.stderr:write(("papy: %d record%s failed; the first: %s\n"):format(report.failed, report.failed == 1 and "" or "s",
      report.failures[1]))
  end
  if report.broken > 0 then
    io.stderr:write(("papy: %d file%s could not be read; the first: %s\n"):format(report.broken,
      report.broken == 1 and "" or "s", report.breaks[1]))
  end
end


function M.new_report()
  return {records = 0, mismatched = 0, failed = 0, broken = 0, samples = {}, failures = {}, breaks = {}}
end


-- Run `plan` over `source`. how: workers, size (bytes of a chunk), ordered (default true), on_error, quiet (say nothing of
-- records that do not fit), count (a regex: chunks are only counted), report (a table to fill in), backwards (from the end).
-- Returns an iterator over partial results (tables with value and kept), and what closes it. A source that breaks raises behind
-- what came before.
function M.run(plan, source, how)
  local self = {plan = plan, source = source, on_error = how.on_error, count = how.count, quiet = how.quiet,
    ordered = plan.csv and true or how.ordered, report = how.report or M.new_report(), known = {}, failures = {}}
  local input = how.input and how.input() or open.items(source, {workers = how.workers, size = how.size, csv = plan.csv})
  local pool = numap.NuMap {worker_num = how.workers, stride = how.workers, buffer = 4 * how.workers, ordered = self.ordered,
    name = "flow"}
  local task = pool:add_task(function(item) return work_on(self, item) end, input, {retries = RETRIES, name = "flow"})
  local ended, pending = false, nil
  local bar = progress.new(source, plan.gives)
  local function close()
    if not ended then
      ended = true
      if bar then bar.wipe() end
      pool:stop {force = true}
      if input.stop then input:stop() end
    end
  end
  local function next_partial()
    while true do
      local partial = task()
      local whole = partial and settled(self, partial)
      if whole or not partial then return whole end
    end
  end
  local function step()
    if pending then
      local err = pending
      pending = nil
      close()
      error(err, 0)
    end
    if ended then return nil end
    if bar then bar.wait() end
    local ok, partial = pcall(next_partial)
    if not ok then
      close()
      error(partial, 0)
    end
    if partial == nil then
      ended = true
      if bar then bar.wipe() end
      pool:stop()
      warn(self)
      return nil
    end
    forget_known(self.known, partial)
    note(self, partial)
    if bar then bar.add(partial.bytes) end
    pending = partial.error
    return partial
  end
  if not pool.started then pool:start() end
  return step, nil, nil, setmetatable({close = close}, {__close = close, __gc = close})
end


return M
