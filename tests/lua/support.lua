-- What the Lua tests share. A test file is a list of claims:
--
--   local T = require "support"
--   T.claim("order is kept", function() T.eq(pool:next(), 1) end)
--   T.finish()
--
-- A claim that fails prints its name with a traceback; the others still run, and finish() exits with status 1.
local M = {}

local claims, failed = 0, 0
local suffix = ""
local temporary = {}

-- milliseconds may be seconds under a sanitizer or valgrind: multiply upper bounds of time by this
M.slow = math.max(1, tonumber(os.getenv "PAPY_TEST_SLOW") or 1)

-- so many random rounds, fewer where each takes longer
function M.rounds(n) return math.max(3, n // M.slow | 0) end


-- lines come out when they are printed, so that the log of a hang ends where it hangs
io.stdout:setvbuf "line"

function M.claim(name, f)
  claims = claims + 1
  local ok, why = xpcall(f, function(e)
    return debug.traceback(M.show(e), 2)
  end)
  if ok then
    print("ok - " .. name .. suffix)
  else
    failed = failed + 1
    print("not ok - " .. name .. suffix)
    print((tostring(why):gsub("([^\n]*)", "#   %1")))
  end
end

function M.finish()
  for _, path in ipairs(temporary) do os.remove(path) end
  print(("# %d claims, %d failed"):format(claims, failed))
  os.exit(failed == 0 and 0 or 1, true)
end

-- Run f for workers that are processes and for workers that are threads; or for M.types only, when a file whose claims
-- take long is run once for each.
function M.each_type(f)
  for _, worker_type in ipairs(M.types or { "process", "thread" }) do
    suffix = " (" .. worker_type .. ")"
    f(worker_type)
  end
  suffix = ""
end

-- A value in words, short.
function M.show(v, depth)
  depth = depth or 0
  if type(v) == "string" then
    return #v > 200 and ("%q... (%d bytes)"):format(v:sub(1, 60), #v) or ("%q"):format(v)
  end
  local mt = getmetatable(v)
  if type(v) ~= "table" or type(mt) == "table" and mt.__tostring then return tostring(v) end
  if depth > 3 then return "{...}" end
  local parts = {}
  for k, x in pairs(v) do
    if #parts == 24 then
      parts[#parts + 1] = "..."
      break
    end
    local key = math.type(k) == "integer" and k == #parts + 1 and "" or M.show(k, depth + 1) .. "="
    parts[#parts + 1] = key .. M.show(x, depth + 1)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- The path to the first difference of two values, or nil. Integers and floats differ; a NaN equals a NaN; tables are
-- compared as graphs.
local function difference(a, b, path, seen)
  if type(a) ~= type(b) or math.type(a) ~= math.type(b) then return path end
  if type(a) ~= "table" then
    local same = a == b or a ~= a and b ~= b
    return not (same and (math.type(a) ~= "float" or a ~= 0 or 1 / a == 1 / b)) and path or nil
  end
  if seen[a] then return seen[a] ~= b and path or nil end
  seen[a] = b
  for k, v in pairs(a) do
    local at = path .. "[" .. M.show(k) .. "]"
    local d = difference(v, rawget(b, k), at, seen)
    if d then return d end
  end
  for k in pairs(b) do
    if rawget(a, k) == nil then return path .. "[" .. M.show(k) .. "]" end
  end
end

-- Deep equality.
function M.eq(got, expected, what)
  local at = difference(got, expected, what or "value", {})
  if at then
    error(("%s differs\n  got      %s\n  expected %s"):format(at, M.show(got), M.show(expected)), 2)
  end
end

-- true, or an error with the values in words
function M.ok(condition, ...)
  if not condition then
    local words = {}
    for i = 1, select("#", ...) do
      local word = select(i, ...)
      words[i] = type(word) == "string" and word or M.show(word)
    end
    error("does not hold: " .. table.concat(words, " "), 2)
  end
  return condition
end

-- The field of an error value, nil for errors that are plain strings.
local function field(e, name)
  local ok, v = pcall(function() return e[name] end)
  return ok and type(e) ~= "string" and v or nil
end

-- f(...) raises an error of this kind, or whose text matches this pattern (or one of several), which is returned.
function M.raises(what, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then error(("no error, but %s; expected %s"):format(M.show(results[2]), M.show(what)), 2) end
  local e = results[2]
  for _, w in ipairs(type(what) == "table" and what or { what }) do
    if field(e, "kind") == w or tostring(e):find(w) then return e end
  end
  error(("wrong error: expected %s, got %s: %s"):format(M.show(what), M.show(field(e, "kind")), tostring(e)), 2)
end

-- Everything a stream still gives, each item as {value} or {error = kind}.
function M.drain(stream, options)
  local out = {}
  while true do
    local ok, v = pcall(stream.next, stream, options)
    if ok and v == nil then return out end
    out[#out + 1] = ok and v or { error = field(v, "kind") or tostring(v) }
    if #out > 100000 then error("the stream does not end: " .. M.show(v), 2) end
  end
end

-- All values of a stream.
function M.values(stream)
  local out = {}
  for v in stream do out[#out + 1] = v end
  return out
end

function M.range(first, last)
  local out = {}
  for i = first, last do out[#out + 1] = i end
  return out
end

-- An endless counter, and how far it has been read.
function M.counter(last)
  local n = 0
  return function()
    if last and n >= last then return nil end
    n = n + 1
    return n
  end, function() return n end
end

-- A file removed at the end.
function M.temp(text)
  local path = os.tmpname()
  temporary[#temporary + 1] = path
  local f = assert(io.open(path, "w"))
  f:write(text or "")
  f:close()
  return path
end

-- A place where workers note what they do: note(x) appends a line, from any process or thread; notes() reads them.
function M.notes()
  local path = M.temp()
  local function note(x)
    local f = assert(io.open(path, "a"))
    f:write(tostring(x) .. "\n")
    f:close()
    return x
  end
  local function notes()
    local out = {}
    for line in io.lines(path) do out[#out + 1] = line end
    return out
  end
  return note, notes, path
end

-- Let the pools work until condition() holds; false when it does not within some seconds.
function M.wait_until(condition, seconds)
  local deadline = papy.now() + (seconds or 10) * M.slow
  repeat
    local v = condition()
    if v then return v end
    papy.sleep(0.01)
  until papy.now() > deadline
  return false
end

function M.read_all(command)
  local p = assert(io.popen(command))
  local text = p:read "a"
  local _, how, status = p:close()
  return text, status, how
end

-- The program that runs this test.
local program
function M.papy()
  program = program or (M.read_all "readlink /proc/$PPID/exe"):gsub("\n", "")
  return program
end

-- The process a worker runs in, asked in the worker.
function M.pid()
  local f = assert(io.open "/proc/self/stat")
  local pid = f:read "n"
  f:close()
  return pid
end

-- Does the process live? One that has ended and waits to be reaped does not.
function M.alive(pid)
  local f = io.open(("/proc/%d/stat"):format(pid))
  if not f then return false end
  local text = f:read "a" or ""
  f:close()
  local state = text:match "%) (%a)"
  return state ~= nil and state ~= "Z" and state ~= "X"
end

-- Run a script in a papy of its own. `before` is put before the program's name (a `timeout`, a `ulimit`). Returns what
-- it printed on both outputs, its exit status and the seconds it took; status 124: still running after 30 s.
function M.run(script, before)
  local path = M.temp(script)
  local command = ("{ %s %s %s ; } 2>&1 </dev/null"):format(before or "timeout 30", M.papy(), path)
  local t0 = papy.now()
  local text, status = M.read_all(command)
  return text, status, papy.now() - t0
end

return M
