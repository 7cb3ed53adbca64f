-- Plumber: graphs of pipers built at random, with random options, against a plain sequential evaluation written here from the
-- documents alone: rows of all upstreams, consume over strides, produce over strides, spawn over strides, failed items as
-- placeholders.
local T = require "support"

local SECONDS = 8
local FAILED = "failed"

-- ---- what a node computes: a number from its numbers; every 13th of some nodes fails ----

local function flatten(inbox, out)
  out = out or {}
  for _, slot in ipairs(inbox) do
    if type(slot) == "table" then flatten(slot, out) else out[#out + 1] = slot end
  end
  return out
end

local function mix(inbox, node)
  local h = node.id
  for _, x in ipairs(flatten(inbox)) do h = (h * 31 + x) % 1000003 end
  return h
end

local function compute(inbox, node)
  local h = mix(inbox, node)
  if node.fails and h % 13 == 0 then error "unlucky" end
  if node.produce == 1 or node.repeats then return h end
  local out = {}
  for k = 1, node.produce do out[k] = (h + k * 7) % 1000003 end
  return out
end

-- ---- the sequential evaluation ----

local function has_failed(inbox)
  for _, x in ipairs(flatten(inbox)) do
    if x == FAILED then return true end
  end
  return false
end

-- arrays of items, one per upstream, to rows; the shortest decides
local function rows_of(upstreams)
  local rows = {}
  for i = 1, math.huge do
    local row = {}
    for k, items in ipairs(upstreams) do row[k] = items[i] end
    if #row < #upstreams then return rows end
    rows[i] = row
  end
end

-- every n * stride rows make stride inboxes; what is left at the end fills one after the other
local function inboxes_of(rows, n, stride, siblings)
  if n == 1 then return rows end
  local out, at = {}, 0
  while #rows - at >= n * stride do
    for j = 1, stride do
      local inbox = {}
      for k = 0, n - 1 do inbox[#inbox + 1] = rows[at + j + k * stride] end
      out[#out + 1] = inbox
    end
    at = at + n * stride
  end
  local rest = #rows - at
  if siblings and rest % n == 0 then
    for j = 1, rest // n do
      local inbox = {}
      for k = j, rest, rest // n do inbox[#inbox + 1] = rows[at + k] end
      out[#out + 1] = inbox
    end
    return out
  end
  for j = 1, rest, n do out[#out + 1] = table.move(rows, at + j, at + math.min(j + n - 1, rest), 1, {}) end
  return out
end

local function results_of(inboxes, node)
  local out = {}
  for i, inbox in ipairs(inboxes) do
    local good, result = true, FAILED
    if not has_failed(inbox) then good, result = pcall(compute, inbox, node) end
    out[i] = good and result or FAILED
  end
  return out
end

-- of every stride of results all first elements, then all second ones
local function items_of(results, node, stride)
  if node.produce == 1 then return results end
  local out = {}
  for at = 0, #results - 1, stride do
    for k = 1, node.produce do
      for i = at + 1, math.min(at + stride, #results) do
        local result = results[i]
        out[#out + 1] = type(result) == "table" and result[k] or result
      end
    end
  end
  return out
end

-- Whether what reaches this node still comes in the groups a produce made: its n and stride, false for no.
local function group_of(node)
  if node.group ~= nil then return node.group end
  local common
  for _, up in ipairs(node.upstreams) do
    local group
    if up.produce > 1 then group = { n = up.produce, stride = up.stride }
    else group = up.consume == 1 and group_of(up) end
    if not group or common and (common.n ~= group.n or common.stride ~= group.stride) then common = false break end
    common = group
  end
  node.group = common or false
  return node.group
end

local function evaluate(node, seen)
  if seen[node] then return seen[node] end
  local inputs = {}
  for k, up in ipairs(node.upstreams) do inputs[k] = evaluate(up, seen) end
  if #inputs == 0 then inputs[1] = node.data end
  local group = group_of(node)
  local siblings = group and group.n == node.consume and group.stride == node.stride
  local inboxes = inboxes_of(rows_of(inputs), node.consume, node.stride, siblings)
  seen[node] = items_of(results_of(inboxes, node), node, node.stride)
  return seen[node]
end

-- ---- a graph at random ----

local function random_pools()
  local pools = { false, false }
  for i = 1, math.random(1, 3) do
    -- a buffer that no topology here can call too small
    pools[2 + i] = papy.NuMap { worker_num = math.random(1, 2), stride = math.random(1, 4), name = "pool" .. i,
      buffer = math.random() < 0.3 and math.random(40, 60) or nil, batch = math.random() < 0.2 and "auto" or nil }
  end
  return pools
end

local function random_node(id, before, pools)
  local node = { id = id, name = "n" .. id, upstreams = {}, fails = math.random() < 0.3, consume = 1, produce = 1, spawn = 1 }
  node.pool = pools[math.random(#pools)]
  node.stride = node.pool and node.pool.stride or 1
  if math.random() < 0.2 then node.consume = math.random(2, 3) end
  if math.random() < 0.2 then
    node.produce = math.random(2, 3)
    node.repeats = math.random() < 0.5
  end
  if node.pool and math.random() < 0.2 then node.spawn = math.random(2, 3) end
  for _ = 1, math.random(0, math.min(3, #before)) do
    local up = before[math.random(math.max(1, #before - 3), #before)]
    local known = false
    for _, other in ipairs(node.upstreams) do known = known or other == up end
    if not known then node.upstreams[#node.upstreams + 1] = up end
  end
  if #node.upstreams == 0 then
    node.data = {}
    for i = 1, math.random(0, 25) do node.data[i] = math.random(1, 1000) end
  end
  return node
end

local function feeds(a, b)
  for _, up in ipairs(b.upstreams) do
    if up == a or feeds(a, up) then return true end
  end
  return false
end

-- slots of a join: as added, but whoever is downstream of another comes before it
local function sort_slots(node)
  local left, sorted = node.upstreams, {}
  table.sort(left, function(a, b) return a.id < b.id end)
  while #left > 0 do
    for i, candidate in ipairs(left) do
      local free = true
      for _, other in ipairs(left) do free = free and not feeds(candidate, other) end
      if free then
        sorted[#sorted + 1] = table.remove(left, i)
        break
      end
    end
  end
  node.upstreams = sorted
end

local function random_graph()
  local nodes, pools = {}, random_pools()
  for id = 1, math.random(1, 7) do
    nodes[id] = random_node(id, nodes, pools)
    sort_slots(nodes[id])
  end
  return nodes
end

-- ---- the same graph as a pipeline, whose every node is tracked by a sink of its own when it is an output ----

local function build(nodes)
  local plumber, outputs, inputs = papy.Plumber(), {}, {}
  local read = {}
  for _, node in ipairs(nodes) do
    node.piper = papy.Piper(papy.Worker(function(inbox)
      return compute(inbox, { id = node.id, fails = node.fails, produce = node.produce, repeats = node.repeats })
    end), { name = node.name, parallel = node.pool, consume = node.consume, produce = node.produce, spawn = node.spawn,
      repeats = node.repeats or nil })
    plumber:add_piper(node.piper)
    for _, up in ipairs(node.upstreams) do read[up] = true end
    if #node.upstreams == 0 then inputs[#inputs + 1] = node.data end
  end
  for _, node in ipairs(nodes) do
    for _, up in ipairs(node.upstreams) do plumber:add_pipe { up.piper, node.piper } end
    if not read[node] then
      local sink = papy.Piper(function(inbox) return inbox[1] end, { name = node.name .. " out", track = true })
      plumber:add_pipe { node.piper, sink }
      outputs[#outputs + 1] = { node = node, name = sink.name }
    end
  end
  return plumber, inputs, outputs
end

local function describe(nodes)
  local lines = {}
  for _, n in ipairs(nodes) do
    local ups = {}
    for k, up in ipairs(n.upstreams) do ups[k] = up.id end
    lines[#lines + 1] = ("# n%d <- {%s} data=%s pool=%s stride=%d consume=%d produce=%d%s spawn=%d%s"):format(n.id,
      table.concat(ups, " "), n.data and #n.data or "-", n.pool and n.pool.name or "-", n.stride, n.consume, n.produce,
      n.repeats and "r" or "", n.spawn, n.fails and " fails" or "")
  end
  return table.concat(lines, "\n")
end

local function run(plumber, inputs)
  plumber:start(inputs)
  plumber:run()
  if math.random() < 0.3 then
    plumber:wait(0.001 * math.random(0, 3))
    plumber:pause()
    if plumber.state == "paused" then plumber:run() end
  end
  local finished, err = plumber:wait(20 * T.slow)
  local stats = plumber:stats()
  if not finished then
    plumber:stop { force = true }
    error(err or "not finished within 20 s", 0)
  end
  plumber:stop()
  return stats
end

local function check(chosen)
  math.randomseed(chosen)
  local nodes = random_graph()
  local plumber, inputs, outputs = build(nodes)
  local good, why = pcall(function()
    local stats = run(plumber, inputs)
    for _, output in ipairs(outputs) do
      local got = {}
      for i, value in ipairs(stats.tracked[output.name][1]) do
        got[i] = getmetatable(value) == papy.Error and FAILED or value
      end
      T.eq(got, evaluate(output.node, {}), output.name)
    end
  end)
  if good then return end
  print(("# PAPY_TEST_SEED=%d\n%s\n%s"):format(chosen, describe(nodes), tostring(why)))
  error(("seed %d"):format(chosen), 0)
end

local first = tonumber(os.getenv "PAPY_TEST_SEED") or 3 -- the same in every run of the suite; others by hand
local rounds, until_then = 0, papy.now() + SECONDS
T.claim("random pipelines give what a sequential evaluation gives", function()
  repeat
    check(first + rounds)
    rounds = rounds + 1
  until papy.now() > until_then
end)
print(("# %d graphs from PAPY_TEST_SEED=%d"):format(rounds, first))

T.finish()
