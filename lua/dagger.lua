-- Dagger: pipers and the pipes between them, a directed graph without cycles that can be connected, started and stopped.
--
-- Order is fixed and the same every time. Inputs, outputs and the slots of a join are sorted by branch, ascending (none, then
-- numbers, then strings), and pipers of one branch by when they were added; at a join an upstream that is itself downstream
-- of another upstream comes before that one.
local Error = require "papy.error"
local Graph = require "papy.graph"
local options = require "papy.options"
local pipers_of_papy = require "papy.piper"
local topology = require "papy.topology"
local wiring = require "papy.wiring"

local M = {}

local Dagger = {__name = "papy.Dagger"}
M.class = Dagger

local dagger_spec = {pipers = "table", pipes = "table"}
local force_spec = {force = "boolean"}


local function refuse(message, ...)
  Error.raise("dagger", message, ...)
end


local function is_piper(x)
  return pipers_of_papy.is(x)
end


local function names(pipers)
  local out = {}
  for i, piper in ipairs(pipers) do out[i] = "'" .. piper.name .. "'" end
  return table.concat(out, ", ")
end


local function contains(self, piper)
  return self.graph:has_node(piper)
end


-- ---- looking ----

for _, name in ipairs {"node", "has_node", "nodes", "edges", "incoming_edges", "outgoing_edges", "deep_nodes", "dfs", "postorder",
  "node_rank", "node_width", "rank_width"} do
  Dagger[name] = function(self, ...) return self.graph[name](self.graph, ...) end
end


-- 1 when a is upstream of b, -1 when it is downstream, 0 when they are independent.
function Dagger:children_after_parents(a, b)
  a, b = self:resolve(a), self:resolve(b)
  if a ~= b and topology.feeds(self, a, b) then return 1 end
  return a ~= b and topology.feeds(self, b, a) and -1 or 0
end


