-- What the tests of papy.open's sources share: everything a source gives, read in a pool or here.
local open = require "papy.open"

local M = {}

-- the blocks of an item: array of {text, name, offset}, array of errors
function M.blocks(item, start)
  local step, out, errors = open.blocks(item, start), {}, {}
  while true do
    local block, name, offset = step()
    if block then
      out[#out + 1] = {type(block) == "string" and block or block:text(), name, offset}
    elseif name then
      errors[#errors + 1] = tostring(name)
    else
      return out, errors
    end
  end
end

-- All that x holds: {text, names (in order, each once), errors, blocks, items}. how: size; workers: read in a pool.
function M.all(x, opts, how)
  how = how or {}
  local source = open.source(x, opts)
  local start, names, texts = source.record_start, {}, {}
  local result = {errors = {}, names = names, items = 0, blocks = {}}
  local function add(blocks, errors)
    result.items = result.items + 1
    for _, block in ipairs(blocks) do
      result.blocks[#result.blocks + 1] = block
      texts[#texts + 1] = block[1]
      if names[#names] ~= block[2] then names[#names + 1] = block[2] end
    end
    table.move(errors, 1, #errors, #result.errors + 1, result.errors)
  end
  local items = open.items(source, {size = how.size, workers = how.workers})
  if how.workers then
    local read = require("reading").blocks
    local work = function(item) return table.pack(read(item, start)) end
    for r in papy.NuMap(work, items, {worker_num = how.workers, buffer = 2 * how.workers, worker_type = how.worker_type}) do
      add(r[1], r[2])
    end
  else
    for item in items do add(M.blocks(item, start)) end
  end
  result.text = table.concat(texts)
  return result
end

-- The records of a text in plain Lua: lines, or runs of lines that begin at one for which `begins` holds.
function M.records(text, begins)
  local out, record = {}, nil
  for line, ending in text:gmatch "([^\n]*)(\n?)" do
    if line == "" and ending == "" then break end
    if record and begins and not begins(line) then record[#record + 1] = line
    else
      if record then out[#out + 1] = table.concat(record, "\n") end
      record = {line}
    end
  end
  if record then out[#out + 1] = table.concat(record, "\n") end
  return out
end

-- a directory for the files of a test, removed with all that is in it by the function returned second
function M.directory()
  local dir = assert(papy.fs.temp "directory")
  return dir, function() os.execute(("rm -rf '%s'"):format(dir)) end
end

function M.write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  return path
end

return M
