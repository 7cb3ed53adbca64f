-- Script stages, and under them programs run by papy.fs.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local script = require("papy.workers").script
local fs = papy.fs

local root = assert(fs.temp("directory", { prefix = "it's $(echo a) dir " }))

local function file(name, text)
  local path = root .. "/" .. name
  assert(fs.mkdir(path:match "^(.*)/"))
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  return path
end

local function config(id, command, more)
  local cfg = { id = id, executable = { "sh", "-c", command, "sh" }, dir = root .. "/out", inputs = { "text" },
    outputs = { { "copy", "txt" } } }
  for key, value in pairs(more or {}) do cfg[key] = value end
  return cfg
end

local copy = 'cat "$PAPY_IN_text" > "$PAPY_OUT_copy"'
local input = file("a b.v1.txt", "hello")

-- ---- programs ----

T.claim("run: arguments, output, input and status are the program's own", function()
  local words = { "sh", "-c", 'for a; do echo "[$a]"; done; cat; echo err >&2; exit 3', "sh", "a b", "$HOME", "'\"`x`", "" }
  local ended = fs.run(words, { stdin = "in\0put" })
  T.eq(ended.stdout, "[a b]\n[$HOME]\n['\"`x`]\n[]\nin\0put")
  T.eq({ ended.stderr, ended.status, ended.signal, ended.timed_out }, { "err\n", 3, nil, false })
  T.eq(fs.run({ "cat" }).stdout, "")
end)

T.claim("run: environment and directory", function()
  local ended = fs.run({ "sh", "-c", "echo $A; echo ${HOME-none}; pwd -P" }, { env = { A = "x y", HOME = false }, dir = "/" })
  T.eq(ended.stdout, "x y\nnone\n/\n")
  T.raises("the name of an environment variable", fs.run, { "true" }, { env = { ["a=b"] = "c" } })
end)

T.claim("run: a program that cannot be started is nil and why", function()
  local ended, why, code = fs.run { "no-such-program" }
  T.eq({ ended, why, code }, { nil, "No such file or directory", 2 })
  T.eq(select(2, fs.run({ "true" }, { dir = "/no/such" })), "No such file or directory")
  T.raises("an array", fs.run, "true")
end)

