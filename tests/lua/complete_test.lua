-- What Tab offers at the prompt.
local T = require "support"
local complete = require "papy.complete"
local claim, eq = T.claim, T.eq

-- luacheck: globals flow pool task re plumber mine

local function offers(word, before, ...)
  eq(complete(word, before), { ... }, ("%s|%s"):format(before, word))
end

claim("methods of papy's own things, and nothing of how they are made", function()
  pool = papy.NuMap()
  task = pool:add_task(print, {})
  re = papy.regex "x"
  plumber = papy.Plumber()
  offers("pool:st", "", "pool:start", "pool:stats", "pool:stop")
  offers("task:", "", "task:collect", "task:next")
  offers("re:g", "", "re:gmatch", "re:groups", "re:gsub")
  offers("papy.Pl", "", "papy.Plumber")
  offers("plumber:paus", "", "plumber:pause")
  offers("pool:ta", "")
end)

claim("members of a person's own things, without a call", function()
  local methods = { method_a = print, method_b = 1 }
  mine = setmetatable({}, { __index = function(_, key)
    if not methods[key] then error "called" end
    return methods[key]
  end })
  offers("mine.me", "", "mine.method_a", "mine.method_b")
  offers("mine:me", "", "mine:method_a")
  offers("mine.nothing.at", "")
  offers(":re", '("x")') -- what stands there nobody knows
end)

claim("keys of tables of options, those that are not given yet", function()
  pool = papy.NuMap()
  offers("worker_", "pool = papy.NuMap{", "worker_num = ", "worker_type = ")
  offers("worker_", "pool = papy.NuMap {worker_num = 2, ", "worker_type = ")
  offers("", "pool:stop{", "force = ", "timeout = ")
  offers("", "pool:add_task(f, {1, 2}, {name = ')', args = {{a = 1}}, ", "block = ", "retries = ", "task_timeout = ",
    "timeout = ", "track = ")
  flow = papy.open("/dev/null")
  offers("rec", "papy.open('x', {", "record_start = ", "recursive = ")
  offers("", "flow:fields('csv', {header = true, ", "columns = ", "quoted = ", "separator = ")
  offers("", "flow:bucket('time', '5m', {", "zone = ")
  offers("mo", "papy.show({}, {", "mode = ")
  offers("task_", "\npapy.NuMap(function(x)\n return {x}\nend, {1},\n{", "task_timeout = ")
  offers("ret", "papy.NuMap{", "retries = ")
  offers("pri", "papy.NuMap{worker_num = ", "print")
  offers("pri", "papy.NuMap{worker_num = 1}, ", "print")
end)

T.finish()
