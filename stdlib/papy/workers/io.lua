-- papy.workers.io: items out of and into a pipeline. Streams hold many items in one file, items stand alone in files or fifos;
-- lines and chunks of files are inputs; json, csv and papy's own format make strings of values and back.
--
--   papy.Worker({f, io.item_dumps, io.dump_item})       upstream: bulk data goes into a file, a small handle downstream,
--   papy.Worker({io.load_item, io.item_loads, g})       where another worker reads it
local csv = require "papy.workers.csv"
local fault = require "papy.workers.fault"
local frames = require "papy.frames"
local fs = require "papy.fs"
local json = require "papy.workers.json"
local options = require "papy.options"
local streams = require "papy.workers.streams"

local M = {
  dump_stream = streams.dump_stream,
  load_stream = streams.load_stream,
  dump_item_stream = streams.dump_item_stream,
  load_item_stream = streams.load_item_stream,
  -- chunk_file(path | file [, size]): an iterator over chunks of whole lines; load_item gives a chunk's text
  chunk_file = papy.chunks,
}


local function first_slot(name, inbox)
  if type(inbox) ~= "table" or inbox[1] == nil then fault("%s: an inbox with an item in its first slot expected", name) end
  return inbox[1]
end


-- print_(inbox): print slot 1. Returns papy.null.
function M.print_(inbox)
  print(first_slot("print_", inbox))
  return papy.null
end


-- ---- items ----

local dump_spec = {type = "string", prefix = "string", suffix = "string", dir = "string", timeout = "limit"}
local load_spec = {type = "string", remove = "boolean", timeout = "limit"}
local TIMEOUT <const> = 320


-- {kind, place, extra}, also by these names
local function new_handle(kind, place, extra)
  return {kind, place, extra, kind = kind, place = place, extra = extra}
end


-- handle(path): the handle of a file that is there already, for load_item.
function M.handle(path)
  return new_handle("file", path, 0)
end


local function directory(dir)
  local real, why = fs.realpath(dir or fs.tempdir())
  if not real then fault("dump_item: no directory %s", why) end
  return real
end


