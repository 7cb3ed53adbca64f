-- items: a source as the input of a pool. In the host.
--
-- What gives items one after the other is a function of `wait`: the next item; nil at its end; LATER when there is none yet
-- and it is not to wait. A file that cannot be read is an item, too, in its place: {broken = sentence}.
local blocks = require "papy.blocks"
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"
local paths = require "papy.paths"

local M = {}

local SMALL <const> = 1 << 20       -- files up to this size are read whole; several share an item of about so many bytes
local FEW <const> = 64              -- and so many files at most
local SHARE <const> = 16            -- chunks of a large file for each worker
local LEAST <const>, MOST <const> = 64 << 10, 4 << 20 -- bytes of a chunk
local GATHER <const> = 256 << 10    -- bytes of strings of an iterator that make an item,
local GATHER_SECONDS <const> = 0.05 -- or those that came in this time
local LOOK_SECONDS <const> = 1      -- how often a followed glob is looked at for new files


local LATER <const> = false


local function is_chunk(x)
  local meta = debug.getmetatable(x)
  return type(x) == "userdata" and type(meta) == "table" and meta.__name == "papy.chunk"
end


-- ---- files, one after the other ----

local function broken(message, ...)
  return {broken = select("#", ...) > 0 and message:format(...) or message}
end


-- an iterator over the paths in a directory that are wanted: path; or nil, sentence; nil, nil at the end
local function directory(path, o)
  local walk = paths.walk(path, o.recursive)
  return function()
    while true do
      local found, why = walk()
      if not found then return nil, why end
      local wanted = (not o.include or o.include(found)) and not (o.exclude and o.exclude(found))
      local kind = wanted and core.fs.stat(found)
      if wanted and (not kind or kind.kind == "file") then return found end -- one that has vanished is an error later on
    end
  end
end


local function list(found)
  local i = 0
  return function()
    i = i + 1
    return found[i]
  end
end


-- Files of a source, entry by entry. An iterator: "path", path | "handle", entry | "iterator", entry | "broken", sentence | nil
local function each_file(source)
  local i, inner = 0, nil
  local wants_directories = source.recursive or source.include or source.exclude
  local function enter(path, wanted)
    local found = core.fs.stat(path)
    if not found or found.kind ~= "directory" then return "path", path end
    if wanted then inner = directory(path, source) end
  end
  local function next_entry(entry)
    if entry.kind == "path" and wants_directories then return enter(entry.value, true) end
    if entry.kind == "path" then return "path", entry.value end -- a directory was refused, and one that it has become will be
    if entry.kind ~= "glob" then return entry.kind, entry end
    local found = paths.glob(entry.value)
    if #found == 0 then return "broken", ("no file fits %s"):format(entry.value) end
    inner = list(found)
    return nil
  end
  local outer -- what a directory found by a glob interrupts
  return function()
    while true do
      local kind, value
      if inner then
        local path, why = inner()
        if path then
          local here = inner
          kind, value = enter(path, source.recursive)
          if inner ~= here then outer = here end
        elseif why then
          kind, value = "broken", why
        else
          inner, outer = outer, nil
        end
      else
        i = i + 1
        local entry = source.entries[i]
        if not entry then return nil end
        kind, value = next_entry(entry)
      end
      if kind then return kind, value end
    end
  end
end


-- ---- items ----

local function once(item)
  local given = item
  return function()
    item, given = given, nil
    return item
  end
end


-- the blocks of a source as items
local function from_source(self, source)
  local stream = core.source.stream(source, self.source.record_start, self.csv)
  self.opened[stream] = true
  return function(wait)
    local text, name, offset = stream:step(wait)
    if text then return {text = text, name = name, first = offset} end
    if text == nil then return name and broken(name) end
    return LATER
  end
end


local function open_stream(self, source, why)
  if not source then return once(broken(why)) end
  return from_source(self, source)
end


local function from_chunks(chunks)
  return function()
    local ok, chunk = pcall(chunks)
    return ok and chunk or not ok and broken(chunk) or nil
  end
end


