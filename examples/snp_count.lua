-- snp_count: count the lines with a SNP identifier in a file of any size, with all cores.
--
--   papy examples/snp_count.lua FILE [WORKERS]
--
--   FILE ──▶ chunks: (file, first, last) ──▶ worker: lines of the chunk that match ──▶ sum
--            newline-bounded, no text        reads its range of the file itself        in any order
--
-- Without FILE it makes a small one and checks the count against a plain loop in Lua.

local CHUNK = 4 << 20
local snp = papy.regex [[\brs[0-9]+\b]]

-- a sample, and how many of its lines hold an identifier
local function sample()
  local path, expected = os.tmpname(), 0
  local file = assert(io.open(path, "w"))
  for i = 1, 20000 do
    local line = i % 3 == 0 and ("chr1\t%d\trs%d\tA\tG\n"):format(i, i * 7) or ("chr1\t%d\t.\tA\tG\n"):format(i)
    if line:find "%f[%w]rs%d+%f[^%w]" then expected = expected + 1 end
    file:write(line)
  end
  file:close()
  return path, expected
end

local path, workers = arg[1], tonumber(arg[2]) or papy.cpus()
local expected
if not path then path, expected = sample() end

local started = papy.now()
local lines, bytes = 0, 0
local counts = papy.NuMap(function(chunk)
  return { chunk:count(snp), chunk.last - chunk.first + 1 }
end, papy.chunks(path, expected and 4096 or CHUNK), { worker_num = workers, stride = 2 * workers, ordered = false })
for count in counts do
  lines, bytes = lines + count[1], bytes + count[2]
end
local seconds = papy.now() - started

print(lines .. " lines")
print(bytes .. " bytes")
print(("%.3f seconds"):format(seconds))
print(("%.0f MB/s"):format(bytes / 1e6 / seconds))

if expected then
  os.remove(path)
  assert(lines == expected)
end
