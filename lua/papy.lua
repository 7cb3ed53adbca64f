-- papy: the table a user sees. Parts that are not always wanted are loaded when first touched.
local core = require "papy.core"
local numap = require "papy.numap"
local worker = require "papy.worker" -- now, since what travels to a thread must be known there
local zip = require "papy.zip"

local papy = {
  version = "0.1.0",
  null = core.sys.null,      -- what a function that returns nothing has produced; JSON's null
  now = core.sys.now,        -- now(): monotonic seconds
  cpus = core.sys.cpus,      -- cpus(): processors this process may use
  sleep = core.sys.sleep,    -- sleep(seconds): wait while the pools work on
  regex = core.regex.new,    -- regex(pattern [, flags])
  chunks = core.chunks.chunks, -- chunks(path | file [, size])
  class = core.codec.class,  -- class(name, metatable): tables with this metatable may travel
  Error = require("papy.error").class,
  NuMap = numap.NuMap,
  IMap = numap.NuMap,
  zip = zip.zip,
  Worker = worker.Worker,
}

-- parts that are loaded when first touched: name = module, which is the part or has it under that name
local lazy = {
  Graph = "papy.graph",
  log = "papy.log", fs = "papy.fs", workers = "papy.workers", formats = "papy.formats",
  Piper = "papy.piper",
  Dagger = "papy.dagger",
  Plumber = "papy.plumber",
}

setmetatable(papy, {__index = function(_, name)
  local module = lazy[name]
  if not module then return nil end
  local part = require(module)
  papy[name] = part[name] or part
  return papy[name]
end})

return papy
