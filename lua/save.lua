-- save: a pipeline written as a script that papy runs, and read back from it.
local Error = require "papy.error"
local Writer = require "papy.writer"
local literal = require "papy.literal"
local topology = require "papy.topology"
local whole = require "papy.whole"

local M = {}

local head = [[
-- A pipeline saved by papy.
local papy = require "papy"

]]

local tail = [[

-- `papy this.lua FILE...` runs it on the lines of the files, one file for each input
if ... then
  local inputs = {}
  for k, path in ipairs {...} do inputs[k] = io.lines(path) end
  pipeline:start(inputs)
  pipeline:run()
  assert(pipeline:wait())
  pipeline:stop()
end

return pipeline
]]


-- ---- pools ----

local function pool_options(pool)
  local o = {worker_num = pool.worker_num, buffer = pool.buffer}
  if pool.worker_type ~= "process" then o.worker_type = pool.worker_type end
  if pool.stride ~= pool.worker_num then o.stride = pool.stride end
  if not pool.ordered then o.ordered = false end
  if pool.skip then o.skip = true end
  if pool.batch ~= 1 then o.batch = pool.batch end
  if pool.transport ~= (os.getenv "PAPY_TRANSPORT" or "shm") then o.transport = pool.transport end
  if not pool.name:find "^numap_%d+$" then o.name = pool.name end
  return o
end


local function write_pools(writer, dagger)
  local written = {}
  for _, piper in ipairs(dagger:nodes()) do
    local pool = piper.parallel
    if pool and not written[pool] then
      written[pool] = writer:name(pool.name:find "^numap_%d+$" and "pool" or pool.name)
      writer:add("local %s = papy.NuMap %s", written[pool], literal.options(pool_options(pool)))
    end
  end
  return written
end


-- ---- pipers ----

local defaults = {consume = 1, produce = 1, spawn = 1, debug = false, track = false, repeats = false, fuse = true}


-- The name it was given; others are made anew, so that they are not those of other pipers.
local function own_name(piper)
  return not piper.name:find "^piper_%d+$" and piper.name or nil
end


local function piper_options(dagger, piper)
  local o = {name = own_name(piper), branch = dagger.graph:node(piper).branch, timeout = piper.timeout}
  for option, default in pairs(defaults) do
    if piper[option] ~= nil and piper[option] ~= default then o[option] = piper[option] end
  end
  return o
end


local function worker_text(writer, piper)
  return writer:worker(piper.worker, ("piper '%s'"):format(piper.name), own_name(piper))
end


local function reference(piper, pipers)
  return pipers .. literal.index(piper.name, literal.quote(piper.name))
end


local function write_pipers(writer, dagger, workers, pools, pipers)
  writer:gap()
  writer:add("local %s = {}", pipers)
  for i, piper in ipairs(dagger:nodes()) do
    local pool = piper.parallel and "parallel = " .. pools[piper.parallel] or nil
    local options = literal.options(piper_options(dagger, piper), pool)
    writer:add("%s = papy.Piper(%s%s)", reference(piper, pipers), workers[i], options ~= "{}" and ", " .. options or "")
  end
end


-- ---- pipes ----

-- The edges as pipes {a, b, …}, as long as they go.
local function chains(dagger, pipers)
  local found, written = {}, {}
  local function follow(piper, chain)
    chain[#chain + 1] = reference(piper, pipers)
    for _, down in ipairs(topology.downstreams(dagger, piper)) do
      written[piper] = written[piper] or {}
      if not written[piper][down] then
        written[piper][down] = true
        return follow(down, chain)
      end
    end
    return chain
  end
  for _, piper in ipairs(dagger:postorder()) do
    repeat
      local chain = follow(piper, {})
      if #chain > 1 then found[#found + 1] = "{" .. table.concat(chain, ", ") .. "}" end
    until #chain == 1
  end
  return found
end


local function list(items)
  local line = "{" .. table.concat(items, ", ") .. "}"
  return #line < 90 and line or "{\n    " .. table.concat(items, ",\n    ") .. ",\n  }"
end


local function write_pipeline(writer, dagger, pipers, pipeline)
  local references = {}
  for i, piper in ipairs(dagger:nodes()) do references[i] = reference(piper, pipers) end
  writer:gap()
  writer:named(dagger, pipeline, ("papy.Plumber {\n  pipers = %s,\n  pipes = %s,\n}"):format(list(references),
    list(chains(dagger, pipers))))
end


local function script(dagger, globals)
  local writer, workers = Writer.new(globals), {}
  local pipeline = writer:expect(dagger, "pipeline")
  local pipers = writer:name "pipers"
  for i, piper in ipairs(dagger:nodes()) do workers[i] = worker_text(writer, piper) end
  local pools = write_pools(writer, dagger)
  write_pipers(writer, dagger, workers, pools, pipers)
  write_pipeline(writer, dagger, pipers, pipeline)
  return head .. writer:text() .. "\n" .. tail:gsub("pipeline([:\n])", pipeline .. "%1")
end


-- The script for a dagger. Raises kind "plumber" for what cannot be written, naming the way to it.
function M.text(dagger)
  local globals = {papy = true}
  local ok, text = pcall(script, dagger, globals)
  while text == Writer.again do ok, text = pcall(script, dagger, globals) end
  if not ok then error(text, 0) end
  local good, why = load(text, "=saved", "t")
  if not good then Error.raise("plumber", "save: the script would not be correct: %s", why) end
  return text
end


-- ---- the methods of a plumber ----

local Saving = {}


local function check_path(what, path)
  if type(path) ~= "string" or path == "" then Error.raise("plumber", "%s: a path expected, got %s", what, Error.render(path)) end
end


-- Write the pipeline as a readable script that builds it again: functions by their source text with the variables, tables and
-- functions they use, as they are now; workers, arguments, pools, pipers and pipes; not the data. Modules are required, so they
-- must be found where the script runs. `papy path FILE…` runs it on the lines of files. Raises kind "plumber" when
-- something cannot be written as text, naming it, and when the file cannot be written; what was there is still there then.
function Saving:save(path)
  check_path("save", path)
  local text = M.text(self)
  local target, why = whole.open(path)
  if not target then Error.raise("plumber", "save: %s", why) end
  local done, problem = target.file:write(text)
  if done then done, problem = target.finish() end
  if done then return end
  target.give_up()
  Error.raise("plumber", "save: cannot write '%s': %s", path, problem)
end


local function add_all(self, loaded, added)
  for _, piper in ipairs(loaded:nodes()) do
    local _, new = self:add_piper(piper, {branch = loaded.graph:node(piper).branch})
    if new then added[#added + 1] = piper end
  end
  for _, edge in ipairs(loaded:edges()) do self:add_pipe {edge[2], edge[1]} end
end


-- Add the pipers and pipes of a saved pipeline, or of any script that returns a Dagger or Plumber, to this one. The script is
-- run, with all rights of this program.
function Saving:load(path)
  check_path("load", path)
  if self.started or self.wired then Error.raise("plumber", "load: the pipeline is started; stop() it first") end
  local chunk, why = loadfile(path, "t")
  if not chunk then Error.raise("plumber", "load: %s", why) end
  local loaded = chunk()
  if type(loaded) ~= "table" or not loaded.graph or not loaded.get_inputs then
    Error.raise("plumber", "load: '%s' returns no pipeline but %s", path, Error.render(loaded))
  end
  local added = {}
  local ok, problem = pcall(add_all, self, loaded, added)
  if ok then return end
  for _, piper in ipairs(added) do self:del_piper(piper, {force = true}) end
  error(problem, 0)
end


M.methods = Saving

return M
