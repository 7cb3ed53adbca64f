-- write: rows to a file, whole or not at all.
local Error = require "papy.error"
local options = require "papy.options"
local rowform = require "papy.rowform"
local whole = require "papy.whole"

local M = {}

local suffixes = {".gz", ".zst", ".xz", ".bz2", ".lz4"}
local formats = {csv = "csv", json = "json", jsonl = "json", ndjson = "json"}
local PIECE <const> = 64 << 10 -- bytes handed on at a time


-- the path without the end that names a compression, and that end
local function split_suffix(path)
  for _, suffix in ipairs(suffixes) do
    if #path > #suffix and path:sub(-#suffix) == suffix then return path:sub(1, -#suffix - 1), suffix end
  end
  return path, nil
end


local function fail(path, why)
  Error.raise("write", "cannot write %s: %s", path, (tostring(why):gsub("^" .. path:gsub("%p", "%%%0") .. "[^:]*: ", "")))
end


-- with a compression around it
local function compressed(target, suffix, path)
  local ok, compress = pcall(require, "papy.compress")
  if not ok then
    target.give_up()
    Error.raise("write", "cannot write %s: %s", path, compress)
  end
  local writer, why = compress.writer(target.file, suffix)
  if not writer then
    target.give_up()
    fail(path, why)
  end
  return {
    file = writer,
    finish = function()
      local closed, problem = writer:close()
      if not closed then return closed, problem end
      return target.finish()
    end,
    give_up = function()
      pcall(writer.close, writer) -- before the file, which it may still want to write to
      target.give_up()
    end,
  }
end


-- all lines of rows through put; returns their number
local function put_rows(rows, format, columns, put)
  local form
  local pieces, size, count = {}, 0, 0
  local function add(text)
    pieces[#pieces + 1], size = text, size + #text
    if size >= PIECE then
      put(table.concat(pieces))
      pieces, size = {}, 0
    end
  end
  for row in rowform.each(rows, "write") do
    if not form then
      form = rowform.form(format, rowform.columns(columns, rows, {row}))
      if form.head then add(form.head) end
    end
    add(form.line(row))
    count = count + 1
  end
  if not form and format == "csv" then -- no rows, but their names if these are known
    local head = rowform.form(format, rowform.columns(columns, rows, {})).head
    if head then add(head) end
  end
  if size > 0 then put(table.concat(pieces)) end
  if form then form.finish() end
  return count
end


local function format_of(format, path)
  if format == nil then return formats[path:match "%.(%w+)$" or ""] or "text" end
  for _, known in ipairs(rowform.formats) do
    if format == known then return format end
  end
  local near = type(format) == "string" and options.nearest(format, {text = 1, csv = 1, json = 1})
  Error.raise("option", "write: no format %s; %s", Error.render(format),
    near and ("did you mean '%s'?"):format(near) or "the formats are text, csv, json")
end


-- write(rows, path [, format [, {columns = names}]]) -> number of rows written.
-- rows: an array, an iterator, an answer of a flow. path: a file, which is replaced when everything is written; "-": standard
-- output. One that ends in .gz, .zst, .xz, .bz2 or .lz4 is compressed. format: "text" (strings as lines, fields separated by
-- tabs), "csv" (RFC 4180, a line of names first), "json" (an object a line); default by the path's end, else "text".
-- Raises when the file cannot be written (then what was there before is still there).
function M.write(rows, path, format, opts)
  local o = options.check("write", opts, {columns = "table"})
  if type(path) ~= "string" or path == "" then
    Error.raise("option", "write: a path or \"-\" expected, got %s", Error.render(path))
  end
  if path == "-" then M.to_stdout = true end -- what is printed from now on comes behind rows
  local bare, suffix = split_suffix(path)
  format = format_of(format, bare)
  local target, problem = whole.open(path)
  if not target then fail(path, problem) end
  if suffix then target = compressed(target, suffix, path) end
  local ok, result = pcall(put_rows, rows, format, o.columns, function(text)
    local written, why = target.file:write(text)
    if not written then fail(path, why) end
  end)
  if not ok then
    target.give_up()
    error(result, 0)
  end
  local finished, why = target.finish()
  if not finished then
    target.give_up()
    fail(path, why)
  end
  return result
end


return M
