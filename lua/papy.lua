-- papy: the table a user sees. Parts that are not always wanted are loaded when first touched.
local core = require "papy.core"
local numap = require "papy.numap"
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
}

return papy
