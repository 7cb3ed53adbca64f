-- Whoever uses the name of a function or library of Lua for something else hurts only his own program.
local T = require "support"

local MISUSE = [[
local write, tostring_, pcall_, pairs_ = io.write, tostring, pcall, pairs
for _, name in ipairs {"assert", "collectgarbage", "coroutine", "debug", "error", "getmetatable", "io", "ipairs", "load", "math",
  "next", "os", "package", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "require", "select", "setmetatable",
  "string", "table", "tonumber", "tostring", "type", "utf8", "xpcall", "_G"} do
  _ENV[name] = "mine"
end
local function say(...) write(tostring_(...), "\n") end
]]

local function prints(expected, script)
  local text, status = T.run(MISUSE .. script)
  T.eq(text, expected)
  T.eq(status, 0)
end

T.each_type(function(worker_type)
  T.claim("pools and their errors", function()
    prints("2\nx:1: no (item 2 of task 1 'double' of pool 'p': 2)\n6\n", ([[
      local function double(x) return x ~= 2 and x * 2 or nil .. "" end
      local pool = papy.NuMap{worker_num = 1, worker_type = "%s", name = "p"}
      local task = pool:add_task(double, {1, 2, 3}, {name = "double"})
      pool:start()
      say(task:next())
      local _, e = pcall_(task.next, task)
      say((tostring_(e):gsub("^.-(:%%d+:) .- %%(item", "x:1: no (item")))
      say(task:next())
    ]]):format(worker_type))
  end)
end)

T.claim("pipers, modules loaded later, and what is shown", function()
  prints("3\n1\n", [[
    local piper = papy.Piper(papy.workers.core.ipasser, {parallel = papy.NuMap{worker_num = 1}})
    piper{{3}}:start()
    say(piper:next())
    papy.show{{a = 1}}
  ]])
end)

T.claim("functions of papy's own that travel to threads, and those that are saved", function()
  local path = T.temp()
  prints("3\n", ([[
    local pool = papy.NuMap{worker_num = 1, worker_type = "thread"}
    local plumber = papy.Plumber()
    plumber:add_pipe{papy.Piper(papy.Worker({papy.workers.core.ipasser, papy.workers.maths.add}, {{}, {1}}), {parallel = pool}),
      papy.Piper(papy.workers.core.ipasser, {track = true})}
    plumber:start{{2}}
    plumber:run()
    plumber:wait()
    say(plumber:stats().tracked.piper_2[1][1])
    plumber:stop()
    plumber:save "%s"
  ]]):format(path))
  T.ok(#T.read_all("cat " .. path) > 0)
end)

T.claim("tracebacks call Lua's functions by the names everybody knows", function()
  for _ = 1, 5 do -- loaded modules have another order in each process, and the first one that holds it gives the name
    local text = T.run "error 'no'"
    T.ok(text:find "in function 'error'", text)
  end
end)

T.claim("records of flows", function()
  prints("b\n", ([[
    local flow = papy.open("%s"):fields{"x", "y"}:map(function(record)
      local fields = {}
      for key, value in pairs_(record) do fields[key] = value end
      return fields.y
    end)
    say(flow:collect()[1])
  ]]):format(T.temp "a b\n"))
end)

T.finish()
