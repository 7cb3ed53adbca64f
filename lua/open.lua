-- open: where a flow's bytes come from. For lua/flow.lua; users see it as the arguments of papy.open.
--
--   local source = open.source("logs/*.log", {on_error = "skip"})      in the host: checks the arguments, reads nothing
--   local input = open.items(source, {workers = 2})                    in the host: an input for a pool (lua/items.lua)
--   local step = open.blocks(item, source.record_start)                in a worker: the blocks of an item (lua/blocks.lua)
--   local block, name, offset = step()                                 a chunk, or a string of whole records, in order
--
-- A file is what its first bytes say, whatever its name. What can be cut (a large plain file) is cut into chunks; what cannot (a
-- compressed file, an archive) is one item, read by one worker as a stream; small files share an item; what only the host can
-- read (standard input, open files, iterators, logs that are followed) travels as text.
local blocks = require "papy.blocks"
local core = require "papy.core"
local Error = require "papy.error"
local items = require "papy.items"
local options = require "papy.options"
local paths = require "papy.paths"

local M = {items = items.items, once = items.once, blocks = blocks.blocks}

M.spec = {
  recursive = "boolean", follow = "boolean", from = {"start", "end"}, wait = "limit", on_error = {"raise", "skip"},
  record_start = "any", include = "any", exclude = "any",
}


-- a glob or several, as one function
local function any_of(what, globs)
  if globs == nil then return nil end
  local fits = {}
  for i, glob in ipairs(type(globs) == "table" and globs or {globs}) do
    if type(glob) ~= "string" then
      Error.raise("option", "open: option '%s' must be a glob or a list of them, got %s", what, Error.render(glob))
    end
    fits[i] = paths.matcher(glob)
  end
  return function(path)
    for _, fit in ipairs(fits) do
      if fit(path) then return true end
    end
    return false
  end
end


local function is_a(x, name)
  local meta = debug.getmetatable(x)
  return type(x) == "userdata" and type(meta) == "table" and meta.__name == name
end


local function regex_of(x)
  if x == nil or is_a(x, "papy.regex") then return x end
  if type(x) ~= "string" then
    Error.raise("option", "open: option 'record_start' must be a regex or a pattern, got %s", Error.render(x))
  end
  local ok, regex = pcall(core.regex.new, x)
  if not ok then Error.raise("option", "open: record_start: %s", regex) end
  return regex
end


local function check(opts)
  local o = options.check("open", opts, M.spec)
  o.record_start = regex_of(o.record_start)
  o.include, o.exclude = any_of("include", o.include), any_of("exclude", o.exclude)
  return o
end


local function is_callable(x)
  local meta = debug.getmetatable(x)
  return type(x) == "function" or type(meta) == "table" and meta.__call ~= nil
end


local function no_source(x)
  Error.raise("option", "open: a path, a glob, \"-\", an open file, an iterator of strings or a list of these expected, got %s",
    x == "" and "an empty string" or Error.render(x))
end


-- names of standard input; behind those with a path workers would find their own
local standard_input = {["-"] = true, ["/dev/stdin"] = true, ["/dev/fd/0"] = true, ["/proc/self/fd/0"] = true}


-- what a name stands for, as an entry
local function named(name, o)
  if name == "" or name:find("\0", 1, true) then no_source(name) end
  if standard_input[name] then return {kind = "handle", value = io.stdin, name = "standard input"} end
  local found, why = core.fs.stat(name)
  if not found and paths.is_glob(name) then return {kind = "glob", value = name, name = name} end
  if not found and not o.follow and o.on_error ~= "skip" then Error.raise("input", "open: cannot open %s", why) end
  if found and found.kind == "directory" and not (o.recursive or o.include or o.exclude) then
    Error.raise("input", "open: %s is a directory; {recursive = true} reads the files below it, {include = \"*\"} those in it",
      name)
  end
  return {kind = "path", value = name, name = name}
end


-- add to `entries` what x stands for: {kind = "path" "glob" "handle" "iterator", value, name}
local function add_entries(entries, x, o)
  local kind = io.type(x)
  if kind == "closed file" then Error.raise("input", "open: the file is closed") end
  local entry = type(x) == "string" and named(x, o) or kind and {kind = "handle", value = x, name = tostring(x)}
    or is_callable(x) and {kind = "iterator", value = x, name = "iterator"}
  if entry then
    if o.follow and entry.kind ~= "path" and entry.kind ~= "glob" then
      Error.raise("option", "open: only files can be followed, not %s", entry.name)
    end
    entries[#entries + 1] = entry
  elseif type(x) == "table" and (#x > 0 or next(x) == nil) then
    for _, each in ipairs(x) do add_entries(entries, each, o) end
  else
    no_source(x)
  end
end


-- What papy.open was given, checked. x: a path (of a file, a pipe, a directory), a glob ("logs/*.log", "**/*.gz"), "-" (standard
-- input), an open file of the io library (read from where it stands), an iterator of strings (each a line, or several) or of
-- chunks, or a list of these. opts:
--   recursive         directories stand for the files below them, at any depth (links to directories are not followed)
--   include, exclude  a glob or a list of globs for files in directories: for their names, or with a slash for whole paths;
--                     without recursive they choose among the files right in the directory
--   record_start      a regex: a record is a run of lines that begins at one that matches. Default: a record is a line
--   follow            stay with growing and rotated files until stopped; from = "start" (default) or "end" (only what comes
--                     from now on); wait = seconds between two looks, default 0.1
--   on_error          "raise" (default) or "skip": what to do with files that cannot be read; for whoever reads the blocks
-- Returns a table with these fields, what (a name for people) and entries. Raises kind "option" and "input".
function M.source(x, opts)
  local o = check(opts)
  o.on_error, o.wait, o.entries = o.on_error or "raise", o.wait or 0.1, {}
  add_entries(o.entries, x, o)
  if #o.entries == 0 then Error.raise("input", "open: an empty list: there is nothing to read") end
  local first = o.entries[1].name
  o.what = #o.entries == 1 and first or ("%s and %d more"):format(first, #o.entries - 1)
  return o
end


return M
