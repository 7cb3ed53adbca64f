-- topology: what a dagger asks of its graph, always answered in one fixed order: by branch, ascending (none, then numbers,
-- then strings), and within one branch by when the piper was added.
--
-- A dagger here is a table with `graph`.
local M = {}

local kinds = {["nil"] = 1, number = 2, string = 3}


-- Pipers in their fixed order.
local function sort(self, pipers)
  table.sort(pipers, function(a, b)
    local node_a, node_b = self.graph:node(a), self.graph:node(b)
    local x, y = node_a.branch, node_b.branch
    if x == y then return node_a.at < node_b.at end
    if type(x) ~= type(y) then return kinds[type(x)] < kinds[type(y)] end
    return x < y
  end)
  return pipers
end


-- The pipers that feed `piper`.
function M.upstreams(self, piper)
  local found = {}
  for i, edge in ipairs(self.graph:outgoing_edges(piper)) do found[i] = edge[2] end
  return sort(self, found)
end


-- The pipers that `piper` feeds.
function M.downstreams(self, piper)
  local found = {}
  for i, edge in ipairs(self.graph:incoming_edges(piper)) do found[i] = edge[1] end
  return sort(self, found)
end


function M.has_edge(self, edge)
  for _, other in ipairs(self.graph:outgoing_edges(edge[1])) do
    if other[2] == edge[2] then return true end
  end
  return false
end


-- Is b downstream of a?
function M.feeds(self, a, b)
  for _, piper in ipairs(self.graph:deep_nodes(b)) do
    if piper == a then return true end
  end
  return false
end


-- The upstreams of a join in the order of its slots: one that is itself downstream of another comes before that one.
function M.slots(self, piper)
  local left, ordered = M.upstreams(self, piper), {}
  local function free(candidate)
    for _, other in ipairs(left) do
      if M.feeds(self, candidate, other) then return false end
    end
    return true
  end
  while #left > 0 do
    for i, candidate in ipairs(left) do
      if free(candidate) then
        ordered[#ordered + 1] = table.remove(left, i)
        break
      end
    end
  end
  return ordered
end


-- The pipers that have none of those neighbours: M.upstreams or M.downstreams.
function M.without(self, neighbours)
  local found = {}
  for _, piper in ipairs(self.graph:nodes()) do
    if #neighbours(self, piper) == 0 then found[#found + 1] = piper end
  end
  return sort(self, found)
end


-- The pipers on the way from `from` back to `to` over the edges there are and those that are to come, or nil.
function M.way(self, edges, from, to, seen)
  if from == to then return {to} end
  seen[from] = true
  local function try(edge)
    if edge[1] ~= from or seen[edge[2]] then return nil end
    local rest = M.way(self, edges, edge[2], to, seen)
    return rest and table.move(rest, 1, #rest, 2, {from})
  end
  for _, list in ipairs {self.graph:outgoing_edges(from), edges} do
    for _, edge in ipairs(list) do
      local found = try(edge)
      if found then return found end
    end
  end
end


return M
