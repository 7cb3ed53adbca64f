-- show: rows for a person to look at: an aligned table, bars, a line of time; or for a program, when that reads the output.
--
-- Cells of foreign text are shown harmlessly and cut where the terminal ends (bindings/lterm.c). Numbers keep their columns as
-- long as there is any room; texts give way, the widest first; columns that do not fit at all are named below.
local core = require "papy.core"
local options = require "papy.options"
local Error = require "papy.error"
local rowform = require "papy.rowform"
local terminal = require "papy.terminal"

local fit = core.term.fit
local null = core.sys.null

local M = {}

local GAP <const> = 2     -- between columns
local NARROW <const> = 4  -- texts are not cut below this
local LIMIT <const> = 20  -- rows
local BAR_LEAST <const>, BAR_MOST <const> = 8, 40
local ANY <const> = 1 << 20 -- columns where nothing is to be cut


-- ---- the terminal ----

-- where the output goes: {columns = its width, nil for no terminal, ascii =, colour =}
local function screen(o)
  local style = terminal.style()
  local at_terminal = o.file == nil and style.width < math.huge
  local view = {columns = at_terminal and style.width or nil, ascii = o.ascii, colour = o.colour}
  if view.ascii == nil then view.ascii = at_terminal and not style.unicode end
  if view.colour == nil then view.colour = at_terminal and style.colour end
  return view
end


local function bold(text, on)
  return on and "\27[1m" .. text .. "\27[0m" or text
end


local function dim(text, on)
  return on and "\27[2m" .. text .. "\27[0m" or text
end


-- ---- cells ----

local levels = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
local plain_levels = {"_", ".", ":", "-", "=", "+", "*", "#"}

-- sparkline(numbers [, ascii]): one character for each, from the least possible (0, or the least when that is negative) to the
-- largest; missing ones are blank.
function M.sparkline(numbers, ascii)
  local low, high = 0, 0
  local n = 0
  for i, v in pairs(numbers) do
    if type(v) == "number" and v == v then low, high = math.min(low, v), math.max(high, v) end
    if math.type(i) == "integer" then n = math.max(n, i) end
  end
  local out = {}
  for i = 1, n do
    local v = numbers[i]
    if type(v) ~= "number" or v ~= v then out[i] = " "
    else
      local level = high == low and 1 or math.ceil((v - low) / (high - low) * 8)
      out[i] = (ascii and plain_levels or levels)[math.min(8, math.max(1, level))]
    end
  end
  return table.concat(out)
end


local function number_text(v)
  if math.type(v) == "integer" then return ("%d"):format(v) end
  local size = math.abs(v)
  if size >= 1e15 or (size < 1e-3 and size > 0) or v ~= v then return ("%.4g"):format(v) end
  local text = ("%.3f"):format(v)
  return (text:gsub("%.?0+$", ""))
end


-- lists: frequent values with their counts, the counts of buckets as a line, anything else as JSON
local function list_text(list, ascii)
  local first = list[1]
  if type(first) == "table" and first.count and first.from ~= nil then
    local counts = {}
    for i, bucket in ipairs(list) do counts[i] = bucket.count end
    return M.sparkline(counts, ascii)
  end
  if type(first) == "table" and first.count and first.value ~= nil then
    local parts = {}
    for i, e in ipairs(list) do
      parts[i] = ("%s (%s%d)"):format(rowform.text(e.value), (e.over or 0) > 0 and "<=" or "", e.count)
    end
    return table.concat(parts, ", ")
  end
  return rowform.text(list)
end


local function cell_text(v, ascii)
  if type(v) == "number" then return number_text(v) end
  if v == nil or v == null then return "-" end
  if type(v) == "table" then return list_text(v, ascii) end
  return tostring(v)
end


-- ---- the table ----

local function pad(text, width, wanted, right)
  local blanks = (" "):rep(wanted - width)
  return right and blanks .. text or text .. blanks
end


-- The columns as {name, cells = texts, widths, right =, width =}: numbers (and nothing else but missing values) go right.
local function measure(rows, columns, ascii)
  local result = {}
  for i, name in ipairs(columns) do
    local title, width = fit(tostring(name), ANY, ascii)
    local c = {title = title, cells = {}, numbers = 0, texts = 0, width = width}
    for j, row in ipairs(rows) do
      local v = rowform.cell(row, name)
      if type(v) == "number" then c.numbers = c.numbers + 1 elseif v ~= nil and v ~= null then c.texts = c.texts + 1 end
      local text, w = fit(cell_text(v, ascii), ANY, ascii)
      c.cells[j] = text
      c.width = math.max(c.width, w)
    end
    c.right = c.numbers > 0 and c.texts == 0
    result[i] = c
  end
  return result
