-- The order of submission: strides of task 1, 2, ..., 1, 2, ... With one worker it is the order of evaluation, which
-- the worker notes in a file.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- "L0 L1 L2 ..."
local function names(prefix, n)
  local out = {}
  for i = 0, n - 1 do out[#out + 1] = prefix .. i end
  return out
end

local function words(text)
  local out = {}
  for w in text:gmatch "%S+" do out[#out + 1] = w end
  return out
end

T.each_type(function(worker_type)
  -- a pool of one worker whose tasks note what they are called with
  local function noting(options)
    options.worker_type, options.worker_num = worker_type, 1
    local note, notes = T.notes()
    local pool = papy.NuMap(options)
    local function add(input, f)
      return pool:add_task(function(x)
        if f then x = f(x) end
        note(x)
        return x
      end, input)
    end
    return pool, add, notes
  end

  claim("two tasks are woven in strides", function()
    local pool, add, notes = noting { stride = 2, buffer = 8 }
    local left, right = add(names("L", 4)), add(names("R", 4))
    pool:start()
    eq(left:collect(), names("L", 4))
    eq(right:collect(), names("R", 4))
    eq(notes(), words "L0 L1 R0 R1 L2 L3 R2 R3")
  end)

  claim("the order does not depend on the order of retrieval", function()
    for _, turn in ipairs { "LLRRLLRR", "LRLRLRLR", "RRLLRRLL", "RLRLRLRL", "LRRLRLLR" } do
      local pool, add, notes = noting { stride = 2 }
      local of = { L = add(names("L", 4)), R = add(names("R", 4)) }
      pool:start()
      local next_of = { L = 0, R = 0 }
      for who in turn:gmatch "." do
        eq(of[who]:next(), who .. next_of[who])
        next_of[who] = next_of[who] + 1
      end
      eq(notes(), words "L0 L1 R0 R1 L2 L3 R2 R3")
    end
  end)

  claim("strides of one, three and more than there are items", function()
    local expected = {
      [1] = "L0 R0 L1 R1 L2 R2 L3 R3",
      [3] = "L0 L1 L2 R0 R1 R2 L3 R3",
      [9] = "L0 L1 L2 L3 R0 R1 R2 R3",
    }
    for stride, order in pairs(expected) do
      local pool, add, notes = noting { stride = stride, buffer = 8 }
      local left, right = add(names("L", 4)), add(names("R", 4))
      pool:start()
      left:collect()
      right:collect()
      eq(notes(), words(order))
    end
  end)

  claim("three tasks take turns", function()
    local pool, add, notes = noting { stride = 2, buffer = 12 }
    local tasks = { add(names("a", 4)), add(names("b", 3)), add(names("c", 4)) }
    pool:start()
    for _, t in ipairs(tasks) do t:collect() end
    eq(notes(), words "a0 a1 b0 b1 c0 c1 a2 a3 b2 c2 c3")
  end)

  claim("a task that has ended is passed over, the others go on", function()
    local pool, add, notes = noting { stride = 2, buffer = 10 }
    local a, b = add(names("a", 3)), add(names("b", 7))
    pool:start()
    eq(#a:collect(), 3)
    eq(#b:collect(), 7)
    eq(notes(), words "a0 a1 b0 b1 a2 b2 b3 b4 b5 b6")
  end)

  claim("a chain is woven like separate tasks", function()
    local expected = {
      [1] = "a0 b0 a1 b1 a2 b2 a3 b3",
      [2] = "a0 a1 b0 b1 a2 a3 b2 b3",
      [3] = "a0 a1 a2 b0 b1 b2 a3 b3",
    }
    for stride, order in pairs(expected) do
      local pool, add, notes = noting { stride = stride }
      local a = add(names("a", 4))
      local b = add(a, function(x) return (x:gsub("a", "b")) end)
      pool:start()
      eq(b:collect(), names("b", 4))
      eq(notes(), words(order))
    end
  end)

  claim("a chain needs no more buffer than a stride, and keeps its order", function()
    local pool, add, notes = noting { stride = 2, buffer = 2 }
    local a = add(names("a", 4))
    local b = add(a, function(x) return (x:gsub("a", "b")) end)
    pool:start()
    eq(b:collect(), names("b", 4))
    eq(notes(), words "a0 a1 b0 b1 a2 a3 b2 b3")
  end)

  claim("a chain moves on without anybody taking results", function()
    local pool, add, notes = noting { stride = 2 }
    local a = add(names("a", 4))
    local b = add(a, function(x) return (x:gsub("a", "b")) end)
    pool:start()
    ok(T.wait_until(function() return #notes() >= 6 end), "noted", notes())
    local sofar = notes()
    eq(table.move(sofar, 1, 6, 1, {}), words "a0 a1 b0 b1 a2 a3")
    b:collect()
  end)

  -- the most tasklets that ran at once, of `items` that sleep
  local function most_at_once(workers, stride, buffer, items)
    local note, notes = T.notes()
    local pool = papy.NuMap { worker_type = worker_type, worker_num = workers, stride = stride, buffer = buffer }
    local task = pool:add_task(function(x)
      note "+"
      papy.sleep(0.15)
      note "-"
      return x
    end, T.range(1, items))
    pool:start()
    task:collect()
    local now, most = 0, 0
    for _, what in ipairs(notes()) do
      now = now + (what == "+" and 1 or -1)
      most = math.max(most, now)
    end
    eq(now, 0)
    return most
  end

  claim("as many run at once as there are workers, buffer and items", function()
    eq(most_at_once(4, 2, 8, 12), 4)
    eq(most_at_once(4, 2, 2, 6), 2)
    eq(most_at_once(4, 1, 1, 3), 1)
    eq(most_at_once(2, 8, 8, 6), 2)
    eq(most_at_once(4, 8, 8, 3), 3)
  end)
end)

T.finish()
