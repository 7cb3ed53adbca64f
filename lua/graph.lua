-- Graph: nodes and edges, in an order that never changes by itself. An edge {a, b} leads from a to b and says that a needs b:
-- in a postorder b comes first. Any value but nil and NaN may be a node.
--
-- Wherever two nodes could stand in either order, the lower branch comes first (none, then numbers, then strings), then the
-- node that was added first.
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local graph_spec = {nodes = "table", edges = "table"}

local Graph = {}
M.methods = Graph -- for graphs of their own kind


-- ---- order ----

local kinds = {["nil"] = 0, number = 1, string = 2}


local function before(one, other)
  local a, b = one.branch, other.branch
  if a == b then return one.at < other.at end
  local rank_a, rank_b = kinds[type(a)], kinds[type(b)]
  if rank_a ~= rank_b then return rank_a < rank_b end
  return a < b
end


-- the records of nodes in order; backwards: the last one first
local function sorted(records, backwards)
  local list = {}
  for _, record in pairs(records) do list[#list + 1] = record end
  table.sort(list, function(a, b)
    if backwards then a, b = b, a end
    return before(a, b)
  end)
  return list
end


local function by_insertion(records)
  local list = {}
  for _, record in pairs(records) do list[#list + 1] = record end
  table.sort(list, function(a, b) return a.at < b.at end)
  return list
end


local function check_branch(what, branch)
  if not kinds[type(branch)] or branch ~= branch then
    Error.raise("graph", "%s: a branch must be a number or a string, got %s", what, Error.render(branch))
  end
  return branch
end


-- ---- nodes ----

local function record_of(self, node, what)
  local record = node ~= nil and self.records[node]
  if not record then Error.raise("graph", "%s: no node %s in the graph", what, Error.render(node)) end
  return record
end


-- a node may carry its own branch, as pipers do
local function own_branch(node)
  if type(node) ~= "table" then return nil end
  local ok, branch = pcall(function() return node.branch end)
  if ok and (type(branch) == "number" or type(branch) == "string") then return branch end
end


local function node_options(opts)
  if opts == nil then return nil, nil end
  local rest = {}
  for key, value in pairs(opts) do
    if key ~= "branch" then rest[key] = value end
  end
  return options.check("add_node", rest, {xtra = "table", branch = "string"}).xtra, check_branch("add_node", opts.branch)
end


-- Add a node; returns true when it is new. Options: branch (a number or string, default node.branch), xtra (any table, kept).
function Graph:add_node(node, opts)
  if node == nil or node ~= node then Error.raise("graph", "add_node: %s cannot be a node", Error.render(node)) end
  if self.records[node] then return false end
  local xtra, branch = node_options(opts)
  self.added = self.added + 1
  -- out: the nodes it needs, into: the nodes that need it; both from node to record
  self.records[node] = {
    node = node, at = self.added, branch = branch or own_branch(node), xtra = xtra or {}, out = {}, into = {},
  }
  return true
end


-- Remove a node and all edges to and from it. Raises kind "graph" when there is none.
function Graph:del_node(node)
  local record = record_of(self, node, "del_node")
  for _, other in pairs(record.out) do other.into[node] = nil end
  for _, other in pairs(record.into) do other.out[node] = nil end
  self.records[node] = nil
  return true
end


-- The attributes of a node: branch and xtra, which may be changed, and at, when it was added.
function Graph:node(node)
  return record_of(self, node, "node")
end


-- Is the node there?
function Graph:has_node(node)
  return node ~= nil and self.records[node] ~= nil
end


-- ---- edges ----

local function ends(what, edge)
  if type(edge) ~= "table" or edge[1] == nil or edge[2] == nil or edge[3] ~= nil then
    Error.raise("graph", "%s: an edge must be a pair {a, b}, got %s", what, Error.render(edge))
  end
  return edge[1], edge[2]
end


-- Add the edge {a, b}, and its nodes when they are new. Options: double = true adds {b, a} too.
function Graph:add_edge(edge, opts)
  local a, b = ends("add_edge", edge)
  local o = options.check("add_edge", opts, {double = "boolean"})
  self:add_node(a)
  self:add_node(b)
  local from, to = self.records[a], self.records[b]
  from.out[b], to.into[a] = to, from
  if o.double then to.out[a], from.into[b] = from, to end
end


-- Remove the edge {a, b}; its nodes stay. Raises kind "graph" when there is none. Options: double = true removes {b, a} too.
function Graph:del_edge(edge, opts)
  local a, b = ends("del_edge", edge)
  local o = options.check("del_edge", opts, {double = "boolean"})
  local from, to = record_of(self, a, "del_edge"), record_of(self, b, "del_edge")
  if not from.out[b] or (o.double and not to.out[a]) then
    Error.raise("graph", "del_edge: no edge from %s to %s in the graph", Error.render(a), Error.render(b))
  end
  from.out[b], to.into[a] = nil, nil
  if o.double then to.out[a], from.into[b] = nil, nil end
end


local function each(what, list, f)
  if type(list) ~= "table" then Error.raise("graph", "%s: an array expected, got %s", what, Error.render(list)) end
  for i = 1, #list do f(list[i]) end
end


-- The plural forms do the same for every element of an array.
function Graph:add_nodes(nodes, opts)
  each("add_nodes", nodes, function(node) self:add_node(node, opts) end)
end


-- del_node for each of an array.
function Graph:del_nodes(nodes)
  each("del_nodes", nodes, function(node) self:del_node(node) end)
end


-- add_edge for each of an array.
function Graph:add_edges(edges, opts)
  each("add_edges", edges, function(edge) self:add_edge(edge, opts) end)
end


-- del_edge for each of an array.
function Graph:del_edges(edges, opts)
  each("del_edges", edges, function(edge) self:del_edge(edge, opts) end)
end


-- ---- questions ----

-- All nodes, as they were added.
function Graph:nodes()
  local nodes = {}
  for i, record in ipairs(by_insertion(self.records)) do nodes[i] = record.node end
  return nodes
end


-- All edges as pairs {a, b}, or those that leave one of the given nodes.
function Graph:edges(nodes)
  local edges = {}
  each("edges", nodes or self:nodes(), function(node)
    for _, to in ipairs(by_insertion(record_of(self, node, "edges").out)) do edges[#edges + 1] = {node, to.node} end
  end)
  return edges
end


-- The edges {x, node}; none for an unknown node.
function Graph:incoming_edges(node)
  local edges = {}
  if not self:has_node(node) then return edges end
  for i, from in ipairs(by_insertion(self.records[node].into)) do edges[i] = {from.node, node} end
  return edges
end


-- The edges {node, x}; none for an unknown node.
function Graph:outgoing_edges(node)
  local edges = {}
  if not self:has_node(node) then return edges end
  for i, to in ipairs(by_insertion(self.records[node].out)) do edges[i] = {node, to.node} end
  return edges
end


-- Every node that can be reached from this one. Raises kind "graph" for an unknown node.
function Graph:deep_nodes(node)
  local found, seen, waiting = {}, {}, {record_of(self, node, "deep_nodes")}
  while #waiting > 0 do
    local record = table.remove(waiting)
    for _, to in ipairs(sorted(record.out)) do
      if not seen[to] then
        seen[to] = true
        found[#found + 1] = to.node
        waiting[#waiting + 1] = to
      end
    end
  end
  return found
end


-- ---- walks ----

-- Visit what a record needs, then itself; on_loop is called for an edge back to a record still being visited. With a stack of
-- its own, so that long chains are no matter.
local function visit(start, seen, backwards, done, on_loop)
  if seen[start] then return end
  local path = {{record = start, out = sorted(start.out, backwards), i = 0}}
  seen[start] = "open"
  while #path > 0 do
    local top = path[#path]
    top.i = top.i + 1
    local to = top.out[top.i]
    if not to then
      seen[top.record] = "done"
      done(top.record)
      path[#path] = nil
    elseif not seen[to] then
      seen[to] = "open"
      path[#path + 1] = {record = to, out = sorted(to.out, backwards), i = 0}
    elseif seen[to] == "open" and on_loop then
      on_loop(path, to)
    end
  end
end


-- Depth-first walk from a node: an array of all it reaches and itself, what is needed before what needs it. Nodes that stand in
-- the bucket already are not visited; the bucket, when given, is filled and returned. order = "appendleft" puts every node
-- before the earlier ones. Cycles are no hindrance.
function Graph:dfs(node, bucket, order)
  local record = record_of(self, node, "dfs")
  if order ~= nil and order ~= "append" and order ~= "appendleft" then
    Error.raise("graph", "dfs: order must be \"append\" or \"appendleft\", got %s", Error.render(order))
  end
  bucket = bucket or {}
  local seen = {}
  for _, known in ipairs(bucket) do
    if self.records[known] then seen[self.records[known]] = "done" end
  end
  visit(record, seen, false, function(done)
    if order == "appendleft" then table.insert(bucket, 1, done.node) else bucket[#bucket + 1] = done.node end
  end)
  return bucket
end


local function raise_cycle(path, back_to)
  local names, inside = {}, false
  for _, step in ipairs(path) do
    inside = inside or step.record == back_to
    if inside then names[#names + 1] = Error.render(step.record.node) end
  end
  names[#names + 1] = Error.render(back_to.node)
  Error.raise("graph", "the graph has a cycle: %s", table.concat(names, " -> "))
end


-- Every node after all it needs; and right after the last of them, so that branches stay together. The same graph, built in the
-- same order, always gives the same answer. Raises kind "graph" for a cycle, naming it.
function Graph:postorder()
  local order = {}
  local function place_after_needed(record)
    local at = #order
    while at > 0 and not record.out[order[at]] do at = at - 1 end
    table.insert(order, at + 1, record.node)
  end
  -- backwards, since what comes to a place later pushes aside what came there earlier
  local seen = {}
  for _, record in ipairs(sorted(self.records, true)) do visit(record, seen, true, place_after_needed, raise_cycle) end
  return order
end


-- A table from node to its rank: 0 for a node that needs nothing, else one more than the highest rank it needs.
function Graph:node_rank()
  local rank = {}
  for _, node in ipairs(self:postorder()) do
    local highest = -1
    for needed in pairs(self.records[node].out) do highest = math.max(highest, rank[needed]) end
    rank[node] = highest + 1
  end
  return rank
end


-- A table from node to its width: 1 for a node that needs nothing, else the sum of the widths of all it needs.
function Graph:node_width()
  local width = {}
  for _, node in ipairs(self:postorder()) do
    local sum = 0
    for needed in pairs(self.records[node].out) do sum = sum + width[needed] end
    width[node] = sum > 0 and sum or 1
  end
  return width
end


-- A table from rank to the number of nodes of that rank.
function Graph:rank_width()
  local width = {}
  for _, rank in pairs(self:node_rank()) do width[rank] = (width[rank] or 0) + 1 end
  return width
end


-- ---- the constructor ----

-- Make self, a table of whatever class, an empty graph.
function M.init(self)
  self.records, self.added = {}, 0
  return self
end


local meta = {__name = "papy.Graph", __index = Graph}


function meta:__len()
  local n = 0
  for _ in pairs(self.records) do n = n + 1 end
  return n
end


function meta:__tostring()
  return ("papy.Graph(%d nodes, %d edges)"):format(#self, #self:edges())
end


-- papy.Graph(nodes, edges): a graph with these nodes (an array, may be left out) and edges (an array of pairs {a, b}). Or
-- papy.Graph{nodes = …, edges = …}.
function M.Graph(nodes, edges)
  local graph = setmetatable(M.init {}, meta)
  if edges == nil and type(nodes) == "table" and #nodes == 0 then
    local o = options.check("Graph", nodes, graph_spec)
    nodes, edges = o.nodes, o.edges
  end
  if nodes ~= nil then graph:add_nodes(nodes) end
  if edges ~= nil then graph:add_edges(edges) end
  return graph
end


return M
