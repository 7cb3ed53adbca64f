-- picture: a pipeline drawn, for Graphviz and for the terminal.
local terminal = require "papy.terminal"
local topology = require "papy.topology"

local M = {}


local function plural(n, word)
  return ("%d %s%s"):format(n, word, n == 1 and "" or (word:find "s$" and "es" or "s"))
end


-- Where a piper computes: "here", or its pool and workers.
local function place(piper)
  local pool = piper.parallel
  if not pool then return "here" end
  return ("%s, %s"):format(pool.name, plural(pool.worker_num, pool.worker_type))
end


-- ---- Graphviz ----

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n") .. '"'
end


-- The graph as Graphviz text: a box per piper, linear ones rounded, and an arrow per pipe.
function M.dot(dagger)
  local lines = {"digraph papy {", "  rankdir = LR;", "  node [shape = box];"}
  for _, piper in ipairs(dagger:postorder()) do
    local style = piper.parallel and "solid" or "rounded"
    local label = quoted(piper.name .. "\n" .. place(piper))
    lines[#lines + 1] = ("  %s [label = %s, style = %s];"):format(quoted(piper.name), label, style)
  end
  for _, piper in ipairs(dagger:postorder()) do
    for _, up in ipairs(topology.slots(dagger, piper)) do
      lines[#lines + 1] = ("  %s -> %s;"):format(quoted(up.name), quoted(piper.name))
    end
  end
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end


-- ---- the terminal ----
--
-- One row per piper, from upstream to downstream. Every pipe on its way runs down in a lane; a fork opens lanes to the right, a
-- join closes them again.

-- A row of lanes, the widest being number `width`: draw(i) gives the sign of lane i and what joins it to the next.
local function row_of_lanes(width, draw)
  local signs = {}
  for i = 1, width do
    local sign, joint = draw(i)
    signs[#signs + 1] = sign .. joint
  end
  return (table.concat(signs):gsub(" +$", ""))
end


local function straight(lanes, column)
  return row_of_lanes(math.max(lanes.width, column or 0), function(i)
    return i == column and "●" or lanes[i] and "│" or " ", " "
  end)
end


-- The row in which lane `column` and the lanes `others`, all to its right, come together or part: `corner` is the sign of the
-- last, `tee` of those between.
local function bend(lanes, column, others, tee, corner)
  local bends, last = {}, column
  for _, i in ipairs(others) do
    bends[i] = true
    last = math.max(last, i)
  end
  return row_of_lanes(math.max(lanes.width, last), function(i)
    local joint = i >= column and i < last and "─" or " "
    if i == column then return "├", joint end
    if bends[i] then return i == last and corner or tee, joint end
    if i > column and i < last then return lanes[i] and "┼" or "─", joint end
    return lanes[i] and "│" or " ", joint
  end)
end


local function first_free(lanes, from)
  local i = from
  while lanes[i] do i = i + 1 end
  lanes.width = math.max(lanes.width, i)
  return i
end


local function trim(lanes)
  while lanes.width > 0 and not lanes[lanes.width] do lanes.width = lanes.width - 1 end
end


-- The lanes that end at piper; the first of them is the piper's own, a free one when there are none.
local function arrive(lanes, piper, rows)
  local arriving = {}
  for i = 1, lanes.width do
    if lanes[i] == piper then arriving[#arriving + 1] = i end
  end
  local column = table.remove(arriving, 1) or first_free(lanes, 1)
  for _, i in ipairs(arriving) do lanes[i] = nil end
  if #arriving > 0 then rows[#rows + 1] = {lanes = bend(lanes, column, arriving, "┴", "┘")} end
  lanes[column] = nil
  trim(lanes)
  return column
end


local function depart(lanes, column, downstreams, rows)
  local opened = {}
  lanes[column] = downstreams[1]
  lanes.width = math.max(lanes.width, column)
  for k = 2, #downstreams do
    opened[#opened + 1] = first_free(lanes, column + 1)
    lanes[opened[#opened]] = downstreams[k]
  end
  if #opened > 0 then rows[#rows + 1] = {lanes = bend(lanes, column, opened, "┬", "┐")} end
  trim(lanes)
end


local function rows_of(dagger)
  local rows, lanes = {}, {width = 0}
  for _, piper in ipairs(dagger:postorder()) do
    local column = arrive(lanes, piper, rows)
    rows[#rows + 1] = {lanes = straight(lanes, column), piper = piper}
    depart(lanes, column, topology.downstreams(dagger, piper), rows)
  end
  return rows
end


local ascii = {["●"] = "o", ["│"] = "|", ["─"] = "-"} -- all others: corners and crossings


local function in_style(lanes, style)
  if style.unicode then return lanes end
  return (lanes:gsub(utf8.charpattern, function(sign) return #sign > 1 and (ascii[sign] or "+") or nil end))
end


-- What a piper has done: the text, and the colour it deserves.
local function counts(stats, piper)
  local n = stats and stats.pipers[piper.name]
  if not n then return "" end
  if n.failed > 0 then return ("%d done, %d failed"):format(n.done, n.failed), "red" end
  return ("%d done"):format(n.done)
end


local function column_widths(rows)
  local widths = {0, 0, 0, 0}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row.cells) do widths[i] = math.max(widths[i], terminal.width(cell)) end
  end
  return widths
end


local GAP <const> = 2
local NARROW <const> = 8 -- a column is not made narrower than this, but left out

-- Make the columns fit: first the places get narrow and go, then the names get narrow, then the counts go.
local function fit(widths, most)
  local function excess() return widths[1] + widths[2] + widths[3] + widths[4] + 3 * GAP - most end
  if excess() > 0 then widths[3] = widths[3] - excess() >= NARROW and widths[3] - excess() or -GAP end
  if excess() > 0 then widths[2] = math.max(NARROW, widths[2] - excess()) end
  if excess() > 0 then widths[4] = -GAP end
end


local looks = {nil, "bold", "dim"}

local function line_of(row, widths, style)
  local parts = {}
  for i, cell in ipairs(row.cells) do
    if widths[i] >= 0 then
      local text = terminal.cut(cell, widths[i], style)
      local colour = i == 4 and row.colour or looks[i]
      local blanks = i < #row.cells and (" "):rep(widths[i] - terminal.width(text) + GAP) or ""
      parts[#parts + 1] = (colour and terminal.colour(text, colour, style) or text) .. blanks
    end
  end
  return (table.concat(parts):gsub(" +$", ""))
end


-- The pipeline as lines for a terminal: the graph, and beside each piper its name, where it computes and what it has done. stats
-- as of Plumber:stats(), or nil; style as of terminal.style, default: any width, Unicode, no colours.
function M.text(dagger, stats, style)
  style = style or {width = math.huge, unicode = true}
  local rows, lines = rows_of(dagger), {}
  for _, row in ipairs(rows) do
    row.cells = {in_style(row.lanes, style)}
    if row.piper then
      local done, colour = counts(stats, row.piper)
      local name, at = row.piper.name:gsub("%c", "?"), place(row.piper):gsub("%c", "?")
      row.cells, row.colour = {row.cells[1], name, at, done}, colour
    end
  end
  local widths = column_widths(rows)
  fit(widths, style.width)
  for _, row in ipairs(rows) do lines[#lines + 1] = line_of(row, widths, style) end
  return table.concat(lines, "\n") .. "\n"
end


-- The same for standard output as it is, under a line with the state and how long it has been running.
function M.show(dagger, state, stats)
  local style = terminal.style()
  local time = stats and (", %.1f s"):format(stats.run_time) or ""
  io.stdout:write(("%s%s\n"):format(state, time), M.text(dagger, stats, style))
end


return M
