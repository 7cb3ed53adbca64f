-- fs: files, directories and programs, where Lua's io and os libraries end. Public: papy.fs.
--
-- As in the io library, what the system refuses is not raised but returned: nil, a sentence, errno. Wrong arguments are raised.
local core = require "papy.core"
local Error = require "papy.error"
local options = require "papy.options"

local M = {
  stat = core.fs.stat,         -- stat(path): {kind = "file" "directory" "fifo" "other", size =, mtime =, mode =}
  realpath = core.fs.realpath, -- realpath(path): absolute and without links; the file must exist
  symlink = core.fs.symlink,   -- symlink(text, path)
  readlink = core.fs.readlink, -- readlink(path): the text
  write = core.fs.write,       -- write(file, text): an open file; one system call, so that many writers do not get mixed
  program = core.fs.program,   -- program(): path of the papy that runs
}


-- Where temporary files go: $TMPDIR, or /tmp.
function M.tempdir()
  local dir = os.getenv "TMPDIR"
  return dir and dir ~= "" and dir or "/tmp"
end


-- Make a directory, and those above it that are missing. One that exists is as good.
function M.mkdir(path)
  local made, why, code = core.fs.mkdir(path)
  if made then return true end
  local above = path:match "^(.*[^/])/+[^/]+/*$"
  if not above or core.fs.stat(above) or not M.mkdir(above) then return nil, why, code end
  return core.fs.mkdir(path)
end


-- The names in a directory, sorted, without "." and "..".
function M.list(path)
  local names, why, code = core.fs.list(path)
  if names then table.sort(names) end
  return names, why, code
end


-- All bytes of a file.
function M.read(path)
  local file, why, code = io.open(path, "rb")
  if not file then return nil, why, code end
  local text
  text, why, code = file:read "a"
  file:close()
  return text, why, code
end


-- ---- logs ----

local Follow = {}
Follow.__index = Follow


-- follow:read(): whole lines that have come since the last call, as one text; nil when there are none yet. What a file that was
-- replaced ended in counts as a line. nil and a sentence when the file cannot be read.
function Follow:read()
  local text, why = self.stream:step(false)
  if text then return text end
  return nil, text == nil and (why or "closed") or nil
end


function Follow:close()
  self.stream:close()
end


-- Stay with the file of that name: what is appended to it and, when it is renamed, deleted or made shorter, what takes its
-- place. It need not exist yet. Options: from ("start", the default, or "end": only what comes from now on).
function M.follow(path, opts)
  local o = options.check("follow", opts, {from = {"start", "end"}})
  return setmetatable({stream = core.source.stream(core.source.follow(path, o.from == "end", 1))}, Follow)
end


-- Make a file, fifo or directory under a name that nobody else has, for its owner only (mode 0600, 0700), and return its path.
-- kind: "file" "fifo" "directory". Options: prefix ("papy_"), suffix (""), dir (papy.fs.tempdir()), text (of a file).
function M.temp(kind, opts)
  local o = options.check("temp", opts, {prefix = "string", suffix = "string", dir = "string", text = "string"})
  return core.fs.temp(kind, (o.dir or M.tempdir()) .. "/" .. (o.prefix or "papy_"), o.suffix or "", o.text)
end


-- ---- programs ----

local run_spec = {env = "table", stdin = "string", dir = "string", timeout = "limit", most = "count"}


local function strings(what, list)
  local result = {}
  for i, word in ipairs(list) do
    if type(word) ~= "string" and type(word) ~= "number" then
      Error.raise("option", "%s must be strings, got %s", what, Error.render(word))
    end
    result[i] = tostring(word)
    if result[i]:find("\0", 1, true) then Error.raise("option", "%s: a zero byte in %s", what, Error.render(word)) end
  end
  return result
end


-- this process's environment with `changes`: a value of false takes a name away
local function environment(changes)
  local result, pairs_of = {}, {}
  for _, pair in ipairs(core.run.environment()) do
    local name = pair:match "^([^=]*)="
    if not name or changes[name] == nil then result[#result + 1] = pair end
  end
  for name, value in pairs(changes) do
    if type(name) ~= "string" or name == "" or name:find "[=%z]" then
      Error.raise("option", "run: %s cannot be the name of an environment variable", Error.render(name))
    end
    if value then pairs_of[#pairs_of + 1] = ("%s=%s"):format(name, strings("run: values of env", {value})[1]) end
  end
  table.sort(pairs_of)
  return table.move(pairs_of, 1, #pairs_of, #result + 1, result)
end


-- Run a program to its end. argv: its name (looked for in PATH) and arguments, which reach it literally: no shell is involved.
-- Options: env ({NAME = value}, added to this environment; false removes), stdin (what it reads; default nothing), dir (where
-- it runs; default here), timeout (seconds, default none: then it is ended, with all its children), most (bytes kept of each
-- output, the last ones; default 16 MiB).
--
-- Returns {status = its exit status, or signal = and signal_name = what killed it, timed_out = boolean, stdout =, stderr =,
-- cut = true when an output was longer than `most`}; nil, a sentence and errno when it cannot be started. Pools of this
-- process work on meanwhile. When the program ends, what is left of its process group is killed; the same happens when papy,
-- or the worker that runs it, ends first.
function M.run(argv, opts)
  local o = options.check("run", opts, run_spec)
  if type(argv) ~= "table" or argv[1] == nil then
    Error.raise("option", "run: an array {program, argument, ...} expected, got %s", Error.render(argv))
  end
  return core.run.run(strings("run: arguments", argv), environment(o.env or {}), o.dir, o.stdin, o.timeout, o.most or 16 << 20)
end


-- ---- fifos ----

local feeders = {}


-- Make the bytes come out of the fifo `path` (absolute): a process of its own waits for a reader, for at most `seconds`
-- (default for ever) and as long as papy lives; then it removes the fifo.
function M.feed(path, bytes, seconds)
  for pid in pairs(feeders) do
    if core.run.fed(pid) then feeders[pid] = nil end
  end
  local pid, why, code = core.run.feed(path, bytes, seconds)
  if not pid then return nil, why, code end
  feeders[pid] = true
  return true
end


-- All that comes out of a fifo until its writer closes it. nil and why after `seconds` (default: waits for ever).
M.read_fifo = core.run.read_fifo


return M
