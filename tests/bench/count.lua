-- count: the lines of a file that match, counted as examples/snp_count.lua does.
--   count.lua FILE PATTERN WORKERS
local path, pattern, workers = arg[1], papy.regex(arg[2]), tonumber(arg[3])
local counts = papy.NuMap(function(chunk) return chunk:count(pattern) end, papy.chunks(path, 4 << 20),
  { worker_num = workers, stride = 2 * workers, ordered = false })
local lines = 0
for n in counts do lines = lines + n end
print(lines)
