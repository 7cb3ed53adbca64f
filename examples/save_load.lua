-- save_load: a pipeline written as a script that papy runs, and read back from it. Functions are saved by their text, with the
-- values and functions they use.

local factor = 10

local function scaled(x) return x * factor end

local function scale(inbox) return scaled(tonumber(inbox[1])) end

local first = papy.Plumber()
first:add_pipe {
  papy.Piper(scale, { parallel = papy.NuMap { worker_num = 2 }, name = "scale" }),
  papy.Piper(function(inbox) print(inbox[1]) end, { name = "show" }),
}

local path = os.tmpname()
first:save(path)
for line in io.lines(path) do print("| " .. line) end

local second = papy.Plumber()
second:load(path)
second:start { { 1, 2, 3 } }
second:run()
assert(second:wait())
assert(second:stats().pipers.show.done == 3)
second:stop()
os.remove(path)
