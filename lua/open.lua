-- open: where a flow's bytes come from. For lua/flow.lua; users see it as the arguments of papy.open.
--
--   local source = open.source("logs/*.log", {recursive = true})       in the host: checks the arguments, reads nothing
--   local input = open.items(source, {workers = 2})                    in the host: an input for a pool, items that may travel
--   local step = open.blocks(item, source)                             in a worker: the blocks of one item
--   for block, name, offset in step do ... end                         a chunk, or a string of whole records, in order
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local spec = {
  recursive = "boolean", follow = "boolean", on_error = {"raise", "skip"},
}


-- What papy.open was given, checked. x: a path; a list of what may be given; ...
-- Returns {what = a short name for people, record_start = regex or nil, follow =, on_error = "raise" or "skip", ...}. The source may
-- travel to workers as part of a plan.
function M.source(x, opts)
  local o = options.check("open", opts, spec)
  if type(x) ~= "string" then Error.raise("option", "open: a path expected, got %s", Error.render(x)) end
  return {what = x, paths = {x}, on_error = o.on_error or "raise"}
end


-- Items: an input for a pool's add_task (callable; __pure, __ready). Each is small data (a chunk, a table) or the text itself, and
-- stands for a run of whole records; together, in order, they are the source. how: {workers = number of workers, size = bytes of a
-- chunk, default adapted to the file and the workers}.
--
-- A file that cannot be read is an item, too, in its place: its blocks are an error. So every error of a source comes out of
-- `blocks`, in the order of the records.
function M.items(source, how)
  return core.chunks.chunks(source.paths[1], how and how.size)
end


-- The blocks of an item: a function that returns, each time it is called,
--   block, name, offset    a chunk or a string: one or more whole records; the name of the file (or member "a.tar:b.log") for people;
--                          the offset of its first byte in it (uncompressed)
--   nil                    at the end
--   nil, err               where the source is broken: a papy.Error of kind "input" that names file and offset; all blocks before it
--                          are good. The end comes after it.
function M.blocks(item, source) -- luacheck: no unused args
  local given
  return function()
    if given then return nil end
    given = true
    return item, item.file, item.first
  end
end


return M
