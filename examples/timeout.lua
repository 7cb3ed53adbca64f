-- timeout: three ways not to wait for ever.
--
--   next{timeout = s}               how long *we* wait: the item stays, and comes later
--   next{timeout = s}, skip = true  how long we wait: the item is given up
--   task_timeout = s                how long the *item* may compute: its worker is killed, the item is an error
--
--   0.5  0  0 ──▶ nap ──▶ timeout! 0.5 0 0      │ skip: timeout! 0 0      │ task_timeout: error! 0 0

local function nap(seconds)
  papy.sleep(seconds)
  return seconds
end

-- what comes out: values, or the kinds of errors
local function outcome(pool, first_wait)
  local words, wait = {}, first_wait
  while true do
    local good, result = pcall(pool.next, pool, { timeout = wait })
    if good and result == nil then return table.concat(words, " ") end
    words[#words + 1] = good and tostring(result) or result.kind
    wait = nil -- the first time only
  end
end

local naps = { 0.5, 0, 0 }
local patient = outcome(papy.NuMap(nap, naps, { worker_num = 2 }), 0.1)
local skipping = outcome(papy.NuMap(nap, naps, { worker_num = 2, skip = true }), 0.1)
local killing = outcome(papy.NuMap(nap, { 60, 0, 0 }, { worker_num = 2, task_timeout = 0.3 }))
print("no skip:      " .. patient)
print("skip:         " .. skipping)
print("task_timeout: " .. killing)

assert(patient == "timeout 0.5 0 0")
assert(skipping == "timeout 0 0")
assert(killing == "timeout 0 0")
