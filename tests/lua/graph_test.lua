-- papy.Graph: nodes, edges, and orders that never change by themselves.
local T = require "support"
local claim, eq, ok, raises = T.claim, T.eq, T.ok, T.raises

local Graph = papy.Graph

local function place(list, x)
  for i, v in ipairs(list) do
    if v == x then return i end
  end
end

claim("any value but nil and NaN is a node, and equal values are one", function()
  local g = Graph()
  local t, f = {}, print
  for _, node in ipairs { 1, "1", t, f, false, 1.5 } do eq(g:add_node(node), true) end
  eq(g:add_node(1), false)
  eq(g:add_node(t), false)
  eq(#g, 6)
  local nodes = g:nodes()
  eq(rawequal(nodes[3], t), true)
  eq(nodes[5], false)
  raises("graph", g.add_node, g, nil)
  raises("graph", g.add_node, g, 0 / 0)
end)

claim("nodes come as they were added, whatever was removed", function()
  local g = Graph({ "c", "a", "b" })
  eq(g:nodes(), { "c", "a", "b" })
  eq(g:del_node "a", true)
  eq(g:add_node "a", true)
  eq(g:nodes(), { "c", "b", "a" })
  g:del_nodes { "a", "b", "c" }
  eq(g:nodes(), {})
  eq(g:edges(), {})
end)

claim("a node that is not there cannot be removed", function()
  local g = Graph()
  raises("graph", g.del_node, g, "x")
  raises("graph", g.deep_nodes, g, "x")
  raises("graph", g.dfs, g, "x")
  eq(g:incoming_edges "x", {})
  eq(g:outgoing_edges "x", {})
end)

claim("an edge makes its nodes; removing it leaves them", function()
  local g = Graph()
  g:add_edge { "sum", "pwr" }
  g:add_edge { "sum", "pwr" }
  eq(g:edges(), { { "sum", "pwr" } })
  g:del_edge { "sum", "pwr" }
  eq(g:nodes(), { "sum", "pwr" })
  eq(g:edges(), {})
  raises("graph", g.del_edge, g, { "sum", "pwr" })
  raises("graph", g.del_edge, g, { "sum", "nobody" })
end)

claim("nodes and edges may be given to the constructor, one after the other or in one table", function()
  for _, g in ipairs { Graph({ 3 }, { { 1, 2 } }), Graph { nodes = { 3 }, edges = { { 1, 2 } } } } do
    eq({ g:nodes(), g:edges() }, { { 3, 1, 2 }, { { 1, 2 } } })
  end
  eq(#Graph {}, 0)
  raises("'nodes'", Graph, { node = { 3 } })
end)

claim("an edge is a pair", function()
  local g = Graph()
  for _, edge in ipairs { {}, { 1 }, { 1, 2, 3 }, 5, "ab" } do raises("graph", g.add_edge, g, edge) end
  eq(g:nodes(), {})
end)

claim("double edges go both ways", function()
  local g = Graph()
  g:add_edge({ 1, 2 }, { double = true })
  eq(g:edges(), { { 1, 2 }, { 2, 1 } })
  g:del_edge({ 2, 1 }, { double = true })
  eq(g:edges(), {})
  raises("doubel", g.add_edge, g, { 1, 2 }, { doubel = true })
end)

claim("removing a node removes its edges in both directions", function()
  local g = Graph(nil, { { "sum", "pwr" }, { "sum", "dbl" }, { "dbl", "pwr" } })
  g:del_node "pwr"
  eq(g:edges(), { { "sum", "dbl" } })
  g:del_node "dbl"
  eq(g:edges(), {})
  eq(g:nodes(), { "sum" })
end)

claim("removing tells that it removed, also an isolated node", function()
  eq(Graph({ 1 }):del_node(1), true)
end)

claim("edges of some nodes, incoming and outgoing ones, found by equality", function()
  local g = Graph(nil, { { "a", "b" }, { "c", "b" }, { "a", "d" } })
  eq(g:edges { "a" }, { { "a", "b" }, { "a", "d" } })
  eq(g:incoming_edges "b", { { "a", "b" }, { "c", "b" } })
  eq(g:outgoing_edges("a" .. ""), { { "a", "b" }, { "a", "d" } })
end)

claim("the plural forms leave the caller's list as it is", function()
  local nodes, edges = { 1, 2, 3 }, { { 1, 2 }, { 2, 3 } }
  local g = Graph(nodes, edges)
  g:del_edges(edges)
  g:del_nodes(nodes)
  eq(nodes, { 1, 2, 3 })
  eq(edges, { { 1, 2 }, { 2, 3 } })
  raises("graph", g.add_nodes, g, 1)
  raises("graph", g.add_edges, g, { 1 })
end)

claim("random edges are kept exactly", function()
  math.randomseed(3)
  for _ = 1, 20 do
    local g, want = Graph(), {}
    for _ = 1, 20 do
      local a, b = math.random(0, 49), math.random(50, 100)
      want[a .. " " .. b] = true
      g:add_edge { a, b }
    end
    local got = {}
    for _, e in ipairs(g:edges()) do
      ok(not got[e[1] .. " " .. e[2]], "twice", e)
      got[e[1] .. " " .. e[2]] = true
    end
    eq(got, want)
    g:del_edges(g:edges())
    eq(g:edges(), {})
  end
end)

claim("deep_nodes: everything that can be reached, without itself but for a cycle", function()
  local g = Graph(nil, { { 1, 2 }, { 2, 3 }, { 1, 4 }, { 5, 1 } })
  local deep = g:deep_nodes(1)
  table.sort(deep)
  eq(deep, { 2, 3, 4 })
  eq(g:deep_nodes(3), {})
  g:add_edge { 3, 1 }
  deep = g:deep_nodes(1)
  table.sort(deep)
  eq(deep, { 1, 2, 3, 4 })
end)

claim("dfs walks what a node needs first, remembers nothing, and bears cycles", function()
  local g = Graph(nil, { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 1, 3 }, { 1, 5 }, { 1, 6 }, { 2, 5 } })
  for _ = 1, 2 do
    eq(g:dfs(1), { 6, 5, 2, 4, 3, 1 })
    eq(g:dfs(4), { 4 })
    eq(#g:dfs(2), 3)
  end
  eq(g:dfs(1, { 4 }), { 4, 6, 5, 2, 3, 1 }, "what stands in the bucket is not visited")
  eq(g:dfs(1, nil, "appendleft"), { 1, 3, 4, 2, 5, 6 })
  g:add_edge { 4, 1 }
  eq(g:dfs(1), { 6, 5, 2, 4, 3, 1 })
end)

claim("postorder: what is needed comes first, branches stay together", function()
  local g = Graph(nil, { { 1, 8 }, { 8, "k" }, { 1, "j" }, { "j", 3 }, { 3, "z" } })
  eq(g:postorder(), { "k", 8, "z", 3, "j", 1 })
  g = Graph(nil, { { 1, 2 }, { 2, 3 }, { 3, 4 }, { 1, 5 }, { 5, 6 }, { 5, 7 }, { 1, 8 }, { 8, 9 }, { 8, 10 } })
  eq(g:postorder(), { 4, 3, 2, 6, 7, 5, 9, 10, 8, 1 })
  eq(Graph({ 3 }, { { 1, 2 } }):postorder(), { 3, 2, 1 })
end)

claim("postorder follows the branch, ascending everywhere, then the order of insertion", function()
  local g = Graph(nil, { { 2, 1 }, { 3, 1 }, { 4, 3 }, { 5, 3 }, { 6, 4 }, { 7, 4 }, { 6, 5 } })
  for node, branch in pairs { [2] = "C", [3] = "D", [4] = "A", [5] = "B", [7] = 0, [6] = 1 } do g:node(node).branch = branch end
  for _ = 1, 10 do eq(g:postorder(), { 1, 2, 3, 4, 7, 5, 6 }) end
  local inputs = Graph()
  for i = 3, 1, -1 do inputs:add_node("in" .. i, { branch = i }) end
  inputs:add_node "none"
  inputs:add_node("word", { branch = "a" })
  for _, node in ipairs(inputs:nodes()) do inputs:add_edge { "join", node } end
  eq(inputs:postorder(), { "none", "in1", "in2", "in3", "word", "join" })
  eq(Graph(nil, { { "b", "x" }, { "a", "x" }, { "c", "x" } }):postorder(), { "x", "b", "a", "c" })
end)

claim("a node may bring its branch", function()
  local late, early = { branch = 2 }, { branch = 1 }
  local order = Graph({ late, early }):postorder()
  ok(rawequal(order[1], early))
  raises("branch", Graph().add_node, Graph(), 1, { branch = {} })
end)

claim("every postorder of a random graph is topological and stable", function()
  math.randomseed(5)
  for _ = 1, 50 do
    local g = Graph()
    for _ = 1, 25 do
      local a, b = math.random(1, 15), math.random(1, 15)
      if a ~= b then g:add_edge { math.max(a, b), math.min(a, b) } end
    end
    local order = g:postorder()
    eq(#order, #g)
    for _, e in ipairs(g:edges()) do ok(place(order, e[2]) < place(order, e[1]), e, order) end
    eq(g:postorder(), order)
  end
end)

claim("postorder of a cycle is an error that names it and leaves nothing behind", function()
  local g = Graph(nil, { { 1, 2 }, { 2, 3 } })
  g:add_edge { 3, 1 }
  for _ = 1, 2 do
    local e = raises("graph", g.postorder, g)
    ok(tostring(e):find "cycle", e)
    for i = 1, 3 do ok(tostring(e):find(tostring(i)), e) end
  end
  g:del_edge { 3, 1 }
  eq(g:postorder(), { 3, 2, 1 })
  raises("cycle", g.postorder, Graph(nil, { { 1, 1 } }))
end)

claim("long chains and stacked diamonds are no matter", function()
  local g = Graph()
  for i = 1, 3000 do g:add_edge { i + 1, i } end
  eq(g:postorder()[3001], 3001)
  eq(#g:deep_nodes(3001), 3000)
  local d = Graph()
  for i = 1, 60 do d:add_edges { { "l" .. i, i }, { "r" .. i, i }, { i + 1, "l" .. i }, { i + 1, "r" .. i } } end
  eq(#d:deep_nodes(61), 180)
  eq(d:node_rank()[61], 120)
end)

claim("node_rank: the longest way to a node that needs nothing", function()
  eq(Graph(nil, { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 1, 5 }, { 1, 6 }, { 2, 5 }, { 4, 6 } }):node_rank(),
    { 3, 2, 2, 1, 1, 0 })
  eq(Graph(nil, { { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 5 }, { 5, 6 }, { 1, 6 } }):node_rank(), { 5, 4, 3, 2, 1, 0 })
end)

claim("node_width: the sum of the widths of what is needed", function()
  local g = Graph(nil, { { 1, 2 }, { 1, 3 }, { 1, 4 }, { 2, 5 }, { 3, 5 }, { 3, 6 }, { 2, 7 }, { 4, 7 }, { 5, 7 }, { 6, 7 } })
  eq(g:node_width(), { 5, 2, 2, 1, 1, 1, 1 })
end)

claim("rank_width: how many nodes have a rank", function()
  local g = Graph(nil, { { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 5 }, { 5, 6 }, { 1, 7 }, { 7, 6 } })
  eq(g:rank_width(), { [0] = 1, 2, 1, 1, 1, 1 })
  g = Graph(nil, { { 1, 2 }, { 1, 3 }, { 1, 4 }, { 1, 5 }, { 5, 7 }, { 7, 6 }, { 2, 6 }, { 3, 6 }, { 4, 6 } })
  eq(g:rank_width(), { [0] = 1, 4, 1, 1 })
end)

claim("nodes have attributes that may be changed", function()
  local g = Graph()
  g:add_node("a", { xtra = { color = "red" }, branch = 3 })
  eq(g:node "a".xtra.color, "red")
  eq(g:node "a".branch, 3)
  raises("graph", g.node, g, "b")
  raises("brunch", g.add_node, g, "b", { brunch = 1 })
end)

T.finish()
