-- script_stage: two external programs as stages of a pipeline, each in its own language; items are paths of files.
--
--   {text = path} ──▶ sh: upper ──▶ {upper = path} ──▶ papy: count ──▶ {count = path}
--                     two at a time                    two at a time
--
-- A program learns its paths and parameters from a JSON file, shells from the environment, too. When one fails, its exit status
-- and what it printed are in the error of its item, which travels on in the item's place.
local script = papy.workers.script
local dir = assert(papy.fs.temp "directory")

local function write(name, text)
  local path = dir .. "/" .. name
  local file = assert(io.open(path, "a"))
  file:write(text)
  file:close()
  return path
end

script.write_template(dir .. "/upper.sh", "sh")
write("upper.sh", [[
grep -q . "$PAPY_IN_text" || { echo "$PAPY_IN_text is empty" >&2; exit 4; }
tr a-z A-Z < "$PAPY_IN_text" > "$PAPY_OUT_upper"
]])
local upper = script.get_config "sh"
upper.id, upper.script, upper.dir = "upper", dir .. "/upper.sh", dir .. "/out"
upper.inputs, upper.outputs, upper.timeout = { "text" }, { { "upper", "txt" } }, 10

script.write_template(dir .. "/count.lua", "lua")
write("count.lua", [[
local n = 0
for word in io.open(IN.upper):read("a"):gmatch "%u+" do
  if #word >= PARAMS.least then n = n + 1 end
end
io.open(OUT.count, "w"):write(n):close()
]])
local count = script.get_config "lua"
count.id, count.script, count.dir = "count", dir .. "/count.lua", dir .. "/out"
count.inputs, count.outputs, count.params = { "upper" }, { { "count", "txt" } }, { least = 4 }

local pool = papy.NuMap { worker_num = 2 }
local shout = papy.Piper(papy.Worker(script, { upper }), { parallel = pool })
local tally = papy.Piper(papy.Worker(script, { count }), { parallel = pool })
local read = papy.Piper(function(inbox) return papy.fs.read(inbox[1].count) end)

local inputs = {
  { text = write("one.txt", "a few words in a file") },
  { text = write("two.txt", "") },
  { text = write("it's $3.txt", "another file with several more words") },
}

local pipeline = papy.Dagger { pipes = { { shout, tally, read } } }
pipeline:connect { inputs }
pipeline:start()
local results = {}
for result in pipeline:get_outputs()[1] do
  print(result)
  results[#results + 1] = type(result) == "string" and result or result.value.status
end
pool:stop()

papy.fs.run { "rm", "-rf", dir }
assert(table.concat(results, " ") == "2 4 6")
