-- wiring: the methods of a dagger that bring its pipers to life and to rest: connect, start, stop, disconnect.
local Error = require "papy.error"
local Gate = require "papy.gate"
local Pump = require "papy.pump"
local options = require "papy.options"
local topology = require "papy.topology"

local Wiring = {}

local force_spec = {force = "boolean"}

-- which dagger has connected a piper; a piper dropped together with its dagger is forgotten
local user_of = setmetatable({}, {__mode = "kv"})


local function refuse(message, ...)
  Error.raise("dagger", message, ...)
end


local function name_list(pipers)
  local names = {}
  for i, piper in ipairs(pipers) do names[i] = "'" .. piper.name .. "'" end
  return table.concat(names, ", ")
end


local function backwards(list)
  local i = #list + 1
  return function()
    i = i - 1
    return list[i]
  end
end


-- ---- connecting ----

-- The inputs that nobody has given data yet: a piper connected by hand has its own.
local function open_inputs(self)
  local open = {}
  for _, piper in ipairs(self:get_inputs()) do
    if not piper.connected then open[#open + 1] = piper end
  end
  return open
end


local function must_be_free(self)
  for _, piper in ipairs(self:nodes()) do
    local user = user_of[piper]
    if piper.connected and user and user ~= self then
      refuse("piper '%s' is in use by another pipeline; stop that one first", piper.name)
    end
  end
end


-- A gate for each data set; the message names the input without one.
local function make_gates(inputs, datas)
  if type(datas) ~= "table" or getmetatable(datas) then
    refuse("an array with one data set per input expected, got %s", Error.render(datas))
  end
  local gates = {}
  for k, piper in ipairs(inputs) do
    local data = datas[k]
    if data == nil then
      refuse("no data for input '%s'; the inputs are, in order: %s", piper.name, name_list(inputs))
    end
    gates[k] = Gate.new(data, piper.name)
    if not gates[k] then
      refuse("data set %d, for input '%s', must be an array, an iterator or a task, got %s; data sets stand in an array: "
        .. "{{1, 2, 3}}", k, piper.name, Error.render(data))
    end
  end
  for k in pairs(datas) do
    if math.type(k) ~= "integer" or k < 1 or k > #inputs then
      refuse("data set %s is superfluous: there %s %d input%s without data%s%s", Error.render(k), #inputs == 1 and "is" or "are",
        #inputs, #inputs == 1 and "" or "s", #inputs > 0 and ": " or "", name_list(inputs))
    end
  end
  return gates
end


-- Connect piper to its inbox and note it; a refusal undoes what `done` lists.
local function connect_piper(self, piper, inbox, done)
  local ok, why = pcall(piper.connect, piper, inbox)
  if ok then
    user_of[piper] = self
    done[#done + 1] = piper
    return
  end
  for connected in backwards(done) do
    pcall(connected.disconnect, connected, {force = true})
    user_of[connected] = nil
  end
  error(why, 0)
end


local function connect_to_data(self, datas, done)
  local inputs = open_inputs(self)
  local gates = make_gates(inputs, datas)
  for k, piper in ipairs(inputs) do connect_piper(self, piper, {gates[k]}, done) end
  table.move(gates, 1, #gates, #self.gates + 1, self.gates)
end


-- Connect the inputs to their data: data set k to the k-th of get_inputs(). Raises kind "dagger" when one is missing, naming
-- the input, or superfluous; nothing is connected then.
function Wiring:connect_inputs(datas)
  must_be_free(self)
  connect_to_data(self, datas, {})
end


-- Connect all pipers along the pipes, upstream first, and the inputs to `datas` if given. Pipers that are connected stay so.
function Wiring:connect(datas)
  if self.wired then refuse("connect: the pipeline is connected already; disconnect() it first") end
  must_be_free(self)
  local done = {}
  if datas ~= nil then connect_to_data(self, datas, done) end
  local missing = open_inputs(self)
  if #missing > 0 then
    for piper in backwards(done) do piper:disconnect {force = true} end
    refuse("connect: no data for input %s", name_list(missing))
  end
  for _, piper in ipairs(self:postorder()) do
    if not piper.connected then connect_piper(self, piper, topology.slots(self, piper), done) end
  end
  self.wired = true
end


-- Take all pipers apart again, downstream first. opts: force = true, also the tasks that others have added to the same pools.
function Wiring:disconnect(opts)
  local o = options.check("disconnect", opts, force_spec)
  if self.started then refuse("disconnect: the pipeline is started; stop() it first") end
  for piper in backwards(self:postorder()) do
    if piper.connected then piper:disconnect {force = o.force} end
    user_of[piper] = nil
  end
  self.gates, self.wired = {}, false
end


-- ---- starting and stopping ----

local function must_have_free_pools(self)
  for _, piper in ipairs(self:postorder()) do
    local pool = piper.parallel
    if pool and pool.started then
      refuse("start: pool '%s' of piper '%s' is already running for another pipeline; stop that one first, or give this one "
        .. "a pool of its own", pool.name, piper.name)
    end
  end
end


local function stop_pipers(self, force)
  for piper in backwards(self:postorder()) do
    if piper.started then piper:stop {force = force or nil} end
  end
  self.started = false
end


-- Start all pipers, upstream first; parallel ones begin to work, as far as their buffers go. Raises kind "dagger" when the
-- pipeline is started or not connected, or when one of its pools runs for somebody else; nothing is started then.
function Wiring:start()
  if self.started then refuse("start: the pipeline is started already") end
  for _, piper in ipairs(self:postorder()) do
    if not piper.connected then refuse("start: piper '%s' is not connected; call connect(datas) first", piper.name) end
  end
  must_have_free_pools(self)
  for _, piper in ipairs(self:postorder()) do
    local ok, why = pcall(piper.start, piper)
    if not ok then
      pcall(stop_pipers, self, true)
      error(why, 0)
    end
  end
  self.started, self.wired = true, true
end


-- End the inputs, and take and throw away what is under way until every output has ended.
function Wiring:_drain()
  for _, gate in ipairs(self.gates) do gate:close() end
  self.pump = self.pump or Pump.new(self:get_outputs())
  return self.pump:exhaust()
end


-- End the inputs, let every item that was consumed pass the whole pipeline, and stop all pipers. opts: force = true, at once, and
-- what is under way is lost. Does nothing when not started.
function Wiring:stop(opts)
  local o = options.check("stop", opts, force_spec)
  if not self.started then return end
  local failure = not o.force and self:_drain() or nil
  self.pump = nil
  stop_pipers(self, o.force or failure ~= nil)
  if failure then error(failure, 0) end
end


return Wiring
