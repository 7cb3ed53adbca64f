-- papy.workers.streams: many items in one open file, as text between delimiters or in papy's own format. What papy.workers.io
-- offers under the same names.
local fault = require "papy.workers.fault"
local frames = require "papy.frames"
local fs = require "papy.fs"

local M = {}


local function open_file(name, file)
  if io.type(file) ~= "file" then
    fault("%s: an open file expected, got %s", name, io.type(file) or "a " .. type(file))
  end
  return file
end


-- an open file, or the file of that path; the second result closes what was opened here
local function source(name, file, mode)
  if type(file) ~= "string" then return open_file(name, file), function() end end
  local opened, why = io.open(file, mode)
  if not opened then fault("%s: %s", name, why) end
  return opened, function() opened:close() end
end


M.source = source


-- The next line of the file, nil at the end. format: "l" or "L".
local function read_line(name, file, format)
  local line, why = file:read(format)
  if not line and why then fault("%s: cannot read: %s", name, why) end
  return line
end


M.read_line = read_line


local function first_slot(name, inbox)
  if type(inbox) ~= "table" or inbox[1] == nil then fault("%s: an inbox with an item in its first slot expected", name) end
  return inbox[1]
end


local function write(name, file, text)
  local written, why = fs.write(open_file(name, file), text)
  if not written then fault("%s: %s", name, why) end
  return papy.null
end


local function check_delimiter(name, delimiter)
  if delimiter == nil then return "" end
  if type(delimiter) ~= "string" or delimiter:find "\n" then fault("%s: the delimiter must be a string of one line", name) end
  return delimiter
end


-- dump_stream(inbox, file [, delimiter]): write slot 1, a string, and behind it a line that is the delimiter (default: a blank
-- line). load_stream gives the same strings back, byte by byte. The text must have no such line itself: that is an error. One
-- system call per item; forked workers may share the file, threads cannot.
function M.dump_stream(inbox, file, delimiter)
  local text = first_slot("dump_stream", inbox)
  delimiter = check_delimiter("dump_stream", delimiter)
  if type(text) ~= "string" then fault("dump_stream: the item must be a string, got a %s", type(text)) end
  if delimiter ~= "" then
    if ("\n" .. text .. "\n"):find("\n" .. delimiter .. "\n", 1, true) then
      fault("dump_stream: the text has a line that is the delimiter '%s'", delimiter)
    end
  elseif text:find("\n\n", 1, true) or text:sub(1, 1) == "\n" then
    fault "dump_stream: the text has a blank line, which is the delimiter; give another one"
  end
  return write("dump_stream", file, text .. "\n" .. delimiter .. "\n")
end


-- Items between lines that are `delimiter`.
local function by_delimiter(lines, delimiter)
  return function()
    local item = {}
    for line in lines do
      if line == delimiter then return table.concat(item, "\n") end
      item[#item + 1] = line
    end
    if #item > 0 then return table.concat(item, "\n") end
  end
end


-- Items between blank lines. An item may end with a line break itself; then one more blank line stands behind it, and further
-- pairs of them are empty items: so says what dump_stream writes.
local function by_blank_line(lines)
  local waiting, first_line = {}, nil
  local function read_more()
    local item, blank = {first_line}, 0
    first_line = nil
    for line in lines do
      if line ~= "" and blank > 0 then
        first_line = line
        break
      end
      if line == "" then blank = blank + 1 else item[#item + 1] = line end
    end
    if #item > 0 then
      local own = blank > 0 and blank % 2 == 0
      waiting[1] = table.concat(item, "\n") .. (own and "\n" or "")
      blank = blank - (own and 2 or 1)
    end
    for _ = 1, blank // 2 do waiting[#waiting + 1] = "" end
  end
  return function()
    if #waiting == 0 then read_more() end
    return table.remove(waiting, 1)
  end
end


-- load_stream(file | path [, delimiter]): an iterator over the strings that dump_stream wrote, or any others between lines that
-- are the delimiter (default: blank lines). The last needs no delimiter behind it; with a delimiter of your own, blank lines
-- belong to the items. An input for pipelines, not a worker.
function M.load_stream(file, delimiter)
  delimiter = check_delimiter("load_stream", delimiter)
  local opened, close = source("load_stream", file, "rb")
  local function lines()
    local line = opened and read_line("load_stream", opened, "l")
    if not line and opened then
      close()
      opened = nil
    end
    return line
  end
  return delimiter == "" and by_blank_line(lines) or by_delimiter(lines, delimiter)
end


-- dump_item_stream(inbox, file): append slot 1, any value that may travel, in papy's own format. One system call per item.
function M.dump_item_stream(inbox, file)
  local bytes = frames.pack(first_slot("dump_item_stream", inbox))
  return write("dump_item_stream", file, bytes)
end


-- load_item_stream(file | path): an iterator over the values that dump_item_stream wrote. Raises with the position where the file
-- holds something else, is cut off, or holds a function: code is not loaded from files.
function M.load_item_stream(file)
  local opened, close = source("load_item_stream", file, "rb")
  local position = opened:seek() or 0
  return function()
    if not opened then return nil end
    local ok, more, value, after = pcall(frames.read, opened, position)
    if ok and more then
      position = after
      return value
    end
    close()
    opened = nil
    if not ok then error("load_item_stream: " .. tostring(more), 0) end
  end
end


return M
