-- nested: the results of one task are the input of another. The values go from worker to worker; this program does not
-- even look at them.
--
--   numbers ──▶ text_of ──▶ count ──▶ ╲
--                                      zip ──▶ report ──▶ results
--   names ──▶ shorten ──────────────▶ ╱
--
-- All of it shares two workers, and no more than `buffer` items are ever under way.

local function text_of(n) return ("word "):rep(n) end
local function count(text) return select(2, text:gsub("%a+", "")) end
local function shorten(name) return name:sub(1, 3) end
local function report(parts) return ("%s: %d words"):format(parts[1], parts[2]) end

local pool = papy.NuMap { worker_num = 2, stride = 2 }
local texts = pool:add_task(text_of, { 100, 2000, 30000 })
local counts = pool:add_task(count, texts)
local names = pool:add_task(shorten, { "hundred", "two thousand", "thirty thousand" })
local reports = pool:add_task(report, papy.zip(names, counts))
pool:start()

local lines = reports:collect()
print(table.concat(lines, "\n"))
pool:stop()

assert(table.concat(lines, ", ") == "hun: 100 words, two: 2000 words, thi: 30000 words")
