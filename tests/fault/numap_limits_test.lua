-- Out of descriptors, processes and memory: a clear error of the call or of the item, no hang, no crash.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lua/?.lua;" .. package.path
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- run the script in a shell that first sets limits; its text and status
local function limited(limit, script)
  return T.run(script, ("timeout 30 sh -c '%s; exec \"$0\" \"$@\"'"):format(limit))
end

-- does papy start at all under the limit? (a sanitizer does not live with little address space)
local function starts(limit)
  local _, status = limited(limit, "")
  return status == 0
end

-- either everything worked, or the program ended with an error that holds one of the words
local function works_or_says(text, status, ...)
  ok(status ~= 124, "hangs:", text)
  if status == 0 then
    ok(text:find "all fine", text)
    return
  end
  eq(status, 1)
  for _, word in ipairs { ... } do
    if text:find(word) then return end
  end
  error("message: " .. text, 2)
end

local MANY = [[
local pool = papy.NuMap { worker_num = 8 }
local items = {}
for i = 1, 100 do items[i] = i end
local task = pool:add_task(function(x) return x * 2 end, items)
pool:start()
local n = 0
for v in task do
  n = n + 1
  assert(v == 2 * n)
end
assert(n == 100)
pool:stop()
print "all fine"
]]

claim("out of descriptors", function()
  for _, transport in ipairs { "shm", "pipe" } do
    for _, n in ipairs { 4, 6, 8, 10, 12, 16, 20, 32 } do
      if starts("ulimit -n " .. n) then
        local text, status = limited(("export PAPY_TRANSPORT=%s; ulimit -n %d"):format(transport, n), MANY)
        works_or_says(text, status, "[Tt]oo many open files", "descriptor")
      end
    end
  end
end)

claim("a program that ran out of descriptors can go on without the pool", function()
  local text, status = limited("export PAPY_TRANSPORT=pipe; ulimit -n 14", [[
local function try(workers)
  local pool = papy.NuMap { worker_num = workers }
  local task = pool:add_task(function(x) return x end, { 1, 2, 3 })
  local good, e = pcall(pool.start, pool)
  if not good then return false, e end
  for i = 1, 3 do assert(task:next() == i) end
  pool:stop()
  return true
end
try(40)
assert(try(1))
print "all fine"
]])
  works_or_says(text, status, "[Tt]oo many open files", "descriptor")
end)

claim("fork failing", function()
  -- root is not limited: become nobody
  local become = ""
  if (T.read_all "id -u"):find "^0" then
    become = "setpriv --reuid 65534 --regid 65534 --clear-groups "
    -- from a shell, as below: papy may lie where only root may go
    if os.execute(("%ssh -c 'exec %s -e \"\"' 2>/dev/null"):format(become, T.papy())) ~= true then
      print "# cannot become another user here"
      return
    end
  end
  for _, n in ipairs { 1, 2, 4 } do
    local path = T.temp(MANY)
    os.execute("chmod 644 " .. path)
    local text, status = T.read_all(("{ timeout 30 %ssh -c 'ulimit -u %d; exec %s %s' ; } 2>&1 </dev/null")
      :format(become, n, T.papy(), path))
    works_or_says(text, status, "fork", "process", "[Rr]esource temporarily unavailable")
  end
end)

claim("thread creation failing for lack of memory", function()
  if not starts "ulimit -v 400000" then return end
  local text, status = limited("ulimit -v 400000", [[
local pool = papy.NuMap { worker_type = "thread", worker_num = 300 }
local task = pool:add_task(function(x) return x end, { 1, 2, 3 })
pool:start()
for i = 1, 3 do assert(task:next() == i) end
pool:stop()
print "all fine"
]])
  works_or_says(text, status, "thread", "memory", "[Rr]esource temporarily unavailable")
end)

claim("memory exhausted in a worker is an error of its item", function()
  local limit = "ulimit -v 700000"
  if not starts(limit) then
    print "# cannot run with little address space"
    return
  end
  local text, status = limited(limit, [[
local pool = papy.NuMap { worker_num = 2 }
local task = pool:add_task(function(x)
  if x == 3 then
    local hoard = {}
    for i = 1, math.huge do hoard[i] = ("x"):rep(1000000) .. i end
  end
  return x
end, { 1, 2, 3, 4, 5 })
pool:start()
for i = 1, 5 do
  local good, v = pcall(task.next, task)
  if i == 3 then
    assert(not good, v)
    assert(v.kind == "function" or v.kind == "died", v.kind)
    assert(tostring(v):find "memory", tostring(v))
  else
    assert(good and v == i, v)
  end
end
assert(task:next() == nil)
pool:stop()
print "all fine"
]])
  ok(status == 0 and text:find "all fine", status, text)
end)

claim("a result too large for the memory is an error of its item", function()
  local limit = "ulimit -v 1000000"
  if not starts(limit) then return end
  local text, status = limited(limit, [[
local pool = papy.NuMap { worker_num = 1 }
local task = pool:add_task(function(x)
  if x == 2 then
    local list = {}
    local big = ("x"):rep(20000000)
    for i = 1, 100 do list[i] = big .. "" end
    for i = 1, 100 do list[i] = i .. big end
    return list
  end
  return x
end, { 1, 2, 3 })
pool:start()
for i = 1, 3 do
  local good, v = pcall(task.next, task)
  if i == 2 then
    assert(not good, "the second item")
    assert(tostring(v):find "memory", tostring(v))
  else
    assert(good and v == i, v)
  end
end
print "all fine"
]])
  ok(status == 0 and text:find "all fine", status, text)
end)

claim("an item too large for the memory is an error of its item", function()
  local limit = "ulimit -v 1500000"
  if not starts(limit) then return end
  local text, status = limited(limit, [[
local n = 0
local big = ("x"):rep(200000000)
local pool = papy.NuMap { worker_num = 1, stride = 4, buffer = 4 }
local task = pool:add_task(function(x) return type(x) == "string" and #x or x end, function()
  n = n + 1
  if n > 12 then return nil end
  return n % 2 == 0 and big or n
end)
local good, e = pcall(pool.start, pool)
assert(good, e)
for i = 1, 12 do
  local good, v = pcall(task.next, task)
  if good then
    assert(v == (i % 2 == 0 and #big or i), v)
  else
    assert(tostring(v):find "memory", tostring(v))
  end
end
assert(task:next() == nil)
print "all fine"
]])
  ok(status == 0 and text:find "all fine", status, text)
end)

T.finish()
