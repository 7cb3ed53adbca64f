-- pipeline: papy's side of the rows about pipelines. pipeline.lua CASE prints the seconds from start to the last result.

local N = 100000

local function numbers(n)
  local t = {}
  for i = 1, n do t[i] = i end
  return t
end

local function add(x) return x + 1 end
local function double(x) return x * 2 end
local function half(x) return x // 2 end
local function minus(x) return x - 1 end

local function stage(f) return function(inbox) return f(inbox[1]) end end

-- read the last piper of a connected chain to its end; the seconds from its start
local function drain(last, expected)
  local began, n = papy.now(), 0
  last:start()
  for _ in last do n = n + 1 end
  local seconds = papy.now() - began
  assert(n == expected, n)
  return seconds
end

local pool_options = {worker_num = 2, stride = 256, batch = "auto"}

local function chain(fuse)
  local pool, from = papy.NuMap(pool_options), numbers(N)
  for _, f in ipairs {add, double, half, minus} do
    from = papy.Piper(stage(f), {parallel = pool, fuse = fuse}):connect {from}
  end
  return drain(from, N)
end

-- f as the only task of a pool
local function by_hand(f)
  local began, n = papy.now(), 0
  local pool = papy.NuMap(pool_options)
  local task = pool:add_task(f, numbers(N))
  pool:start()
  for _ in task do n = n + 1 end
  assert(n == N)
  return papy.now() - began
end

local cases = {
  -- four trivial functions, each a piper of its own on one pool
  chain = function() return chain(false) end,
  -- the same, computed together
  fused = function() return chain(true) end,
  -- the same four nested by hand in one tasklet, as plain functions
  by_hand = function() return by_hand(function(x) return minus(half(double(add(x)))) end) end,
  -- and as what pipers call, functions of an inbox
  by_hand_boxed = function()
    local a, b, c, d = stage(add), stage(double), stage(half), stage(minus)
    return by_hand(function(x) return d {c {b {a {x}}}} end)
  end,
  -- 1 MB strings made in one pool, read in another: nothing is decoded in between
  strings = function()
    local megabyte = ("x"):rep(1 << 20)
    local first = papy.Piper(function() return megabyte end, {parallel = papy.NuMap {worker_num = 1, stride = 8}})
    local second = papy.Piper(function(inbox) return #inbox[1] end, {parallel = papy.NuMap {worker_num = 1, stride = 8}})
    second:connect {first:connect {numbers(1000)}}
    return drain(second, 1000)
  end,
  -- fork, two stages, join
  diamond = function()
    local source = papy.Piper(stage(add)):connect {numbers(N)}
    local left = papy.Piper(stage(double), {parallel = papy.NuMap {worker_num = 1, stride = 256, batch = "auto"}})
    local right = papy.Piper(stage(half), {parallel = papy.NuMap {worker_num = 1, stride = 256, batch = "auto"}})
    local join = papy.Piper(function(inbox) return inbox[1] + inbox[2] end)
    join:connect {left:connect {source}, right:connect {source}}
    return drain(join, N)
  end,
}

print(cases[arg[1]]())