-- The piper of this dagger that x is, a piper or its name; raises kind "dagger" when there is none.
function Dagger:resolve(x)
  if is_piper(x) and contains(self, x) then return x end
  local known = self:nodes()
  for _, piper in ipairs(known) do
    if piper.name == x then return piper end
  end
  refuse("%s is not in this dagger; its pipers are %s", Error.render(x), #known > 0 and names(known) or "none")
end


-- The pipers without upstream, in their fixed order: data set k of start() goes to the k-th.
function Dagger:get_inputs()
  return topology.without(self, topology.upstreams)
end


-- The pipers without downstream, in their fixed order.
function Dagger:get_outputs()
  return topology.without(self, topology.downstreams)
end


-- ---- building ----

local function must_rest(self, what)
  if self.started then refuse("%s: the pipeline is started; stop() it first", what) end
  if self.wired then refuse("%s: the pipeline is connected; disconnect() it first", what) end
end


local function must_be_array(what, x)
  if type(x) ~= "table" or getmetatable(x) then refuse("%s: an array expected, got %s", what, Error.render(x)) end
end


-- The piper that x is or becomes, and whether it is to be added.
local function piper_for(self, what, x, create)
  if is_piper(x) and contains(self, x) then return x, false end
  if not is_piper(x) then
    for _, piper in ipairs(self:nodes()) do
      if piper.name == x then return piper, false end
    end
    if create == false then refuse("%s: %s is not in this dagger", what, Error.render(x)) end
    local ok, made = pcall(pipers_of_papy.Piper, x)
    if not ok then
      if not Error.is(made) then error(made, 0) end
      refuse("%s: no piper can be made of %s: %s", what, Error.render(x), made.message)
    end
    x = made
  elseif create == false then
    refuse("%s: piper '%s' is not in this dagger", what, x.name)
  end
  return x, true
end


-- The options of adding, and the branch, which may be a number or a string.
local function add_options(what, opts, spec)
  spec.branch = "string"
  if type(opts) ~= "table" or type(opts.branch) ~= "number" then
    local o = options.check(what, opts, spec)
    return o, o.branch
  end
  local rest = {}
  for key, value in pairs(opts) do
    if key ~= "branch" then rest[key] = value end
  end
  return options.check(what, rest, spec), opts.branch
end


local function must_have_own_name(self, what, piper, others)
  for _, list in ipairs {self:nodes(), others} do
    for _, other in ipairs(list) do
      if other ~= piper and other.name == piper.name then
        refuse("%s: there is already another piper named '%s'; give one of them another name", what, piper.name)
      end
    end
  end
end


-- Add a piper, or what a piper can be made of (a function, a Worker, an array of them), and return the piper and whether it is
-- new. opts: branch (a number or a string that orders pipers), create = false (only find it). Raises kind "dagger".
function Dagger:add_piper(x, opts)
  must_rest(self, "add_piper")
  local o, branch = add_options("add_piper", opts, {create = "boolean"})
  local piper, new = piper_for(self, "add_piper", x, o.create)
  if not new then return piper, false end
  must_have_own_name(self, "add_piper", piper, {})
  self.graph:add_node(piper, {branch = branch or piper.branch})
  return piper, true
end


local function reversed(list)
  local out = {}
  for i = #list, 1, -1 do out[#out + 1] = list[i] end
  return out
end


-- Add a pipe {a, b, …}: data flows from a to b and so on. Pipers that are not there yet are added. Raises kind "dagger" for a
-- cycle and for what cannot be a piper, and then leaves the graph as it was. opts: branch, for the pipers that are new.
function Dagger:add_pipe(pipe, opts)
  must_rest(self, "add_pipe")
  must_be_array("add_pipe", pipe)
  local _, branch = add_options("add_pipe", opts, {})
  local pipers, new, edges = {}, {}, {}
  if #pipe == 0 then refuse("add_pipe: an empty pipe") end
  for i, x in ipairs(pipe) do
    local is_new
    pipers[i], is_new = piper_for(self, "add_pipe", x)
    if is_new then
      must_have_own_name(self, "add_pipe", pipers[i], new)
      new[#new + 1] = pipers[i]
    end
  end
  for i = 2, #pipers do
    local circle = topology.way(self, edges, pipers[i - 1], pipers[i], {})
    if circle then
      local along = reversed(circle)
      along[#along + 1] = pipers[i]
      refuse("add_pipe: the pipe would close a cycle: %s", (names(along):gsub(",", " >")))
    end
    edges[#edges + 1] = {pipers[i], pipers[i - 1]}
  end
  for _, piper in ipairs(new) do
    if not contains(self, piper) then self.graph:add_node(piper, {branch = branch or piper.branch}) end
  end
  for _, edge in ipairs(edges) do self.graph:add_edge(edge) end
end


-- Remove a piper, given itself or its name, with its pipes. One that has downstream pipers is refused unless opts.force.
function Dagger:del_piper(x, opts)
  must_rest(self, "del_piper")
  local o = options.check("del_piper", opts, force_spec)
  local piper = self:resolve(x)
  local below = topology.downstreams(self, piper)
  if #below > 0 and not o.force then
    refuse("del_piper: '%s' has pipers downstream: %s; delete them first or give {force = true}", piper.name, names(below))
  end
  self.graph:del_node(piper)
end


-- The pipers of a pipe that is there.
local function existing_pipe(self, what, pipe)
  must_be_array(what, pipe)
  local pipers = {}
  for i, x in ipairs(pipe) do pipers[i] = self:resolve(x) end
  for i = 2, #pipers do
    if not topology.has_edge(self, {pipers[i], pipers[i - 1]}) then
      refuse("%s: there is no pipe from '%s' to '%s'", what, pipers[i - 1].name, pipers[i].name)
    end
  end
  return pipers
end


local function delete_pipes(self, what, list, opts)
  must_rest(self, what)
  must_be_array(what, list)
  local o = options.check(what, opts, force_spec)
  local pipes = {}
  for i, pipe in ipairs(list) do pipes[i] = existing_pipe(self, what, pipe) end
  for _, pipers in ipairs(pipes) do
    for i = 2, #pipers do
      local edge = {pipers[i], pipers[i - 1]}
      if topology.has_edge(self, edge) then self.graph:del_edge(edge) end
    end
  end
  for p = #pipes, 1, -1 do
    for i = #pipes[p], 1, -1 do
      local piper = pipes[p][i]
      local unused = o.force or #topology.downstreams(self, piper) == 0
      if unused and contains(self, piper) then self.graph:del_node(piper) end
    end
  end
end


-- Remove the pipes of {a, b, …}, and from right to left those of its pipers that nobody downstream uses then; all of them when
-- opts.force. Raises kind "dagger" when there is no such pipe, and then leaves the graph as it was.
function Dagger:del_pipe(pipe, opts)
  delete_pipes(self, "del_pipe", {pipe}, opts)
end


-- Add each of an array. opts as for add_piper.
function Dagger:add_pipers(list, opts)
  must_be_array("add_pipers", list)
  for _, x in ipairs(list) do self:add_piper(x, opts) end
end


-- Add each pipe of an array. opts as for add_pipe.
function Dagger:add_pipes(list, opts)
  must_be_array("add_pipes", list)
  for _, pipe in ipairs(list) do self:add_pipe(pipe, opts) end
end


-- Delete each of an array, the last one first. opts as for del_piper.
function Dagger:del_pipers(list, opts)
  must_be_array("del_pipers", list)
  for i = #list, 1, -1 do self:del_piper(list[i], opts) end
end


-- Delete all pipes of an array: first the pipes, then, from the last, the pipers that nobody downstream uses then. opts as for
-- del_pipe.
function Dagger:del_pipes(list, opts)
  delete_pipes(self, "del_pipes", list, opts)
end


-- ---- running: see wiring.lua ----

for name, method in pairs(wiring) do Dagger[name] = method end


-- ---- the object ----

Dagger.__index = Dagger


function Dagger:__len()
  return #self:nodes()
end


-- One line per piper, then one per pipe.
function Dagger:__tostring()
  local lines = {("%s: %d pipers, %d pipes"):format(getmetatable(self).__name, #self:nodes(), #self:edges())}
  for _, piper in ipairs(self:postorder()) do lines[#lines + 1] = "  " .. piper.name end
  for _, edge in ipairs(self:edges()) do lines[#lines + 1] = ("  %s > %s"):format(edge[2].name, edge[1].name) end
  return table.concat(lines, "\n")
end


-- Make a dagger of a class derived from this one.
function M.new(class, opts)
  local o = options.check((class.__name:gsub("^papy%.", "")), opts, dagger_spec)
  local self = setmetatable({graph = Graph.Graph(), wired = false, started = false, gates = {}}, class)
  self:add_pipers(o.pipers or {})
  self:add_pipes(o.pipes or {})
  return self
end


-- papy.Dagger{pipers = {…}, pipes = {{a, b}, …}}: the graph of those pipers and pipes.
function M.Dagger(opts)
  return M.new(Dagger, opts)
end


return M
