-- Ctrl-C while the host pulls, encodes, waits and decodes: it is raised once, in the script, and costs no item.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- each press in a script of its own, since a second one ends it
local all_tables = [[
local items, n, presses, pool = {}, 60000, 0, nil
for i = 1, n do items[i] = {i} end
local function take_all()
  pool = pool or papy.NuMap(function(x) return x end, items, {worker_num = 1, buffer = 2000, track = true})
  repeat until pool() == nil
  for i = 1, n do
    if pool:get_task(1).tracked[i][1] ~= i then print("lost", i) os.exit(1) end
  end
  pool = nil
end
os.execute(("(sleep %%.3f; kill -INT %%d) & "):format(%f, require "papy.core".sys.getpid()))
repeat
  local good, why = pcall(take_all)
  if not good then
    presses = presses + 1
    if presses > 1 or not tostring(why):find "^[^(]*interrupted!$" then print(why) os.exit(1) end
  end
until good and presses == 1
print "once"
]]

claim("Ctrl-C among items that are tables is raised once and costs no item", function()
  local caught = 0
  for round = 1, 60 do
    if caught == 4 then break end
    local text, status = T.run(all_tables:format((round % 12 + 1) * 0.03 * T.slow))
    if not text:find "^papy: " then -- else it came between two calls of pcall
      eq({ text, status }, { "once\n", 0 })
      caught = caught + 1
    end
  end
  ok(caught > 0)
end)

claim("an input that raises a word like it is not taken for Ctrl-C", function()
  local pool = papy.NuMap(function(x) return x end, function()
    error "transfer interrupted!"
  end, { worker_num = 1, buffer = 1, stride = 1 })
  T.raises("input", pool)
  eq(pool(), nil)
end)

T.finish()