-- dump_item(inbox [, options]): put slot 1, a string, aside and return a small handle {kind, place, extra} for load_item: kind
-- "file" or "fifo", place an absolute path, extra the number of bytes of a fifo and 0 for a file.
--
-- Options: type ("file", the default, stays until it is loaded; "fifo" keeps nothing on disk: a small process of its own holds
-- the bytes until they are read), prefix (default "tmp_papy_" and the type), suffix (""), dir (the directory for temporary
-- files), timeout (seconds a fifo waits for its reader, default 320; then it is gone, as it is when papy ends). Names are
-- unique, mode is 0600.
function M.dump_item(inbox, opts)
  local item = first_slot("dump_item", inbox)
  local o = options.check("dump_item", opts, dump_spec)
  local kind = o.type or "file"
  if kind ~= "file" and kind ~= "fifo" then
    fault("dump_item: type '%s' is not supported for now; the types are file and fifo", kind)
  end
  if type(item) ~= "string" then
    fault("dump_item: the item must be a string, got a %s; json_dumps or item_dumps make one of it", type(item))
  end
  local path, why = fs.temp(kind, {prefix = o.prefix or "tmp_papy_" .. kind, suffix = o.suffix, dir = directory(o.dir),
    text = kind == "file" and item or nil})
  if not path then fault("dump_item: %s", why) end
  if kind == "file" then return new_handle(kind, path, 0) end
  local fed
  fed, why = fs.feed(path, item, o.timeout or TIMEOUT)
  if not fed then
    os.remove(path)
    fault("dump_item: %s", why)
  end
  return new_handle(kind, path, #item)
end


local function is_chunk(x)
  local meta = debug.getmetatable(x)
  return type(x) == "userdata" and type(meta) == "table" and meta.__name == "papy.chunk"
end


-- the file of a handle that must be of that kind
local function check_place(kind, place)
  local found, why = fs.stat(place)
  if not found then
    fault("load_item: %s%s", why, kind == "fifo" and " (a fifo can be read once, and only until its timeout)" or "")
  end
  if found.kind ~= kind then fault("load_item: %s is a %s and no %s", place, found.kind, kind) end
end


local function load_fifo(place, size, seconds)
  local deadline = papy.now() + seconds
  local text, why
  repeat -- when another reader took a part of it, the fifo is made anew
    text, why = fs.read_fifo(place, math.max(0, deadline - papy.now()))
  until not text or #text == size or math.type(size) ~= "integer" or papy.now() >= deadline
  if not text then fault("load_item: %s", why) end
  os.remove(place)
  if math.type(size) == "integer" and #text ~= size then
    fault("load_item: %s: %d bytes came, %d were dumped", place, #text, size)
  end
  return text
end


-- load_item(inbox [, options]): the string that dump_item put aside; slot 1 is its handle. A chunk in slot 1 gives its text.
-- Options: remove (delete the file afterwards, default true; a fifo is always removed), timeout (seconds to wait for the bytes
-- of a fifo, default 320), type ("string"). Raises when the file is gone or the slot holds no handle.
function M.load_item(inbox, opts)
  local handle = first_slot("load_item", inbox)
  local o = options.check("load_item", opts, load_spec)
  if o.type and o.type ~= "string" then
    fault("load_item: type '%s' is not supported for now; the type is string", o.type)
  end
  if is_chunk(handle) then return handle:text() end
  local kind, place = type(handle) == "table" and handle[1], type(handle) == "table" and handle[2]
  if type(kind) ~= "string" or type(place) ~= "string" then
    fault("load_item: slot 1 must be a handle {kind, place, extra} or a chunk, got a %s", type(handle))
  end
  if kind ~= "file" and kind ~= "fifo" then
    fault("load_item: handles of kind '%s' are not supported for now; the kinds are file and fifo", kind)
  end
  if kind == "fifo" and o.remove == false then fault "load_item: a fifo is read once; remove = false is for files" end
  check_place(kind, place)
  if kind == "fifo" then return load_fifo(place, handle[3], o.timeout or TIMEOUT) end
  local text, why = fs.read(place)
  if not text then fault("load_item: %s", why) end
  if o.remove ~= false then os.remove(place) end
  return text
end


-- find_items{prefix = "tmp", suffix = "", dir = }: an iterator over the paths of files whose names begin and end so, sorted by
-- name; dir defaults to the directory for temporary files, where dump_item puts them. For going on with what a run has left
-- behind: io.handle(path) makes a handle of a path.
function M.find_items(opts)
  local o = options.check("find_items", opts, {prefix = "string", suffix = "string", dir = "string"})
  local prefix, suffix, dir = o.prefix or "tmp", o.suffix or "", o.dir or fs.tempdir()
  local names, why = fs.list(dir)
  if not names then fault("find_items: %s", why) end
  local i = 0
  return function()
    while i < #names do
      i = i + 1
      local name, path = names[i], dir .. "/" .. names[i]
      local fits = name:sub(1, #prefix) == prefix and (suffix == "" or name:sub(-#suffix) == suffix)
      if fits and #name >= #prefix + #suffix then
        local found = fs.stat(path)
        if found and found.kind == "file" then return path end
      end
    end
  end
end


-- ---- lines ----

local Lines = {__pure = true}
Lines.__index = Lines


-- lines:stop(): this was the last line.
function Lines:stop()
  self.stopped = true
end


-- the rest, a last line without its line break, unless it was stopped; and then nothing more
local function finish(self)
  local rest = self.rest
  self.close()
  self.read, self.rest = nil, ""
  if rest ~= "" and not self.stopped then return rest end
end


-- lines:try(): the next line and true; nil and true at the end; nil and false when the file has no more for now.
function Lines:try()
  if not self.read then return nil, true end
  if self.stopped or self.asked and self.asked() then
    self:stop()
    return finish(self), true
  end
  local line = self.read()
  if line and line:sub(-1) == "\n" then
    line, self.rest = self.rest .. line:sub(1, -2), ""
    return line, true
  end
  self.rest = self.rest .. (line or "")
  if not self.follow then return finish(self), true end
  return nil, false
end


function Lines:__call()
  while true do
    local line, there = self:try()
    if there then return line end
    papy.sleep(self.wait)
  end
end


function Lines:__close()
  if self.read then finish(self) end
end


-- a function that gives the next line of a log that is followed, with its line break, or nil when there is none yet
local function followed(path)
  local log, text, at = fs.follow(path), "", 1
  local function read()
    if at > #text then
      local why
      text, why = log:read()
      if why then fault("make_lines: %s", why) end
      text, at = text or "", 1
      if text ~= "" and text:sub(-1) ~= "\n" then text = text .. "\n" end
    end
    local first = at
    at = (text:find("\n", at, true) or #text) + 1
    return at > first and text:sub(first, at - 1) or nil
  end
  return read, function() log:close() end
end


local function read_lines(file)
  local opened, close = streams.source("make_lines", file, "rb")
  return function() return streams.read_line("make_lines", opened, "L") end, close
end


-- make_lines(path | file [, options]): an iterator over the lines of a file, without their line breaks; an input for pipelines.
-- Options: follow (true: at the end of the file wait for more, as tail -F does; a line is given when it is complete; a path
-- stands for whatever file has that name, also after rotation), wait (seconds between two looks, default 0.1; pools work on
-- meanwhile), stop (a function that is asked before each line and each look: once it returns true, the lines end).
-- lines:stop() ends them, too; lines:try() does not wait.
function M.make_lines(file, opts)
  local given, asked = {}, opts and opts.stop
  for key, value in pairs(opts or {}) do given[key] = key ~= "stop" and value or nil end
  local o = options.check("make_lines", given, {follow = "boolean", wait = "limit"})
  if asked ~= nil and type(asked) ~= "function" then fault("make_lines: option 'stop' must be a function") end
  local read, close = (o.follow and type(file) == "string" and followed or read_lines)(file)
  return setmetatable({read = read, close = close, follow = o.follow, wait = o.wait or 0.1, asked = asked, rest = ""}, Lines)
end


-- ---- strings of values ----

-- json_dumps(inbox): slot 1 as JSON text. Raises with the path to what JSON cannot say.
function M.json_dumps(inbox)
  return json.encode(first_slot("json_dumps", inbox))
end


-- json_loads(inbox): the value of the JSON text in slot 1; null becomes papy.null. Raises with line, column and byte.
function M.json_loads(inbox)
  return json.decode(first_slot("json_loads", inbox))
end


local csv_spec = {separator = "string", rows = "boolean"}

-- csv_dumps(inbox [, {separator = ",", rows = false}]): slot 1, a row of strings and numbers, as one line of CSV without its
-- end; with rows = true an array of rows as whole text, each line ended by CR LF.
function M.csv_dumps(inbox, opts)
  local o = options.check("csv_dumps", opts, csv_spec)
  local item = first_slot("csv_dumps", inbox)
  if type(item) ~= "table" then fault("csv_dumps: the item must be an array, got a %s", type(item)) end
  return o.rows and csv.encode(item, o) or csv.encode_row(item, o)
end


-- csv_loads(inbox [, {separator = ",", rows = false}]): the row of strings in the CSV text in slot 1, which must be one row; with
-- rows = true an array of all its rows. Raises with line, column and byte.
function M.csv_loads(inbox, opts)
  local o = options.check("csv_loads", opts, csv_spec)
  local rows = csv.decode(first_slot("csv_loads", inbox), o)
  if o.rows then return rows end
  if #rows ~= 1 then fault("csv_loads: one row expected, got %d; rows = true reads them all", #rows) end
  return rows[1]
end


-- item_dumps(inbox): slot 1, any value that may travel, as a string in papy's own format.
function M.item_dumps(inbox)
  return frames.pack(first_slot("item_dumps", inbox))
end


-- item_loads(inbox): the value in a string of item_dumps. Functions in it are refused.
function M.item_loads(inbox)
  return frames.unpack(first_slot("item_loads", inbox))
end


return M
