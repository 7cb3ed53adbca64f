-- match: does the screen show what the transcript says? Prints the screen and the first line that differs when not.

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line:gsub("%s+$", "") end
  while lines[#lines] == "" do lines[#lines] = nil end
  return lines
end


local function pattern_of(line)
  return "^" .. line:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", ".-") .. "$"
end


local expected, actual = lines_of(arg[1]), lines_of(arg[2])
expected[#expected + 1] = "papy>"
local furthest = 0


local function matches(i, j)
  if i > #expected then return j > #actual end
  if expected[i] == "..." then
    for k = j, #actual + 1 do
      if matches(i + 1, k) then return true end
    end
    return false
  end
  if not actual[j] or not actual[j]:find(pattern_of(expected[i])) then return false end
  furthest = math.max(furthest, i)
  return matches(i + 1, j + 1)
end


if not matches(1, 1) then
  print(("the screen differs from %s:%d: %s"):format(arg[1], furthest + 1, expected[furthest + 1] or "(its end)"))
  print(table.concat(actual, "\n"))
  os.exit(1)
end
