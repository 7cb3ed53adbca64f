-- pipeline_template: a whole pipeline program, to be copied and changed.
--
--   papy pipeline_template.lua [--size N] [--workers N]
--
--              ┌═▶ left  ═┐
--   1 … N ─▶ fork         join ─▶ report
--              └═▶ right ═┘

-- 1. the functions: each gets an inbox with one value per upstream piper, and returns one value

local function fork(inbox) return inbox[1] end

local function work(inbox, factor) return inbox[1] * factor end

local function join(inbox)
  local left, right = inbox[1], inbox[2]
  return ("%d and %d"):format(left, right)
end

local function report(inbox) print(inbox[1]) end

-- 2. the topology: what is connected to what, and where it runs

local function pipeline(pool)
  local source = papy.Piper(fork, { name = "fork" })
  local left = papy.Piper(papy.Worker(work, { 2 }), { name = "left", parallel = pool, branch = 1 })
  local right = papy.Piper(papy.Worker(work, { 3 }), { name = "right", parallel = pool, branch = 2 })
  local joined = papy.Piper(join, { name = "join" })
  local sink = papy.Piper(report, { name = "report" })
  return papy.Plumber { pipes = { { source, left, joined, sink }, { source, right, joined } } }
end

-- 3. the arguments

local function options(words)
  local o = { size = 10, workers = 2 }
  for i = 1, #words, 2 do
    local name = words[i]:match "^%-%-(%a+)$"
    o[o[name] and name or error("unknown option " .. words[i], 0)] = assert(math.tointeger(words[i + 1]), "a number expected")
  end
  return o
end

-- 4. the data

local function numbers(size)
  local n = 0
  return function()
    n = n + 1
    return n <= size and n or nil
  end
end

-- 5. run

local o = options(arg)
local plumber = pipeline(papy.NuMap { worker_num = o.workers })
plumber:start { numbers(o.size) }
plumber:run()
local finished, err = plumber:wait()
local stats = plumber:stats()
plumber:stop()
print(("%d items in %.2f s"):format(stats.pipers.report.done, stats.run_time))
assert(finished, err)