T.claim("run: much output on both sides and much input do not block", function()
  local text = ("x"):rep(3000000)
  local ended = fs.run({ "sh", "-c", "cat; head -c 2000000 /dev/zero >&2" }, { stdin = text })
  T.ok(ended.stdout == text and #ended.stderr == 2000000)
  ended = fs.run({ "sh", "-c", "head -c 5000000 /dev/zero; echo end" }, { most = 1000 })
  T.eq({ #ended.stdout, ended.stdout:sub(-4), ended.cut }, { 1000, "end\n", true })
  T.eq(fs.run({ "echo", "abc" }, { most = 4 }).cut, nil)
end)

T.claim("run: a timeout ends the program and all its children, deaf ones too", function()
  local t0 = papy.now()
  local ended = fs.run({ "sh", "-c", "trap '' TERM; sleep 60 & echo $!; echo $$; wait; sleep 60" }, { timeout = 0.3 })
  T.eq({ ended.timed_out, ended.signal }, { true, 9 })
  T.ok(papy.now() - t0 < 10 * T.slow)
  for pid in ended.stdout:gmatch "%d+" do T.ok(not T.alive(tonumber(pid)), "alive", pid) end
  ended = fs.run({ "sleep", "60" }, { timeout = 0.2 })
  T.eq({ ended.timed_out, ended.signal, ended.signal_name }, { true, 15, "Terminated" })
end)

T.claim("run: what a program leaves in the background ends with it", function()
  local ended = fs.run { "sh", "-c", "sleep 60 & echo $!" }
  T.eq(ended.status, 0)
  T.ok(not T.alive(tonumber(ended.stdout)))
end)

T.claim("run: pools work on meanwhile", function()
  local pool = papy.NuMap { worker_num = 1, stride = 1, buffer = 4 }
  local first = pool:add_task(function(x)
    papy.sleep(0.02)
    return x
  end, T.range(1, 5))
  local second = pool:add_task(function(x) return x end, first)
  pool:start()
  fs.run { "sleep", tostring(0.3 * T.slow) }
  T.ok(pool:stats().tasks[2].submitted > 1, "the results of the first task did not go on to the second")
  T.eq(#T.values(second), 5)
  pool:stop()
end)

T.claim("run: nothing survives papy, even when it is killed", function()
  local note, notes, path = T.notes()
  note "start"
  for _, where in ipairs { "host", "worker" } do
    local pids = T.temp()
    local job = ("papy.fs.run{'sh', '-c', 'sleep 60 & echo $! $$ > %s; wait'}"):format(pids)
    if where == "worker" then job = "for _ in papy.NuMap(function() " .. job .. " end, {1}, {worker_num = 1}) do end" end
    local main = T.temp(job)
    local shell = ("%s %s & echo $!; "):format(T.papy(), main)
      .. ("while ! [ -s %s ]; do sleep 0.02; done; kill -9 $!"):format(pids)
    T.eq(fs.run({ "sh", "-c", shell }, { timeout = 20 }).status, 0)
    local words = fs.read(pids)
    T.ok(words:find "%d+ %d+", words)
    for pid in words:gmatch "%d+" do
      T.ok(T.wait_until(function() return not T.alive(tonumber(pid)) end, 5), where .. " left " .. pid)
    end
  end
  T.eq(#notes(), 1, path)
end)

-- ---- stages ----

T.claim("the program gets ports and parameters as a JSON file", function()
  local cfg = config("show", 'cat "$1"; cp "$1" "$PAPY_OUT_copy"', { params = { n = 3, list = { 1, 2 }, name = "x y" } })
  local out = script({ { text = input } }, cfg)
  local args = require("papy.workers.json").decode(fs.read(out.copy))
  T.eq(args, { params = { n = 3, list = { 1, 2 }, name = "x y" }, ["in"] = { text = input }, out = out })
  cfg.params = {}
  T.ok(fs.read(script({ { text = input } }, cfg).copy):find('"params":{}', 1, true))
end)

T.claim("output names: stem of the first input, id, port, extension", function()
  local dir = root .. "/names/deep"
  local cfg = config("id", 'for v in "$PAPY_OUT_a" "$PAPY_OUT_b"; do : > "$v"; done',
    { dir = dir, inputs = { "text", "more" }, outputs = { { "a", "tar.gz" }, { "b" } } })
  T.eq(script({ { text = input }, { more = file("z.txt", "") } }, cfg),
    { a = dir .. "/a b_id-a.tar.gz", b = dir .. "/a b_id-b" })
end)

T.claim("output names: stem of the same port when the ports are the same", function()
  local cfg = config("id", ': > "$PAPY_OUT_text"; : > "$PAPY_OUT_other"', { inputs = { "text", "other" },
    outputs = { { "text", "x" }, { "other", "" } } })
  T.eq(script({ { text = input, other = file("o.p.q", "") } }, cfg),
    { text = root .. "/out/a b_id.x", other = root .. "/out/o_id" })
end)

T.claim("items with the same stem do not overwrite each other; the same item keeps its name", function()
  local other = file("sub/a b.v2.txt", "other")
  local cfg = config("same", copy)
  local one = script({ { text = input } }, cfg).copy
  local two = script({ { text = other } }, cfg).copy
  T.eq(one, root .. "/out/a b_same-copy.txt")
  T.ok(two ~= one and two:find "/a b_same%-copy%-%x+%.txt$", two)
  T.eq({ fs.read(one), fs.read(two) }, { "hello", "other" })
  T.eq({ script({ { text = other } }, cfg).copy, script({ { text = input } }, cfg).copy }, { two, one })
end)

T.claim("the first slot with a port gives it; a port without an input is named", function()
  local out = script({ { nothing = "x" }, { text = input }, { text = "/no/such" } }, config("first", copy))
  T.eq(fs.read(out.copy), "hello")
  T.raises("script 'c': input port not connected: text; the inbox offers: other", script, { { other = "x" } }, config("c", copy))
  T.raises("ports not connected: a, b; the inbox offers: nothing", script, {}, config("c", copy, { inputs = { "a", "b" } }))
  T.raises("slot 1 must be a table", script, { "path" }, config("c", copy))
end)

T.claim("a failing program: status, signal, stdout and stderr reach the error", function()
  local e = T.raises("script 'bad' %(sh%): exited with status 7: oops", script, { { text = input } },
    config("bad", "echo printed; echo oops >&2; exit 7"))
  T.eq({ e.kind, e.value.status, e.value.stdout, e.value.stderr, e.value.id }, { "function", 7, "printed\n", "oops\n", "bad" })
  e = T.raises("was killed by signal 11 %(Segmentation fault%)", script, { { text = input } }, config("bad", "kill -SEGV $$"))
  T.eq({ e.value.status, e.value.signal }, { nil, 11 })
  e = T.raises("cannot run no%-such%-thing: No such file", script, { { text = input } },
    config("bad", "", { executable = "no-such-thing" }))
  T.eq(e.value.status, nil)
end)

T.claim("a timeout is the item's error and kills the whole group", function()
  local t0 = papy.now()
  local e = T.raises("ran longer than its timeout of 0.3 s and was killed", script, { { text = input } },
    config("slow", "sleep 60 & echo $!; sleep 60", { timeout = 0.3 }))
  T.eq({ e.kind, e.value.timed_out }, { "timeout", true })
  T.ok(papy.now() - t0 < 5 * T.slow)
  T.ok(not T.alive(tonumber(e.value.stdout)))
end)

T.claim("an output that was not made is an error, also when an earlier run had made it", function()
  script({ { text = input } }, config("miss", copy))
  T.raises("has not made its output 'copy' %(.*/a b_miss%-copy.txt%)", script, { { text = input } }, config("miss", "true"))
end)

T.claim("a preamble runs in the shell before, in its environment", function()
  local out = script({ { text = input } },
    config("pre", 'echo "$WORD" > "$PAPY_OUT_copy"', { preamble = "WORD='a  b'\nexport WORD" }))
  T.eq(fs.read(out.copy), "a  b\n")
  local e = T.raises("exited with status 127", script, { { text = input } },
    config("pre", "", { preamble = ":", executable = "no-such" }))
  T.ok(e.value.stderr:find "not found", e.value.stderr)
end)

T.claim("configurations are checked", function()
  T.raises("option 'id' is missing", script, { {} }, { executable = "x" })
  T.raises("did you mean 'outputs'", script, { {} }, config("x", "", { output = {} }))
  T.raises("is a part of file names", script, { {} }, config("a/b", ""))
  T.raises("option 'executable' is missing", script, { {} }, { id = "x", inputs = {}, outputs = {} })
  T.raises("output 1 must be", script, { {} }, config("x", "", { outputs = { "port" } }))
  T.raises("parts of file names", script, { {} }, config("x", "", { outputs = { { "a/b" } } }))
  T.raises("parts of file names", script, { {} }, config("x", "", { outputs = { { "a", "../b" } } }))
  T.raises("'a' stands twice", script, { {} }, config("x", "", { outputs = { { "a" }, { "a", "txt" } } }))
end)

T.claim("no argument file is left behind, and what was printed goes to the log", function()
  local path, tmp = T.temp(), assert(fs.temp "directory")
  local text, status = T.run(([[
    papy.log.start { file = %q }
    papy.workers.script({ { text = "x" } }, { id = "talk", executable = { "sh", "-c", "echo out; echo err >&2" },
      inputs = { "text" }, outputs = {}, dir = %q })
    pcall(papy.workers.script, { { text = "x" } }, { id = "fail", executable = "false", inputs = {"text"}, outputs = {},
      dir = %q })
    ]]):format(path, tmp, tmp), "TMPDIR='" .. tmp .. "' timeout 30")
  T.eq({ text, status }, { "", 0 })
  T.eq(fs.list(tmp), { ".papy" })
  local logged = fs.read(path)
  T.ok(logged:find "INFO .* %[talk%] %- out\n" and logged:find "WARN .* %[talk%] %- err\n", logged)
  fs.run { "rm", "-rf", tmp }
end)

local bodies = {
  sh = 'cat "$PAPY_IN_input" > "$PAPY_OUT_output"; echo "$PAPY_PARAM_n" >> "$PAPY_OUT_output"',
  bash = 'cat "${IN[input]}" > "${OUT[output]}"; echo "${PARAMS[n]}" >> "${OUT[output]}"',
  python = 'open(OUT["output"], "w").write(open(IN["input"]).read() + "%d\\n" % PARAMS["n"])',
  R = 'writeLines(c(paste0(readLines(IN[["input"]], warn = FALSE), PARAMS[["n"]])), OUT[["output"]])',
  lua = 'local o = io.open(OUT.output, "w") o:write(io.open(IN.input):read "a", PARAMS.n, "\\n") o:close()',
}

for lang, body in pairs(bodies) do
  T.claim("templates: " .. lang, function()
    local cfg = script.get_config(lang)
    cfg.id, cfg.dir, cfg.params, cfg.script = lang, root .. "/out", { n = 42 }, root .. "/script." .. lang
    if fs.run({ cfg.executable, "--version" }) == nil then return end
    if lang == "R" and fs.run({ "Rscript", "-e", "library(jsonlite)" }).status ~= 0 then return end
    script.write_template(cfg.script, lang)
    T.raises("exists", script.write_template, cfg.script, lang)
    local f = assert(io.open(cfg.script, "a"))
    f:write(body, "\n")
    f:close()
    T.eq(fs.read(script({ { input = input } }, cfg).output), "hello42\n")
  end)
end

T.claim("templates: R, and unknown languages", function()
  local path = root .. "/x.R"
  script.write_template(path, "R")
  T.ok(fs.read(path):find "fromJSON")
  T.eq(script.get_config("R").executable, "Rscript")
  T.raises("no template for language 'cobol'; there are sh", script.get_config, "cobol")
  T.raises("^tests/.*a path expected, got a nil", script.write_template, nil, "R")
end)

T.claim("two scripts in different languages in a chain, on a pool", function()
  local greet = config("sh", '{ echo "Dear reader,"; cat "$PAPY_IN_text"; } > "$PAPY_OUT_greeting"',
    { outputs = { { "greeting", "txt" } } })
  local pack = { id = "py", executable = { "python3", "-c", [[
import json, sys
a = json.load(open(sys.argv[1]))
open(a["out"]["package"], "w").write("<" + open(a["in"]["greeting"]).read() + ">")]] }, dir = root .. "/out",
    inputs = { "greeting" }, outputs = { { "package", "txt" } } }
  local inputs = {}
  for i = 1, 6 do inputs[i] = { { text = file("t" .. i .. ".txt", "text " .. i) } } end
  local pool = papy.NuMap { worker_num = 2 }
  local greetings = pool:add_task(script, inputs, { args = { greet } })
  local packages = pool:add_task(function(item) return script({ item }, pack) end, greetings)
  pool:start()
  local n = 0
  for item in packages do
    n = n + 1
    T.eq(item.package, ("%s/out/t%d_sh-greeting_py-package.txt"):format(root, n))
    T.eq(fs.read(item.package), ("<Dear reader,\ntext %d>"):format(n))
  end
  T.eq(n, 6)
  pool:stop()
end)

T.claim("in a Worker, and in thread workers", function()
  local w = papy.Worker(script, { config("w", copy) })
  T.eq(fs.read(w { { text = input } }.copy), "hello")
  T.eq(papy.Worker(script, { config("w", "exit 2") }) { { text = input } }.value.status, 2)
  local inputs = {}
  for i = 1, 4 do inputs[i] = { { text = file(i .. "/same.txt", "text " .. i) } } end
  local pool = papy.NuMap(script, inputs, { args = { config("t", copy) }, worker_type = "thread", worker_num = 2 })
  for i = 1, 4 do T.eq(fs.read(pool:next().copy), "text " .. i) end
  pool:stop()
end)

T.each_type(function(worker_type)
  T.claim("a tasklet over its task_timeout takes its program along", function()
    local pids = T.temp()
    local pool = papy.NuMap(function()
      papy.fs.run { "sh", "-c", "sleep 60 & echo $! $$ > " .. pids .. "; wait" }
    end, { 1 }, { task_timeout = 0.5, worker_num = 1, worker_type = worker_type })
    T.raises("timeout", pool.next, pool)
    pool:stop()
    for pid in fs.read(pids):gmatch "%d+" do
      T.ok(T.wait_until(function() return not T.alive(tonumber(pid)) end, 5), "alive", pid)
    end
  end)
end)

fs.run { "rm", "-rf", root }
T.finish()
