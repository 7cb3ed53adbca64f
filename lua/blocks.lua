-- blocks: the bytes of an item, in runs of whole records. In a worker.
local core = require "papy.core"
local Error = require "papy.error"

local M = {}


local function is_chunk(x)
  local meta = debug.getmetatable(x)
  return type(x) == "userdata" and type(meta) == "table" and meta.__name == "papy.chunk"
end


local function error_of(message)
  return Error.new {kind = "input", message = message}
end


-- the records that begin in a chunk
local function of_chunk(chunk, start)
  local given
  return function()
    if given then return nil end
    given = true
    local block, why = chunk, nil
    if start then block, why = core.chunks.within(chunk, start) end
    if block then return block, block.file, block.first end
    return nil, why and error_of(why)
  end
end


local function of_text(item)
  local text = item.text
  return function()
    local block = text
    text = nil
    if block then return block, item.name, item.first end
  end
end


local function of_source(source, start, csv)
  local stream = core.source.stream(source, start, csv)
  return function()
    local text, name, offset = stream:step(true)
    if text then return text, name, offset end
    return nil, name and error_of(name)
  end
end


local function of_nothing(message)
  local err = message and error_of(message)
  return function()
    local now = err
    err = nil
    return nil, now
  end
end


-- the module is loaded when the first compressed file is met
local function unpack_file(path)
  local ok, archive = pcall(require, "papy.archive")
  if not ok then return nil, ("cannot read %s: %s"):format(path, archive) end
  return archive.open(path)
end


-- why a file in UTF-16 is not read, and what helps
function M.utf16(path)
  return ("cannot read %s: it is in UTF-16; open(io.popen \"iconv -f UTF-16 -t UTF-8 FILE\") reads its text"):format(path)
end


local function of_file(path, start, csv)
  local kind, why = core.source.sniff(path)
  if not kind then return of_nothing(why) end
  if kind == "plain" then
    local ok, chunks = pcall(core.chunks.chunks, path, math.maxinteger)
    if not ok then return of_nothing(chunks) end
    local chunk = chunks()
    return chunk and of_chunk(chunk) or of_nothing()
  end
  local source
  if kind == "packed" then source, why = unpack_file(path)
  elseif kind == "unsized" then source, why = core.source.file(path)
  elseif kind == "utf16" then why = M.utf16(path)
  else why = ("cannot read %s: it was a file, and is none any more"):format(path) end
  if not source then return of_nothing(why) end
  return of_source(source, start, csv)
end


-- one file after the other; behind an error the next one
local function of_files(files, start, csv)
  local i, step = 0, of_nothing()
  return function()
    while true do
      local block, name, offset = step()
      if block or name then return block, name, offset end
      i = i + 1
      if not files[i] then return nil end
      step = of_file(files[i], start, csv)
    end
  end
end


-- The blocks of an item; start: the source's record_start, a regex or nil; csv: the separator of csv, whose records may have
-- newlines in quotes, or nil. A function that returns, each time it is called,
--   block, name, offset   a chunk or a string: one or more whole records; the name of the file (or of the member:
--                         "a.tar:b.log") for people; the offset of its first byte in it (uncompressed)
--   nil, err              where a file is broken: a papy.Error of kind "input" that names file and offset. All blocks before
--                         it are good; who wants to go on behind it calls again
--   nil                   at the end
-- A block is good until the next call. Records do not go from one block to the next, except those of csv from a chunk of a large
-- file to the next chunk.
function M.blocks(item, start, csv)
  if is_chunk(item) then return of_chunk(item, start) end
  if item.text then return of_text(item) end
  if item.files then return of_files(item.files, start, csv) end
  return of_nothing(item.broken)
end


return M