end


local function total(columns)
  local width = 0
  for i, c in ipairs(columns) do width = width + c.width + (i > 1 and GAP or 0) end
  return width
end


-- Make the columns fit: cut the widest texts, then drop columns from the end. Returns the titles of those.
local function squeeze(columns, room)
  local over = total(columns) - room
  while over > 0 do
    local widest, second = nil, NARROW
    for _, c in ipairs(columns) do
      if not c.right and c.width > NARROW then
        if not widest or c.width > widest.width then
          second = widest and math.max(second, widest.width) or second
          widest = c
        else
          second = math.max(second, c.width)
        end
      end
    end
    if not widest then break end
    local cut = math.min(over, math.max(1, widest.width - second))
    widest.width = widest.width - cut
    over = over - cut
  end
  local dropped = {}
  while #columns > 1 and total(columns) > room do table.insert(dropped, 1, table.remove(columns).title) end
  if columns[1] and columns[1].width > room then columns[1].width = math.max(1, room) end
  return dropped
end


local eighths = {"▏", "▎", "▍", "▌", "▋", "▊", "▉"}

-- a bar of `length` (a fraction of 1) of `room` columns
local function bar(fraction, room, ascii)
  if ascii then return ("#"):rep(math.floor(fraction * room + 0.5)) end
  local parts = math.floor(fraction * room * 8 + 0.5)
  return ("█"):rep(parts // 8) .. (eighths[parts % 8] or "")
end


-- the bars of a column's values, and how wide they may be
local function bars_of(rows, column, room, ascii)
  local most = 0
  for _, row in ipairs(rows) do
    local v = rowform.cell(row, column)
    if type(v) == "number" and v > most and v < math.huge then most = v end
  end
  local bars = {}
  for i, row in ipairs(rows) do
    local v = rowform.cell(row, column)
    local fraction = type(v) == "number" and v > 0 and most > 0 and math.min(1, v / most) or 0
    bars[i] = bar(fraction, room, ascii)
  end
  return bars
end


local function draw(rows, names, o, view)
  local room = o.width or view.columns or ANY
  local columns = measure(rows, names, view.ascii)
  local bar_room = o.bars and math.max(BAR_LEAST, math.min(BAR_MOST, room - total(columns) - GAP)) or 0
  if bar_room + GAP + NARROW > room then bar_room = 0 end
  local dropped = squeeze(columns, room - (bar_room > 0 and bar_room + GAP or 0))
  local bars = bar_room > 0 and bars_of(rows, o.bars, bar_room, view.ascii) or nil
  local lines, gap = {}, (" "):rep(GAP)
  local function line(cell, behind)
    local parts = {}
    for i, c in ipairs(columns) do
      local text, width = fit(cell(c), c.width, view.ascii)
      parts[i] = pad(text, width, c.width, c.right)
    end
    if behind and behind ~= "" then parts[#parts + 1] = behind end
    lines[#lines + 1] = (table.concat(parts, gap):gsub(" +$", ""))
  end
  line(function(c) return c.title end)
  lines[1] = bold(lines[1], view.colour)
  for i = 1, #rows do
    line(function(c) return c.cells[i] end, bars and bars[i])
  end
  return lines, dropped
end


-- ---- taking rows ----

-- the first `limit` rows, and how many more there are; without `rest` only whether there are some
local function take(rows, limit, rest)
  local kept, more = {}, 0
  for row in rowform.each(rows, "show") do
    M.shown = M.shown + 1
    if #kept < limit then kept[#kept + 1] = row else more = more + 1 end
    if more > 0 and not rest then break end
  end
  return kept, more
end


local show_spec = {
  mode = {"auto", "table", "spark", "text", "csv", "json"}, columns = "table", limit = "natural", width = "count",
  bars = "string", spark = "string", ascii = "boolean", colour = "boolean", header = "boolean", file = "any",
  rest = "boolean",
}


local function as_table(rows, o, view)
  local rest = o.rest ~= false
  local kept, more = take(rows, o.limit == 0 and math.huge or o.limit or LIMIT, rest)
  local names = rowform.columns(o.columns, rows, kept)
  if #kept == 0 and #names == 0 then return "(no rows)\n" end
  local lines, dropped = draw(kept, names, o, view)
  local room = o.width or view.columns or ANY
  local function note(text)
    lines[#lines + 1] = dim((fit(text, room, view.ascii)), view.colour)
  end
  if more > 0 then note(rest and ("... %d more"):format(more) or "... more") end
  if #dropped > 0 then
    note(("(%d more %s: %s)"):format(#dropped, #dropped == 1 and "column" or "columns", table.concat(dropped, ", ")))
  end
  return table.concat(lines, "\n") .. "\n"
end


-- numbers in as many groups as there is room for, each the sum of its group
local function gather(numbers, room)
  if #numbers <= room then return numbers end
  local groups = {}
  for i = 1, room do
    local sum = 0
    for j = (i - 1) * #numbers // room + 1, i * #numbers // room do
      sum = sum + (type(numbers[j]) == "number" and numbers[j] or 0)
    end
    groups[i] = sum
  end
  return groups
end


-- the values of one column in a line, from the first row to the last, with the first and last of the other column below
local function as_spark(rows, o, view)
  local kept = take(rows, math.huge, true)
  local names = rowform.columns(o.columns, rows, kept)
  local column, label = o.spark or names[#names], names[1]
  if #kept == 0 then return "(no rows)\n" end
  local numbers, high = {}, nil
  for i, row in ipairs(kept) do
    local v = rowform.cell(row, column)
    numbers[i] = type(v) == "number" and v or false
    if type(v) == "number" and (high == nil or v > high) then high = v end
  end
  local room = math.max(1, o.width or view.columns or 80)
  local line = M.sparkline(gather(numbers, room), view.ascii)
  local ends = ("%s .. %s  most %s"):format(cell_text(rowform.cell(kept[1], label), true),
    cell_text(rowform.cell(kept[#kept], label), true), high and number_text(high) or "-")
  return line .. "\n" .. fit(ends, room, view.ascii) .. "\n"
end


-- ---- public ----

-- render(rows [, options]): what show prints, as a string.
function M.render(rows, opts)
  local parts = {}
  local o = {}
  for name, value in pairs(opts or {}) do o[name] = value end
  o.file = {write = function(_, text)
    parts[#parts + 1] = text
    return true
  end}
  M.show(rows, o)
  return table.concat(parts)
end


-- show(rows [, options]): print rows. rows: an array of tables, with their columns in its field `columns` if these have an
-- order; an iterator; an answer of a flow. Options:
--   mode     "table" (aligned, for a person), "spark" (one column as a line of bars), "text" (fields separated by tabs),
--            "csv", "json" (an object a line); default "auto": "table" at a terminal, else "text"
--   columns  which fields, in which order
--   limit    rows of a table (20; 0: all)
--   rest     the rest is counted (true; false for the records of files, of which no more are read)
--   bars     the name of a column of numbers that is drawn as bars, too
--   spark    the column of numbers for mode "spark" (default the last); the first is the time
--   width    columns of the screen (default those of the terminal; none elsewhere)
--   header   names before the rows of "text" (false)
--   ascii    draw with ASCII only (default: at a terminal that is dumb or not UTF-8)
--   colour   (default: at a terminal that is not dumb, unless NO_COLOR is set)
--   file     an open file instead of standard output
-- Raises when the output cannot be written.
function M.show(rows, opts)
  local o = options.check("show", opts, show_spec)
  M.shown = 0 -- rows, so far
  local view = screen(o)
  local mode = o.mode or "auto"
  if mode == "auto" then mode = view.columns and "table" or "text" end
  local file = o.file or io.stdout
  local function write(text)
    local ok, why = file:write(text)
    if not ok then Error.raise("write", "cannot write: %s", why) end
  end
  if mode == "table" then return write(as_table(rows, o, view)) end
  if mode == "spark" then return write(as_spark(rows, o, view)) end
  local form
  for row in rowform.each(rows, "show") do
    if not form then
      local names, open = rowform.columns(o.columns, rows, {row})
      form = rowform.form(mode, names, open)
      if form.head then write(form.head) end
      if mode == "text" and o.header then write(table.concat(names, "\t") .. "\n") end
    end
    write(form.line(row))
    M.shown = M.shown + 1
  end
  if form then form.finish() end
end


return M
