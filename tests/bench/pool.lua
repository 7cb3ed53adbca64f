-- pool: papy's side of the rows about tasklets. pool.lua CASE prints the seconds from the 11th result to the last: ten
-- items warm the pool, as they do in pool_peer.py.

local function same(x) return x end
local function square(x) return x * x end

local function numbers()
  local t = {}
  for i = 1, 200010 do t[i] = i end
  return t
end

local function strings()
  local t, s = {}, ("x"):rep(1 << 20)
  for i = 1, 210 do t[i] = s end
  return t
end

-- one task after the other, each over the results of the one before
local function chain(opts, input, ...)
  local pool = papy.NuMap(opts)
  for _, f in ipairs {...} do input = pool:add_task(f, input) end
  pool:start()
  return input
end

local two = {worker_num = 2}
local cases = {
  one = function() return chain(two, numbers(), square) end,
  auto = function() return chain({worker_num = 2, stride = 1024, batch = "auto"}, numbers(), square) end,
  strings = function() return chain(two, strings(), same) end,
  nested = function() return chain(two, strings(), string.upper, string.reverse) end,
  fused = function() return chain(two, strings(), function(x) return x:upper():reverse() end) end,
  nested_same = function() return chain(two, strings(), same, same) end,
  fused_same = function() return chain(two, strings(), function(x) return same(same(x)) end) end,
}

local results = cases[arg[1]]()
for _ = 1, 10 do results:next() end
local began, n = papy.now(), 0
for _ in results do n = n + 1 end
print(papy.now() - began)
assert(n == 200000 or n == 200)
