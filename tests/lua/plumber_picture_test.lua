-- Plumber: dot() and show(), the pipeline drawn.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

local function same(inbox) return inbox[1] end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

local function drawn(pipes, name)
  local plumber = papy.Plumber()
  local pipers = {}
  for _, pipe in ipairs(pipes) do
    local list = {}
    for letter in pipe:gmatch "%S+" do
      pipers[letter] = pipers[letter] or papy.Piper(same, { name = letter })
      list[#list + 1] = pipers[letter]
    end
    plumber:add_pipe(list)
  end
  local picture = require "papy.picture"
  return lines_of((picture.text(plumber):gsub("  +here", ""))), plumber, name
end

claim("a chain", function()
  eq(drawn { "a b c" }, { "●  a", "●  b", "●  c" })
end)

claim("pipelines side by side", function()
  eq(drawn { "a", "b" }, { "●  a", "●  b" })
end)

claim("a diamond", function()
  eq(drawn { "a b d", "a c d" }, {
    "●    a",
    "├─┐",
    "● │  b",
    "│ ●  c",
    "├─┘",
    "●    d",
  })
end)

claim("a fork into three, one of them passing by", function()
  local got = drawn { "a b e", "a c e", "a e" }
  eq(got[1], "●      a")
  eq(got[2], "├─┬─┐")
  eq(got[#got], "●      e")
  eq(got[#got - 1], "├─┴─┘")
  eq(#got, 6)
end)

claim("lanes that cross", function()
  for _, line in ipairs(drawn { "a x", "b y", "a y", "b x", "c y" }) do
    ok(utf8.len(line), line)
  end
end)

claim("show tells state, places and counts", function()
  local text, status = T.run [[
    local pool = papy.NuMap {worker_num = 2, name = "main"}
    local function f(inbox) if inbox[1] == 2 then error "two" end return inbox[1] end
    local plumber = papy.Plumber()
    plumber:add_pipe {papy.Piper(f, {name = "parse", parallel = pool}), papy.Piper(f, {name = "sink"})}
    plumber:show()
    plumber:start {{1, 2, 3}}
    plumber:run()
    plumber:wait()
    plumber:show()
    plumber:stop()
    plumber:show()]]
  eq(status, 0)
  eq(text:gsub("%d+%.%d s", "T"), [[
new
●  parse  main, 2 processes
●  sink   here
finished, T
●  parse  main, 2 processes  3 done, 1 failed
●  sink   here               3 done, 1 failed
stopped, T
●  parse  main, 2 processes  3 done, 1 failed
●  sink   here               3 done, 1 failed
]])
end)

claim("what does not fit gets narrow or goes: places, then names, then counts", function()
  local picture = require "papy.picture"
  local pool = papy.NuMap { worker_num = 2, name = "main" }
  local plumber = papy.Plumber { pipes = { { papy.Piper(same, { name = "parse every line", parallel = pool }),
    papy.Piper(same, { name = "größe\n" }) } } }
  local stats = { pipers = { ["parse every line"] = { done = 1234, failed = 0 }, ["größe\n"] = { done = 1, failed = 1 } } }
  local function at(width, unicode) return picture.text(plumber, stats, { width = width, unicode = unicode }) end
  eq(at(80, true), [[
●  parse every line  main, 2 processes  1234 done
●  größe?            here               1 done, 1 failed
]])
  eq(at(50, true), [[
●  parse every line  main, 2 pr…  1234 done
●  größe?            here         1 done, 1 failed
]])
  eq(at(40, false), [[
o  parse every line  1234 done
o  größe?            1 done, 1 failed
]])
  eq(at(30, true), [[
●  parse ev…  1234 done
●  größe?     1 done, 1 failed
]])
  eq(at(15, true), [[
●  parse e…
●  größe?
]])
end)

claim("dot is Graphviz text with every piper and pipe, quoted", function()
  local pool = papy.NuMap { worker_num = 1, worker_type = "thread", name = "main" }
  local plumber = papy.Plumber()
  plumber:add_pipe { papy.Piper(same, { name = 'say "a\\b"' }), papy.Piper(same, { name = "b", parallel = pool }) }
  local text = plumber:dot()
  ok(text:find "^digraph papy {\n", text)
  ok(text:find([["say \"a\\b\"" -> "b";]], 1, true), text)
  ok(text:find([["b" [label = "b\nmain, 1 thread", style = solid];]], 1, true), text)
end)

claim("tostring lists pipers and pipes", function()
  local _, plumber = drawn { "a b" }
  eq(tostring(plumber), "papy.Plumber: 2 pipers, 1 pipes\n  a\n  b\n  a > b")
end)

T.finish()
