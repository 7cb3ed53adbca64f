-- papy.workers.script: an external program per item, in any language.
--
--   local script = papy.workers.script
--   local stage = papy.Worker(script, {{id = "count", executable = "python3", script = "count.py", dir = "out",
--     inputs = {"text"}, outputs = {{"counts", "json"}}, params = {least = 3}, timeout = 60}})
--   stage{{text = "data/a.txt"}}     --> {counts = "out/a_count-counts.json"}
--
-- An item is a table {port = path}. The program gets the path of a JSON file as its last argument:
-- {"params": {...}, "in": {port: path}, "out": {port: path}}; and the same, for shells, in the environment: PAPY_IN_port,
-- PAPY_OUT_port, PAPY_PARAM_name. What it exits with, and what it printed, is in the error of an item that fails.
local fault = require "papy.workers.fault"
local fs = require "papy.fs"
local json = require "papy.workers.json"
local log = require "papy.log"
local options = require "papy.options"
local templates = require "papy.workers.templates"

local M = {
  write_template = templates.write_template,
  get_config = templates.get_config,
}

local config_spec = {id = "string", script = "string", dir = "string", inputs = "table", outputs = "table",
  params = "table", preamble = "string", timeout = "limit"}

-- bytes of what a program printed that go into an error
local SHOWN <const> = 1 << 20


-- ---- the configuration ----

