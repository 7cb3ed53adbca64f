-- log: what happens, one line per event, from the host and all workers. Silent until it is started.
--
--   papy.log.start{file = "job.log"}            -- or {stream = io.stderr}; before the workers start
--   papy.log.info("%d files", #files)           -- INFO 17:03:11,204 [papy] - 12 files
--   local log = papy.log.logger "parse"         -- the same under another name
--   log.warn("line %d is empty", n)
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local levels = {"debug", "info", "warn", "error"}
local start_spec = {file = "string", size = "natural", number = "natural", level = {"debug", "info", "warn", "error"}}


-- the option stream: true, or an open file
local function stream_of(opts, file)
  local stream = opts.stream
  if stream == nil then return not file and io.stderr or nil end
  if stream == true then return io.stderr end
  if stream == false then return nil end
  if io.type(stream) ~= "file" then
    Error.raise("option", "log: option 'stream' must be an open file or true (standard error), got %s", Error.render(stream))
  end
  return stream
end


-- Start logging, or change how: forked workers log as the host did when they were forked, threads as the host does.
-- Options: file (a path), size (bytes at which the file is renamed to file.1, file.1 to file.2, ...; default 524288, 0: never),
-- number (how many of those are kept, default 3), level (the least that is written: "debug" "info" "warn" "error", default
-- "info"), stream (an open file, or true for standard error; the default when there is no file). The file must be writable.
function M.start(opts)
  opts = opts or {}
  local checked = {}
  for key, value in pairs(type(opts) == "table" and opts or {}) do
    if key ~= "stream" then checked[key] = value end
  end
  local o = options.check("log", type(opts) == "table" and checked or opts, start_spec)
  local stream = stream_of(opts, o.file)
  if o.file then
    local file, why = io.open(o.file, "a")
    if not file then Error.raise("option", "log: cannot write %s", why) end
    file:close()
  end
  core.log.set(o.level or "info", o.file, o.size or 524288, o.number or 3, stream)
end


-- Write no more.
function M.stop()
  core.log.set("off", nil, 0, 0, nil)
end


-- The least level that is written, "off" when there is none.
M.level = core.log.level

-- enabled(level): would an event of that level be written? For messages that are costly to make.
M.enabled = core.log.enabled


local function text_of(message, ...)
  if select("#", ...) == 0 then return tostring(message) end
  local ok, text = pcall(string.format, message, ...)
  if ok then return text end
  local parts = {tostring(message)} -- a wrong format must not end the work
  for i = 1, select("#", ...) do parts[i + 1] = tostring((select(i, ...))) end
  return table.concat(parts, " ")
end


local names = setmetatable({}, {__mode = "k"}) -- logger -> name


-- A logger with the functions debug, info, warn and error, whose lines bear `name`. Each takes a format with its values, or any
-- one value, and writes one line; line breaks in it are written as \n.
function M.logger(name)
  if type(name) ~= "string" then Error.raise("option", "logger: a name expected, got %s", Error.render(name)) end
  local logger = {}
  names[logger] = name
  for _, level in ipairs(levels) do
    -- A format with its values, or any one value, as one line of the log at this level.
    logger[level] = function(...)
      if core.log.enabled(level) then core.log.write(level, name, text_of(...)) end
    end
  end
  return logger
end


-- The name of a logger, nil for every other value.
function M.name_of(logger)
  return names[logger]
end


for level, write in pairs(M.logger "papy") do M[level] = write end

return M
