-- The log: silent by default, levels, one whole line per event from every worker, rotation.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local log = papy.log

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

T.claim("it is silent until started", function()
  T.eq(log.level(), "off")
  T.eq((T.run 'papy.log.error "nobody hears this"'), "")
  T.eq(log.enabled "error", false)
end)

T.claim("a line is LEVEL HH:MM:SS,mmm [name] - message", function()
  local path = T.temp()
  log.start { file = path, level = "debug" }
  log.debug("%d files in %s", 3, "x")
  log.info "hello"
  log.warn(42)
  log.logger("parse").error "bad"
  log.stop()
  log.error "not any more"
  local lines = lines_of(path)
  T.eq(#lines, 4)
  T.ok(lines[1]:find "^DEBUG %d%d:%d%d:%d%d,%d%d%d %[papy%] %- 3 files in x$", lines[1])
  T.ok(lines[2]:find "^INFO .* %[papy%] %- hello$", lines[2])
  T.ok(lines[3]:find "^WARN .* %- 42$", lines[3])
  T.ok(lines[4]:find "^ERROR .* %[parse%] %- bad$", lines[4])
end)

T.claim("levels below the least are not written; info is the default", function()
  local path = T.temp()
  log.start { file = path }
  T.eq(log.level(), "info")
  T.eq({ log.enabled "debug", log.enabled "info", log.enabled "error" }, { false, true, true })
  log.debug "no"
  log.info "yes"
  log.start { file = path, level = "error" }
  log.warn "no"
  log.error "yes"
  log.stop()
  T.eq(#lines_of(path), 2)
end)

T.claim("an event is one line, whatever it says", function()
  local path = T.temp()
  log.start { file = path }
  log.info "a\nb\r\27[31m\0end"
  log.info("%d", "no number")
  log.info("100%")
  log.stop()
  local lines = lines_of(path)
  T.ok(lines[1]:find("- a\\nb\\x0d\\x1b[31m\\x00end", 1, true), lines[1])
  T.ok(lines[2]:find("- %d no number", 1, true), lines[2])
  T.ok(lines[3]:find("- 100%", 1, true), lines[3])
  T.eq(#lines, 3)
end)

T.claim("the stream is standard error, or any open file", function()
  local text = T.run 'papy.log.start() papy.log.info "to stderr"'
  T.ok(text:find "to stderr\n$", text)
  local path = T.temp()
  local f = assert(io.open(path, "w"))
  log.start { stream = f }
  log.info "to a file"
  log.stop()
  f:close()
  T.eq(#lines_of(path), 1)
end)

T.claim("wrong options are clear", function()
  T.raises("did you mean 'level'", log.start, { levl = "info" })
  T.raises("option 'level' must be", log.start, { level = "loud" })
  T.raises("option 'stream' must be", log.start, { stream = "x" })
  T.raises("cannot write /no/such/dir/log", log.start, { file = "/no/such/dir/log" })
  T.eq(log.level(), "off")
end)

T.claim("a file rotates at its size; number old ones stay", function()
  local path = T.temp()
  log.start { file = path, size = 1000, number = 2 }
  for i = 1, 100 do log.info("line %03d", i) end
  log.stop()
  local all = {}
  for _, name in ipairs { path .. ".2", path .. ".1", path } do
    local size = assert(papy.fs.stat(name)).size
    T.ok(size <= 1000 and size > 0, name, size)
    for _, line in ipairs(lines_of(name)) do all[#all + 1] = line:match "line (%d+)" end
  end
  T.eq(papy.fs.stat(path .. ".3"), nil)
  T.eq(all[#all], "100")
  for i = 2, #all do T.eq(tonumber(all[i]), tonumber(all[i - 1]) + 1) end
  for i = 1, 2 do os.remove(path .. "." .. i) end
end)

T.each_type(function(worker_type)
  T.claim("lines of many workers do not mix, and none is lost in rotation", function()
    local path = T.temp()
    log.start { file = path, size = 4000, number = 1000 }
    local pool = papy.NuMap(function(i)
      for k = 1, 25 do papy.log.info("%d/%d %s", i, k, ("x"):rep(50)) end
      return i
    end, T.range(1, 40), { worker_num = 4, worker_type = worker_type })
    T.eq(#T.values(pool), 40)
    pool:stop()
    log.stop()
    local seen, n, name = {}, 0, path
    repeat
      for _, line in ipairs(lines_of(name)) do
        local key = line:match("^INFO %d%d:%d%d:%d%d,%d%d%d %[papy%] %- (%d+/%d+) " .. ("x"):rep(50) .. "$")
        T.ok(key and not seen[key], line)
        seen[key] = true
      end
      if n > 0 then os.remove(name) end
      n = n + 1
      name = path .. "." .. n
    until not papy.fs.stat(name)
    for i = 1, 40 do
      for k = 1, 25 do T.ok(seen[i .. "/" .. k], "lost", i, k) end
    end
    T.ok(n > 10, "files", n)
  end)
end)

T.each_type(function(worker_type)
  T.claim("failed items are one line at level error, what a pipeline does at level debug", function()
    local path = T.temp()
    log.start { file = path, level = "debug" }
    local pool = papy.NuMap { worker_num = 1, worker_type = worker_type }
    local function fail(inbox)
      if inbox[1] == 2 then error "two is bad" end
      return inbox[1]
    end
    local plumber = papy.Plumber { pipes = { { papy.Piper(fail, { parallel = pool }), papy.Piper(fail) } } }
    plumber:start { { 1, 2, 3 } }
    plumber:run()
    plumber:pause()
    plumber:run()
    plumber:wait()
    plumber:stop()
    T.drain(papy.NuMap(papy.Worker(fail), { { 2 } }, { worker_type = worker_type }))
    log.stop()
    local states, errors = {}, 0
    for _, line in ipairs(lines_of(path)) do
      states[#states + 1] = line:match "^DEBUG.*%[papy%] %- the pipeline is (%a+)$"
      if line:find "^ERROR .*%[papy%] %- .*two is bad" then errors = errors + 1 end
    end
    T.eq(table.concat(states, " "), "started running paused running finished stopped")
    T.eq({ #lines_of(path), errors }, { 8, 2 })
  end)
end)

T.each_type(function(worker_type)
  T.claim("a function may hold the log or a logger", function()
    local path, mine, its = T.temp(), log.logger "mine", papy.log
    log.start { file = path }
    T.drain(papy.NuMap(function(x)
      mine.info(x)
      its.info(x)
    end, { 1, 2, 3 }, { worker_type = worker_type }))
    log.stop()
    T.eq(#lines_of(path), 6)
  end)
end)

T.claim("a worker that dies and an input that raises are logged", function()
  local path = T.temp()
  log.start { file = path }
  T.drain(papy.NuMap(function() os.exit(3) end, { 1 }))
  T.drain(papy.NuMap(function() end, function() error "no more data" end))
  log.stop()
  local lines = lines_of(path)
  T.eq(#lines, 2)
  T.ok(lines[1]:find "^ERROR.*exit" and lines[2]:find "^ERROR.*no more data", lines)
end)

T.finish()
