-- help(): the comments above public functions.
local T = require "support"
local claim, eq, ok = T.claim, T.eq, T.ok

-- what a papy prints that runs this
local function said(code)
  local text, status = T.run(code)
  eq(status, 0, text)
  return text
end

claim("without an argument it tells what there is, and everything has a line", function()
  local text = said "papy.help()"
  for name in pairs(papy) do
    ok(text:find("papy." .. name .. "  +%S"), name, text)
  end
  for _, name in ipairs { "Piper", "Plumber", "Graph", "workers", "fs", "log", "help" } do -- not loaded before
    ok(text:find("papy." .. name .. "  +%S"), name, text)
  end
end)

claim("a function, a name and a value come to the same comment", function()
  local comment = "Register f over input as the next task and return it"
  for _, what in ipairs { '"add_task"', '"pool:add_task"', "papy.NuMap().add_task", "papy.NuMap()", "papy.NuMap", '"NuMap"' } do
    local text = said("papy.help(" .. what .. ")")
    ok(text:find(comment, 1, true), what, text)
    ok(text:find "add_task%(f, input, opts%)" or what:find "add_task$", what, text)
  end
  ok(said "papy.help(papy.NuMap)":find "worker_num %(default")
  ok(said "papy.help(papy.sleep)":find "sleep%(seconds%): wait")
  ok(said "papy.help 'sleep'":find "sleep%(seconds%): wait")
  ok(said "papy.help(papy.open('/etc/passwd').top)":find "largest by a field")
  ok(said "papy.help(papy.open('/etc/passwd'))":find "top%(k, by%)")
  ok(said "papy.help(papy.regex 'x')":find "re:gsub")
  ok(said "papy.help(papy.workers.io)":find "dump_item%(inbox, opts%)")
  ok(said "papy.help 'papy.workers.io'":find "dump_item%(inbox, opts%)")
end)

claim("of the prompt's own help, and of what has no comment, there is something to say", function()
  local function at_the_prompt(code)
    return T.read_all(("echo '%s' | %s -i"):format(code, T.papy()))
  end
  ok(at_the_prompt "help(help)":find "help%(x%) what a value is")
  ok(said "papy.help(math.sqrt)":find "^math.sqrt: a function of Lua's own")
  ok(said "papy.help(print)":find "^print: a function of Lua's own")
  ok(said "papy.help(function() end)":find "^there is no comment above function")
end)

claim("what papy's files share among each other is not shown", function()
  local text = said "papy.help(papy.Piper)"
  ok(text:find "Piper:next%(opts%)", text)
  ok(not text:find "Piper:_", text)
end)

claim("comments of a person's own functions are shown, too", function()
  ok(said [[
-- Adds one,
-- and no more.
local function add(x) return x + 1 end
papy.help(add)]] :find "^Adds one,\nand no more.\n$")
  ok(said "papy.help(function() end)":find "no comment above function")
end)

claim("what is not known is no error", function()
  ok(said "papy.help 'nonsense'":find "nothing is known about 'nonsense'")
  for _, what in ipairs { "nil", "5", "true", "{}", "print", "string", "io.stdout", "papy",
    "'.'", "''", "'a..b:'", "coroutine.create(print)",
    "setmetatable({}, {__index = function() error 'called' end, __name = 5})" } do
    ok(#said("papy.help(" .. what .. ")") > 0, what)
  end
end)

T.finish()
