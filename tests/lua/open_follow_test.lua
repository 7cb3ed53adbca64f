-- Sources that follow logs: growing, rotated, truncated, appearing; until stopped.
local T = require "support"
local R = require "reading"
local open = require "papy.open"

local dir, clean = R.directory()
local function path(name) return dir .. "/" .. name end

local function append(name, text)
  local f = assert(io.open(path(name), "ab"))
  f:write(text)
  f:close()
end

-- items of a followed source; come() gives all there is, wants(text) waits for it
local function follow(x, opts)
  local o = {follow = true, wait = 0.02}
  for key, value in pairs(opts or {}) do o[key] = value end
  local source = open.source(x, o)
  local items = open.items(source)
  local pull, got = debug.getmetatable(items).__pull, {}
  local self = {items = items, names = {}}
  function self.come()
    while true do
      local item = pull()
      if not item then break end
      local blocks, errors = R.blocks(item, source.record_start)
      for _, block in ipairs(blocks) do
        got[#got + 1] = block[1]
        self.names[#self.names + 1] = block[2]
      end
      for _, e in ipairs(errors) do got[#got + 1] = e end
    end
    return table.concat(got)
  end
  function self.wants(text)
    T.wait_until(function() return #self.come() >= #text end)
    T.eq(self.come(), text)
  end
  function self.stays(text)
    papy.sleep(0.1)
    T.eq(self.come(), text)
  end
  return self
end


T.claim("what is there, then what is appended; a partial line waits for its newline", function()
  append("grows", "one\ntwo\nthr")
  local f = follow(path "grows")
  f.wants "one\ntwo\n"
  f.stays "one\ntwo\n"
  append("grows", "ee")
  f.stays "one\ntwo\n"
  append("grows", "\nfour\n")
  f.wants "one\ntwo\nthree\nfour\n"
  T.eq(f.names[1], path "grows")
end)

T.claim("from = end: only what comes from now on, from the start of a line", function()
  append("late", "old\nhalf of")
  local f = follow(path "late", {from = "end"})
  f.stays ""
  append("late", " a line\nnew\n")
  f.wants "half of a line\nnew\n"
end)

T.claim("a renamed file is read to its end when another one has its name", function()
  append("log", "1\n")
  local f = follow(path "log")
  f.wants "1\n"
  assert(os.rename(path "log", path "log.1"))
  append("log.1", "2\n")
  f.wants "1\n2\n"
  append("log.1", "3 without an end")
  append("log", "4\n")
  f.wants "1\n2\n3 without an end4\n"
  append("log", "5\n")
  f.wants "1\n2\n3 without an end4\n5\n"
end)

T.claim("a truncated file begins anew", function()
  append("copytruncate", "a long line\nanother\n")
  local f = follow(path "copytruncate")
  f.wants "a long line\nanother\n"
  R.write(path "copytruncate", "b\n")
  f.wants "a long line\nanother\nb\n"
end)

T.claim("a file that appears later is waited for, and comes back after it was deleted", function()
  local f = follow(path "later", {from = "end"})
  f.stays ""
  append("later", "x\n")
  f.wants "x\n"
  os.remove(path "later")
  f.stays "x\n"
  append("later", "y\n")
  f.wants "x\ny\n"
end)

T.claim("several files, and those that a glob finds later", function()
  append("g1.log", "a\n")
  append("g2.log", "b\n")
  local f = follow(path "g*.log")
  f.wants "a\nb\n"
  append("g3.log", "c\n")
  append("g1.log", "d\n")
  T.wait_until(function() return #f.come() >= 8 end)
  local lines = {}
  for line in f.come():gmatch "%a" do lines[#lines + 1] = line end
  table.sort(lines)
  T.eq(table.concat(lines), "abcd")
end)

T.claim("the last record of several lines comes when the next begins, or after a quiet second", function()
  append("records", "2024 one\n  at x\n2024 two\n  at y\n")
  local f = follow(path "records", {record_start = "^2024"})
  f.wants "2024 one\n  at x\n"
  append("records", "  at z\n")
  f.stays "2024 one\n  at x\n"
  f.wants "2024 one\n  at x\n2024 two\n  at y\n  at z\n"
end)

T.claim("stop ends it, in a pool, too", function()
  append("stops", "one\n")
  local items = open.items(open.source(path "stops", {follow = true, wait = 0.02}))
  local pool, seen = papy.NuMap(function(item) return item.text end, items, {worker_num = 2, buffer = 4}), {}
  for text in pool do
    seen[#seen + 1] = text
    if #seen == 1 then append("stops", "two\n") end
    if #seen == 2 then items:stop() end
  end
  T.eq(seen, {"one\n", "two\n"})
end)

T.claim("a pool that follows is stopped while it waits", function()
  append("idle", "one\n")
  local pool = papy.NuMap(function(item) return item.text end,
    open.items(open.source(path "idle", {follow = true})), {worker_num = 2, buffer = 4})
  T.eq(pool:next(), "one\n")
  T.raises("timeout", pool.next, pool, {timeout = 0})
  pool:stop()
  T.ok(not pool.started)
end)

T.claim("papy.sleep and other pools go on while a source is silent", function()
  append("silent", "one\n")
  local pool = papy.NuMap(function(item) return item.text end,
    open.items(open.source(path "silent", {follow = true, wait = 0.02})), {worker_num = 2, buffer = 4})
  T.eq(pool:next(), "one\n")
  local t0 = papy.now()
  papy.sleep(0.1)
  T.ok(papy.now() - t0 < 5)
  T.eq(T.values(papy.NuMap(function(x) return x + 1 end, {1, 2, 3})), {2, 3, 4})
  append("silent", "two\n")
  T.ok(T.wait_until(function() return pool:stats().submitted == 2 end), "it is read while the host sleeps")
  T.eq(pool:next(), "two\n")
  pool:stop()
end)

T.claim("Ctrl-C ends a script that follows", function()
  append("interrupted", "one\n")
  local said, status, took = T.run(([[
    local open = require "papy.open"
    local source = open.source("%s", {follow = true})
    for text in papy.NuMap(function(item) return item.text end, open.items(source), {worker_num = 2, buffer = 4}) do
      io.write(text):flush()
    end]]):format(path "interrupted"), "timeout -k 20 -s INT 0.5")
  T.ok(said:find "^one\n" and said:find "interrupted!" and status ~= 0 and took < 20, said, status, took)
end)

T.claim("waiting costs next to nothing", function()
  local t0, c0 = papy.now(), os.clock()
  local items = open.items(open.source(path "never", {follow = true}))
  local timer = papy.now() + 0.5
  while papy.now() < timer do
    debug.getmetatable(items).__pull()
    papy.sleep(0.1)
  end
  T.ok(os.clock() - c0 < 0.25 * (papy.now() - t0))
end)

T.claim("what cannot be followed is an error", function()
  local f = follow(dir .. "/g1.log/x")
  T.wait_until(function() return #f.come() > 0 end)
  T.ok(f.come():find "cannot open .*/g1.log/x: Not a directory", f.come())
  T.eq(f.items(), nil)
  f = follow "/dev/null"
  T.wait_until(function() return #f.come() > 0 end)
  T.ok(f.come():find "cannot follow /dev/null: it is not a regular file", f.come())
end)

clean()
T.finish()
