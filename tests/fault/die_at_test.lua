-- In the hostile build a worker dies at its n-th change of a cell's state (PAPY_DIE_AT=n), and so does each that takes its
-- place: n is walked through the whole life of a tasklet. Wherever it dies, every item comes out once, in order, as its value
-- or as the error that its worker died. In other builds nobody dies, and every item is a value.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lua/?.lua;" .. package.path
local T = require "support"
local claim = T.claim

local LAST = 60

-- What each program does; it says how many items died. Every other result is large: it has a block of its own, which a death
-- may lose, but which must never be given back twice.
local script = T.temp [[
local ITEMS, transport, batch = 20, arg[1], math.tointeger(arg[2])

local function chain(ordered, options)
  local pool = papy.NuMap{ worker_num = 2, stride = 5, buffer = 20, batch = batch, transport = transport, ordered = ordered }
  local n = 0
  local a = pool:add_task(function(x) return { x, ("x"):rep(x % 2 * 5000) } end, function()
    n = n + 1
    return n <= ITEMS and n or nil
  end, options)
  local b = pool:add_task(function(t) return t[1] * 10 + #t[2] end, a, options)
  pool:start()
  local died, seen = 0, {}
  for place = 1, ITEMS do
    local good, v = pcall(b.next, b, { timeout = 20 })
    if good then
      local item = assert(v, "the stream ends early") // 10 % 500
      assert(v == item * 10 + item % 2 * 5000 and item <= ITEMS, v)
      assert(not ordered or item == place, ("item %d at place %d"):format(item, place))
      assert(not seen[item], ("item %d twice"):format(item))
      seen[item] = true
    else
      assert(type(v) ~= "string" and v.kind == "died", tostring(v))
      assert(not ordered or v.index == place, ("item %d at place %d"):format(v.index, place))
      died = died + 1
    end
  end
  assert(b:next{ timeout = 20 } == nil, "the stream does not end")
  pool:stop()
  return died
end

print("died", chain(true) + chain(false) + chain(true, { retries = 2 }))
]]

local function run(n, transport, batch)
  local command = ("PAPY_DIE_AT=%d timeout %d %s %s %s %d 2>&1 </dev/null"):format(n, 30 * T.slow, T.papy(), script,
    transport, batch)
  local text, status = T.read_all(command)
  if status ~= 0 then error(("dying at change %d: status %d\n%s"):format(n, status, text)) end
  return math.tointeger(text:match "^died%s+(%d+)\n$")
end

for _, transport in ipairs { "shm", "pipe" } do
  for _, batch in ipairs { 1, 5 } do
    claim(("every item comes out once wherever workers die (%s, batches of %d)"):format(transport, batch), function()
      local died = 0
      for n = 1, LAST do
        died = died + run(n, transport, batch)
        if died == 0 then break end -- not a hostile build
      end
      print(("# %d items died"):format(died))
    end)
  end
end

T.finish()
