-- Plumber: programs made at random, with variables, tables and functions that share, shadow and hold each other; what save writes
-- of their functions computes the same as they do.
local T = require "support"

local SECONDS = 3

-- ---- a program at random ----
--
-- Few names, so that they often stand for several things. `vars` are what is visible: {name, kind = "number" "table" "function"}.

local names = { "a", "b", "c", "n", "pipers", "share", "f" }

local function choose(list) return list[math.random(#list)] end

local function visible(vars, kind)
  local found, hidden = {}, {}
  for i = #vars, 1, -1 do
    if not hidden[vars[i].name] and vars[i].kind == kind then found[#found + 1] = vars[i].name end
    hidden[vars[i].name] = true
  end
  return found
end

-- One use of something visible; calls go so deep as the fuel in inbox[2] lasts.
local function use(vars)
  local kind = choose { "number", "number", "table", "function" }
  local found = visible(vars, kind)
  if #found == 0 then return "r = r + 1" end
  local v = choose(found)
  if kind == "number" then
    return choose { ("r = r + %s"):format(v), ("%s = (%s + r) %% 1000 r = r * 3 + %s"):format(v, v, v) }
  elseif kind == "function" then
    return ("if fuel > 0 then r = r + %s {r %% 7, fuel - 1} end"):format(v)
  end
  return choose {
    ("%s.n = (%s.n + r) %% 1000 r = r + %s.n"):format(v, v, v),
    ("%s.sub.n = %s.sub.n + 1 r = r + %s.sub.n"):format(v, v, v),
    ("if %s.me == %s then r = r + 5 end"):format(v, v),
    ("if %s.f and fuel > 0 then r = r + %s.f {r %% 5, fuel - 1} end"):format(v, v),
    ("r = r + %s:size()"):format(v),
  }
end

local function body(vars)
  local uses = {}
  for i = 1, math.random(1, 4) do uses[i] = "  " .. use(vars) end
  return "(inbox)\n  local r, fuel = inbox[1], inbox[2] or 3\n" .. table.concat(uses, "\n") .. "\n  return r % 1000003\nend"
end

local statements = {}

function statements.number(out, vars, name)
  out(("local %s = %d"):format(name, math.random(9)))
  vars[#vars + 1] = { name = name, kind = "number" }
end

function statements.global(out, vars)
  local name = choose { "G1", "G2" }
  out(("%s = %d"):format(name, math.random(9)))
  table.insert(vars, 1, { name = name, kind = "number" })
end

function statements.table(out, vars, name)
  local before = { visible(vars, "table"), visible(vars, "function") }
  out(("local %s = setmetatable({n = %d, sub = {n = 1}}, Class)"):format(name, math.random(9)))
  vars[#vars + 1] = { name = name, kind = "table" }
  if math.random() < 0.4 then out(("%s.me = %s"):format(name, name)) end
  if #before[1] > 0 and math.random() < 0.5 then
    local other = choose(before[1])
    if other ~= name then out(("%s.sub, %s.other = %s.sub, %s"):format(name, name, other, other)) end
  end
  if #before[2] > 0 and math.random() < 0.5 then
    local f = choose(before[2])
    if f ~= name then out(("%s.f = %s"):format(name, f)) end
  end
end

statements["function"] = function(out, vars, name)
  local own = { name = name, kind = "function" }
  if math.random() < 0.5 then
    vars[#vars + 1] = own
    out(("local function %s%s"):format(name, body(vars)))
  else
    out(("local %s = function%s"):format(name, body(vars)))
    vars[#vars + 1] = own
  end
  if math.random() < 0.6 then out(("list[#list + 1] = %s"):format(name)) end
end

-- two closures that share what is local to them
function statements.factory(out, vars, name)
  local inner = table.move(vars, 1, #vars, 1, {})
  out(("local function make(%s)"):format(name))
  inner[#inner + 1] = { name = name, kind = "number" }
  statements[choose { "number", "table" }](out, inner, choose(names))
  out(("return function%s, function%s"):format(body(inner), body(inner)))
  out "end"
  for _ = 1, math.random(2) do
    out(("list[#list + 1], list[#list + 2] = make(%d)"):format(math.random(9)))
  end
end

local function block(out, vars, depth)
  for _ = 1, math.random(2, 6) do
    local kind = choose { "number", "table", "table", "function", "function", "factory", "global", "block" }
    if kind ~= "block" then
      statements[kind](out, vars, choose(names))
    elseif depth < 3 then
      out "do"
      block(out, table.move(vars, 1, #vars, 1, {}), depth + 1)
      out "end"
    end
  end
end

local function program()
  local lines = { "local list, Class = ..., {}", "Class.__index = Class", "function Class:size() return self.n % 3 end",
    "G1, G2 = 1, 2" }
  block(function(line) lines[#lines + 1] = line end, { { name = "G1", kind = "number" }, { name = "G2", kind = "number" } }, 1)
  return table.concat(lines, "\n")
end

-- ---- the same by itself and saved ----

-- what the functions of a pipeline give, called in turn
local function results(plumber)
  local out = {}
  for round = 1, 4 do
    for _, piper in ipairs(plumber:nodes()) do
      local result = piper.worker { round }
      out[#out + 1] = getmetatable(result) == papy.Error and tostring(result) or result
    end
  end
  return out
end

local path = T.temp()

local function saved(plumber)
  local good, why = pcall(plumber.save, plumber, path)
  if not good and tostring(why):find "rename one" then return nil end
  assert(good, why)
  local again = papy.Plumber()
  again:load(path)
  return again
end

local refused = 0

local function check(seed)
  math.randomseed(seed)
  local text, list = program(), {}
  assert(load(text, text))(list)
  if #list == 0 then return end
  local plumber = papy.Plumber()
  for i, f in ipairs(list) do plumber:add_piper(papy.Piper(f, { name = "p" .. i })) end
  results(plumber) -- the variables have changed by now
  local again = saved(plumber)
  if not again then
    refused = refused + 1
    return
  end
  local script = io.open(path):read "a"
  local expected = results(plumber)
  -- globals are as the original has left them; loading gives them back
  local good, why = pcall(function()
    again = papy.Plumber()
    again:load(path)
    local twice = saved(again)
    T.eq(results(again), expected, "loaded")
    if twice then
      twice = papy.Plumber()
      twice:load(path)
      T.eq(results(twice), expected, "saved and loaded again")
    end
  end)
  if good then return end
  print(("# PAPY_TEST_SEED=%d\n%s\n---- saved ----\n%s\n%s"):format(seed, text, script, tostring(why)))
  error(("seed %d"):format(seed), 0)
end

local first = tonumber(os.getenv "PAPY_TEST_SEED") or 3 -- the same in every run of the suite; others by hand
local rounds, until_then = 0, papy.now() + SECONDS
T.claim("saved functions compute what they did before", function()
  repeat
    check(first + rounds)
    rounds = rounds + 1
  until papy.now() > until_then
  T.ok(rounds < 20 or refused < rounds / 2, refused, "of", rounds, "refused")
end)
print(("# %d programs from PAPY_TEST_SEED=%d, %d refused"):format(rounds, first, refused))

T.finish()
