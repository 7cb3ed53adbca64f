-- stride: how many items of one task are submitted before the next task has its turn.
--
--   L0 L1 L2 L3 ──▶ note ──▶ left
--   R0 R1 R2 R3 ──▶ note ──▶ right
--
--   stride = 2:   L0 L1 │ R0 R1 │ L2 L3 │ R2 R3      the order of submission, whatever the order of retrieval
--
-- With one worker it is the order of evaluation, too, which the worker writes down.

local diary = os.tmpname()

local function note(name)
  local file = assert(io.open(diary, "a"))
  file:write(name, " ")
  file:close()
  return name
end

local pool = papy.NuMap { worker_num = 1, stride = 2 }
local left = pool:add_task(note, { "L0", "L1", "L2", "L3" })
local right = pool:add_task(note, { "R0", "R1", "R2", "R3" })
pool:start()

for i = 0, 3 do
  assert(right:next() == "R" .. i)
  assert(left:next() == "L" .. i)
end
pool:stop()

local file = assert(io.open(diary))
local order = file:read "a"
file:close()
os.remove(diary)
print(order)

assert(order == "L0 L1 R0 R1 L2 L3 R2 R3 ")