-- executable: a name, or an array of the name and its first arguments
local function words_of(executable)
  if type(executable) == "string" then return {executable} end
  if type(executable) ~= "table" or type(executable[1]) ~= "string" then
    fault "script: option 'executable' must be a string or an array of strings"
  end
  return table.move(executable, 1, #executable, 1, {})
end


local function check_outputs(outputs)
  local seen = {}
  for i, output in ipairs(outputs) do
    local port, ext = table.unpack(type(output) == "table" and output or {})
    if type(port) ~= "string" or (ext ~= nil and type(ext) ~= "string") then
      fault("script: output %d must be {port} or {port, extension}", i)
    end
    if port:find "[/%z]" or (ext or ""):find "[/%z]" then
      fault("script: port and extension are parts of file names, not %q", port .. " " .. (ext or ""))
    end
    if seen[port] then fault("script: output port '%s' stands twice", port) end
    seen[port] = true
  end
end


local function check_config(cfg)
  if type(cfg) ~= "table" then fault("script: a configuration table expected, got a %s", type(cfg)) end
  local rest = {}
  for key, value in pairs(cfg) do rest[key] = key ~= "executable" and value or nil end
  local o = options.check("script", rest, config_spec)
  for _, name in ipairs {"id", "inputs", "outputs"} do
    if o[name] == nil then fault("script: option '%s' is missing", name) end
  end
  if o.id == "" or o.id:find "[/%z]" then fault("script: option 'id' is a part of file names, not %q", o.id) end
  if cfg.executable == nil then fault "script: option 'executable' is missing" end
  o.executable = words_of(cfg.executable)
  for i, port in ipairs(o.inputs) do
    if type(port) ~= "string" then fault("script: input %d must be the name of a port, got a %s", i, type(port)) end
  end
  check_outputs(o.outputs)
  return o
end


-- ---- ports and paths ----

-- the input paths by port: the first slot of the inbox that has a port gives it
local function connect(o, inbox)
  local paths, missing, offered = {}, {}, {}
  for i, slot in ipairs(inbox) do
    if type(slot) ~= "table" then fault("script '%s': slot %d must be a table {port = path}, got a %s", o.id, i, type(slot)) end
    for port in pairs(slot) do offered[#offered + 1] = tostring(port) end
  end
  for _, port in ipairs(o.inputs) do
    for _, slot in ipairs(inbox) do
      if paths[port] == nil then paths[port] = slot[port] end
    end
    if paths[port] == nil then missing[#missing + 1] = port
    elseif type(paths[port]) ~= "string" then
      fault("script '%s': input port '%s' must be a path, got a %s", o.id, port, type(paths[port]))
    end
  end
  if #missing > 0 then
    table.sort(offered)
    fault("script '%s': input port%s not connected: %s; the inbox offers: %s", o.id, #missing > 1 and "s" or "",
      table.concat(missing, ", "), #offered > 0 and table.concat(offered, ", ") or "nothing")
  end
  return paths
end


-- the file's name up to its first dot
local function stem(path)
  return (path:gsub("/+$", ""):match "[^/]*$":match "^[^.]*")
end


-- 64 bits of the text, as 16 letters (FNV-1a)
local function digest(text)
  local h = 0xcbf29ce484222325
  for i = 1, #text do h = (h ~ text:byte(i)) * 0x100000001b3 end
  return ("%016x"):format(h)
end


-- Which item this is, in 16 letters: its input files.
local function identity(o, paths)
  local parts = {}
  for i, port in ipairs(o.inputs) do parts[i] = port .. "=" .. (fs.realpath(paths[port]) or paths[port]) end
  return digest(table.concat(parts, "\0"))
end


-- The first item that comes by a name keeps it, also in later runs: a link in dir/.papy says whose it is. Another item of the
-- same name gets its identity into its own.
local function claim(o, name, ext, who)
  local full = ext and ext ~= "" and name .. "." .. ext or name
  local path = o.dir .. "/.papy/" .. full
  if fs.symlink(who, path) or fs.readlink(path) == who then return full end
  return ("%s-%s%s"):format(name, who, full:sub(#name + 1))
end


local function same_ports(o)
  if #o.inputs ~= #o.outputs then return false end
  for i, port in ipairs(o.inputs) do
    if o.outputs[i][1] ~= port then return false end
  end
  return true
end


local function output_paths(o, paths)
  local outputs, same, who = {}, same_ports(o), identity(o, paths)
  for _, output in ipairs(o.outputs) do
    local port, ext = output[1], output[2]
    local from = o.inputs[1] and paths[same and port or o.inputs[1]]
    local name = (from and stem(from) .. "_" or "") .. (same and o.id or o.id .. "-" .. port)
    outputs[port] = o.dir .. "/" .. claim(o, name, ext, who)
  end
  return outputs
end


-- ---- running ----

local function environment(kind, values, env)
  for name, value in pairs(values) do
    if type(value) ~= "table" then
      env[("PAPY_%s_%s"):format(kind, tostring(name):gsub("[^%w_]", "_"))] = tostring(value)
    end
  end
end


local function command_of(o, argument)
  local argv = o.executable
  if o.script then argv[#argv + 1] = o.script end
  argv[#argv + 1] = argument
  if not o.preamble or o.preamble == "" then return argv end
  -- the preamble is a shell's text; what follows stays as it is
  return table.move(argv, 1, #argv, 5, {"sh", "-c", o.preamble .. '\nexec "$@"', "sh"})
end


local function last_line(text)
  return text:match "([^\n]*%S[^\n]*)%s*$"
end


local function how(ended, timeout)
  if ended.timed_out then return ("ran longer than its timeout of %g s and was killed"):format(timeout) end
  if ended.signal then return ("was killed by signal %d (%s)"):format(ended.signal, ended.signal_name) end
  if ended.status then return ("exited with status %d"):format(ended.status) end
  return "was killed together with its guardian"
end


-- an error of the item, with everything known about the program in its value
local function fail(o, what, ended)
  local hint = last_line(ended.stderr or "") or last_line(ended.stdout or "")
  local message = ("script '%s' (%s): %s%s"):format(o.id, o.script or o.executable[1], what, hint and ": " .. hint or "")
  error(papy.Error {
    kind = ended.timed_out and "timeout" or "function", message = message, traceback = debug.traceback(nil, 2),
    value = {id = o.id, script = o.script, status = ended.status, signal = ended.signal, timed_out = ended.timed_out,
      stdout = ended.stdout, stderr = ended.stderr},
  }, 0)
end


local function report(o, ended)
  local logger = log.logger(o.id)
  for line in ended.stdout:gmatch "[^\n]+" do logger.info("%s", line) end
  for line in ended.stderr:gmatch "[^\n]+" do logger.warn("%s", line) end
end


local function run(o, argument, env)
  local ended, why = fs.run(command_of(o, argument), {env = env, timeout = o.timeout, most = SHOWN})
  if not ended then fail(o, ("cannot run %s: %s"):format(o.preamble and "sh" or o.executable[1], why), {}) end
  report(o, ended)
  if ended.timed_out or ended.status ~= 0 then fail(o, how(ended, o.timeout), ended) end
  return ended
end


local function make_dirs(o)
  for _, dir in ipairs {o.dir, o.dir .. "/.papy"} do
    local made, why = fs.mkdir(dir)
    if not made then fault("script '%s': cannot make directory %s", o.id, why) end
  end
end


-- script(inbox, config): run the program for one item and return {port = path} of its outputs. Also papy.workers.script itself.
--
-- config: id (a short name, part of the outputs' names), executable (a program, or an array of it and its first arguments),
-- script (its next argument, optional), inputs ({port, ...}), outputs ({{port, extension}, ...}), params ({name = value}),
-- dir (where outputs go, made if missing; default "."), preamble (shell text that sh runs first, as "module load R"), timeout
-- (seconds, default none; then the program is killed with all its children).
--
-- Outputs are named dir/STEM_ID-PORT.EXT, where STEM is the name of the first input up to its first dot; STEM_ID.EXT when inputs
-- and outputs have the same ports. Another item whose names would be the same gets names of its own. The same inputs always get
-- the same names, so a second run replaces what the first has made (it is removed before the program runs), and an item that
-- stands twice in one stream does so, too: give one of them another path, or the stages another id or dir. Raises when an input
-- port is not connected, when the program does not exit with 0 (papy.Error with value.status, .signal, .stdout, .stderr) and
-- when it has not made an output. What a program prints goes to papy.log under its id.
function M.script(inbox, config)
  local o = check_config(config)
  if type(inbox) ~= "table" then fault("script '%s': the inbox must be an array, got a %s", o.id, type(inbox)) end
  o.dir = o.dir or "."
  local paths = connect(o, inbox)
  make_dirs(o)
  local outputs, params = output_paths(o, paths), o.params or {}
  local argument, why = fs.temp("file", {prefix = "papy_script_", suffix = ".json", text = json.encode {
    params = next(params) == nil and json.object() or params, ["in"] = json.object(paths), out = json.object(outputs)}})
  if not argument then fault("script '%s': %s", o.id, why) end
  local env = {}
  environment("IN", paths, env)
  environment("OUT", outputs, env)
  environment("PARAM", params, env)
  for _, path in pairs(outputs) do os.remove(path) end -- what an earlier run made is no sign of success
  local ok, ended = pcall(run, o, argument, env)
  os.remove(argument)
  if not ok then error(ended, 0) end
  for _, output in ipairs(o.outputs) do
    if not fs.stat(outputs[output[1]]) then
      fail(o, ("has not made its output '%s' (%s)"):format(output[1], outputs[output[1]]), ended)
    end
  end
  return setmetatable(outputs, nil)
end


-- For scripts in Lua that papy runs: arguments([path]) reads the JSON file (default: the last argument of the script) and
-- returns the tables IN, OUT and PARAMS.
function M.arguments(path)
  path = path or arg[#arg]
  local text, why = fs.read(path)
  if not text then fault("arguments: %s", why) end
  local args = json.decode(text)
  return args["in"], args.out, args.params
end


return setmetatable(M, {__call = function(_, inbox, config) return M.script(inbox, config) end})
