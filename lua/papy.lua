-- papy: the table a user sees. Parts that are not always wanted are loaded when first touched.
local core = require "papy.core"
local numap = require "papy.numap"
local worker = require "papy.worker" -- now, since what travels to a thread must be known there
local zip = require "papy.zip"

local papy = {
  version = "0.1.0",         -- of this program
  null = core.sys.null,      -- what a function that returns nothing has produced; JSON's null
  now = core.sys.now,        -- now(): monotonic seconds
  cpus = core.sys.cpus,      -- cpus(): processors this process may use
  sleep = core.sys.sleep,    -- sleep(seconds): wait while the pools work on
  -- regex(pattern [, flags]): a compiled pattern in Perl's syntax, as PCRE2 has it; flags: letters out of
  -- i (either case), m (^ and $ at every line), s (a dot matches newlines), x (blanks and #comments are ignored), u (UTF-8).
  --
  --   re:count(text)                 how many matches are in a string, or in a chunk (there line by line)
  --   re:find(text [, init])         first, last, captures..., as string.find
  --   re:match(text [, init])        captures..., or the whole match, as string.match; nil when there is none
  --   re:groups(text [, init])       {[0] = the match, captures..., name = capture...}
  --   re:gmatch(text [, init])       an iterator over all matches, as string.gmatch
  --   re:gsub(text, repl [, n])      the text with matches replaced and their number, as string.gsub
  regex = core.regex.new,
  -- chunks(path | file [, size]): an iterator over the file in pieces of about `size` bytes that end at a newline.
  --
  --   chunk.file, chunk.first, chunk.last    where it is: bytes from 0, both included
  --   chunk:text()                           its bytes as a string
  --   chunk:lines()                          an iterator over its lines
  --   chunk:count(regex)                     how many of its lines match, as grep -c counts them
  --   chunk:find(regex), :match(regex), :gmatch(regex)   as the regex's own
  chunks = core.chunks.chunks,
  class = core.codec.class,  -- class(name, metatable): tables with this metatable may travel
  -- Error: what papy raises, and what stands in the place of an item that failed. Fields: kind, message, traceback, value, task,
  -- index, item, name, piper, pool, attempts, causes, results. A function may raise or return one: papy.Error{kind = "quota",
  -- message = "no more"}, with any further fields.
  Error = require("papy.error").class,
  NuMap = numap.NuMap,
  IMap = numap.NuMap,
  zip = zip.zip,
  Worker = worker.Worker,
}

-- parts that are loaded when first touched: name = module, which is the part or has it under that name
local lazy = {
  Graph = "papy.graph",
  help = "papy.help",
  log = "papy.log", fs = "papy.fs", workers = "papy.workers", formats = "papy.formats",
  Piper = "papy.piper",
  Dagger = "papy.dagger",
  Plumber = "papy.plumber",
  open = "papy.flow",
  show = "papy.show", write = "papy.write",
}

setmetatable(papy, {__index = function(_, name)
  local module = lazy[name]
  if not module then return nil end
  local part = require(module)
  papy[name] = part[name] or part
  return papy[name]
end})

return papy