local function cut(self, file, size)
  local share = math.max(LEAST, math.min(MOST, size // (SHARE * self.workers)))
  local ok, chunks = pcall(core.chunks.chunks, file, self.size or share)
  return ok and from_chunks(chunks) or once(broken(chunks))
end


-- Strings that come within a moment, a chunk that came after them, whether that was all.
local function some_strings(iterate)
  local parts, size, began = {}, 0, core.sys.now()
  repeat
    local value = iterate()
    if value == nil then return parts, nil, true end
    if is_chunk(value) then return parts, value end
    if type(value) ~= "string" then
      Error.raise("input", "open: an iterator must give strings or chunks, got %s", Error.render(value))
    end
    parts[#parts + 1] = value:sub(-1) == "\n" and value or value .. "\n"
    size = size + #value
  until size >= GATHER or core.sys.now() - began > GATHER_SECONDS
  return parts
end


local function from_iterator(self, entry)
  local source = core.source.fed(entry.name)
  local stream = from_source(self, source)
  local chunk, ended
  return function()
    while true do
      local item = stream(ended)
      if item or ended then return item end
      if chunk then
        item, chunk = chunk, nil
        return item
      end
      local parts
      parts, chunk, ended = some_strings(entry.value)
      if #parts > 0 then core.source.feed(source, table.concat(parts)) end
      if ended then core.source.feed(source) end
    end
  end
end


-- ---- files share items ----

-- take the files gathered so far
local function take_batch(self)
  local files = self.files
  self.files, self.files_size = {}, 0
  return #files > 0 and {files = files} or nil
end


local function gather(self, path, size)
  self.files[#self.files + 1] = path
  self.files_size = self.files_size + size
  if self.files_size >= SMALL or #self.files >= FEW then return once(take_batch(self)) end
  return nil
end


-- begin a file: what gives its items; nil when it waits for others
local function begin_path(self, path)
  local kind, size = core.source.sniff(path)
  if not kind then return once(broken(size)) end
  if kind == "directory" then return once(broken("cannot read %s: it is a directory", path)) end
  if kind == "other" then return once(broken("cannot read %s: it is a socket or a block device", path)) end
  if kind == "utf16" then return once(broken(blocks.utf16(path))) end
  if kind == "pipe" then return open_stream(self, core.source.file(path)) end
  if kind == "plain" and (size > SMALL or self.size) then return cut(self, path, size) end
  if kind == "packed" and size > SMALL then return once {files = {path}} end
  return gather(self, path, size)
end


local function begin_handle(self, entry)
  if core.source.at(entry.value) ~= 0 then return open_stream(self, core.source.handle(entry.value, entry.name)) end
  local size = entry.value:seek "end"
  entry.value:seek "set"
  return cut(self, entry.value, size)
end


local begin = {
  path = begin_path, handle = begin_handle, iterator = from_iterator,
  broken = function(_, message) return once(broken(message)) end,
}


-- Have self.inner give items; false: there are no more. What was gathered comes before what is begun after it.
local function advance(self)
  while not self.inner do
    local gathered = #self.files
    local kind, value = self.each()
    local begun = kind and begin[kind](self, value)
    local before = #self.files == gathered and take_batch(self)
    if before then
      self.inner, self.behind = once(before), begun
    else
      self.inner = begun
    end
    if not kind and not before then return false end
  end
  return true
end


local function next_item(self, wait)
  while not self.stopped and (self.inner or advance(self)) do
    local item = self.inner(wait)
    if item ~= nil then return item end
    self.inner, self.behind = self.behind, nil
  end
  return nil
end


-- ---- following ----

local function each_followed(source, visit)
  for _, entry in ipairs(source.entries) do
    local found = core.fs.stat(entry.value)
    if entry.kind == "glob" then
      for _, path in ipairs(paths.glob(entry.value)) do visit(path) end
    elseif found and found.kind == "directory" then
      local walk = directory(entry.value, source)
      for path in walk do visit(path) end
    else
      visit(entry.value)
    end
  end
end


-- files that appear later join; they are read from their start
local function look_for_more(self)
  local source, now = self.source, core.sys.now()
  if self.looked and now - self.looked < LOOK_SECONDS then return end
  each_followed(source, function(path)
    if self.followed[path] then return end
    local follow = core.source.follow(path, source.from == "end" and not self.looked, source.wait)
    self.followed[path] = true
    self.streams[#self.streams + 1] = from_source(self, follow)
  end)
  self.looked = now
end


-- of all files that are followed, in turn
local function next_followed(self, wait)
  while not self.stopped do
    look_for_more(self)
    for _ = 1, #self.streams do
      local stream = table.remove(self.streams, 1)
      local item = stream(false)
      if item ~= nil then self.streams[#self.streams + 1] = stream end -- nil: it was broken, and said so
      if item then return item end
    end
    if #self.streams == 0 and self.all_named then return nil end
    if not wait then
      core.pool.alarm(self.source.wait, true)
      return LATER
    end
    core.sys.sleep(self.source.wait)
  end
  return nil
end


-- ---- the input of a pool ----

local items_spec = {workers = "count", size = "count", csv = "string"}


local function has(source, kind)
  for _, entry in ipairs(source.entries) do
    if entry.kind == kind then return true end
  end
  return false
end


-- the name of what a source has that can be read only once, or nil
function M.once(source)
  for _, entry in ipairs(source.entries) do
    local found = entry.kind == "path" and core.fs.stat(entry.value)
    local is_stream = entry.kind == "handle" and core.source.at(entry.value) ~= 0 or found and found.kind == "fifo"
    if is_stream or entry.kind == "iterator" then return entry.name end
  end
  return nil
end


-- What can be read only once is not given again.
local function take(source)
  local name = M.once(source)
  if name and source.taken then
    Error.raise("input", "%s can be read only once, and has been: keep the records (collect), or ask for all in one answer "
      .. "(group_by)", name)
  end
  source.taken = true
end


-- Items: an input for a pool's add_task (callable; __pure, __pull: see numap.lua), with a method stop. Each item is small data (a
-- chunk, a table) or the text itself, and stands for a run of whole records; together, in order, they are the source.
-- how: workers (their number, default 1), size (bytes of a chunk; default a sixteenth of a worker's share of the file, 64 KiB to
-- 4 MiB), csv (its separator, where records may have newlines in quotes: a chunk may then begin inside one). All errors of files
-- come out of `blocks`, in the order of the records; only what an iterator raises is raised here, and that a source which can be
-- read only once was read.
function M.items(source, how)
  local o = options.check("items", how, items_spec)
  take(source)
  local self = {source = source, workers = o.workers or 1, size = o.size, csv = o.csv, files = {}, files_size = 0, streams = {},
    followed = {}, opened = setmetatable({}, {__mode = "k"})}
  self.all_named = not has(source, "glob") and not source.recursive and not source.include and not source.exclude
  self.each = each_file(source)
  local step = source.follow and next_followed or next_item
  local meta = {__name = "papy.items"}
  function meta.__call() return step(self, true) end
  if not has(source, "iterator") then -- an iterator may draw on tasks, and cannot say whether it would wait
    meta.__pure, meta.__wakes = true, true
    function meta.__pull()
      local item = step(self, false)
      if item == LATER then return end
      return item
    end
  end
  meta.__index = {stop = function() -- no further items; who writes into a pipe sees that nobody reads
    self.stopped = true
    for stream in pairs(self.opened) do stream:close() end
  end}
  return setmetatable({}, meta)
end


return M
