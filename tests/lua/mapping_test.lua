-- Counting maps the chunk; a file that shrinks meanwhile is an error of the item, in processes and in threads.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local LINES = 400000

local function sample()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  local block = ("a line with rs123 in it\n"):rep(1000)
  for _ = 1, LINES // 1000 do file:write(block) end
  file:close()
  return path
end

T.each_type(function(worker_type)
  claim("a file truncated before and while it is counted", function()
    local path = sample()
    local re = papy.regex [[rs[0-9]+(?=.*i(n).*t)]]
    local pool = papy.NuMap { worker_num = 2, worker_type = worker_type }
    local task = pool:add_task(function(chunk) return chunk:count(re) end, papy.chunks(path, 1 << 20))
    pool:start()
    eq(task:next() > 0, true)
    assert(os.execute("truncate -s 3000000 '" .. path .. "'"))
    local good, bad = 0, 0
    for _ = 1, 20 do
      local fine, value = pcall(task.next, task)
      if fine and value == nil then break end
      if fine then good = good + 1 else bad = bad + 1 end
      ok(fine or tostring(value):find("cannot", 1, true), tostring(value))
    end
    ok(bad > 0, good, bad)
    pool:stop()
    os.remove(path)
  end)

  claim("a file truncated within its last page, where its mapping shows zeros", function()
    local path = T.temp(("rs1 and rs2\n"):rep(100))
    local re = papy.regex "rs[0-9]"
    local chunks = { papy.chunks(path)() }
    assert(os.execute("truncate -s 605 '" .. path .. "'"))
    for _, count in ipairs { function(c) return c:count(re) end, function(c) return re:count(c) end } do
      local task = papy.NuMap(count, chunks, { worker_num = 1, worker_type = worker_type })
      ok(tostring(T.raises("shrunk", task.next, task)):find("at byte 605", 1, true))
      task:stop()
    end
  end)

  claim("counts agree with a plain count, wherever the chunks are cut", function()
    local path = sample()
    for _, size in ipairs { 100, 4096, 4097, 1 << 20 } do
      local sum, stop = 0, 0
      for chunk in papy.chunks(path, size) do
        sum = sum + chunk:count "rs123"
        stop = stop + 1
        if size == 100 and stop == 50 then break end
      end
      eq(sum, size == 100 and 200 or LINES)
    end
    os.remove(path)
  end)
end)

T.finish()
