-- Ctrl-C while the host pulls, encodes, waits and decodes: it is raised once, in the script, and costs no item.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- each press in a script of its own, since a second one ends it
local all_tables = [[
local items, n, presses = {}, 60000, 0
for i = 1, n do items[i] = {i} end
os.execute(("(sleep %%.3f; kill -INT %%d) & "):format(%f, require "papy.core".sys.getpid()))
local function take()
  local pool = papy.NuMap(function(x) return x end, items, {worker_num = 1, buffer = 2000, track = true})
  while true do
    local good, item = pcall(pool)
    if good and item == nil then break end
    if not good then
      presses = presses + 1
      if presses > 1 or item ~= "interrupted!" then print(item) os.exit(1) end
    end
  end
  for i = 1, n do
    if pool:get_task(1).tracked[i][1] ~= i then print("lost", i) os.exit(1) end
  end
end
repeat take() until presses == 1
print "once"
]]

claim("Ctrl-C among items that are tables is raised once and costs no item", function()
  local caught = 0
  for round = 1, 8 do
    local text, status = T.run(all_tables:format((0.02 + round * 0.015) * T.slow))
    if not text:find "^papy: " then -- else it came while the script did something else
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
