-- frames: values in files, one after the other, in papy's own format: a mark, the length, the value.
local core = require "papy.core"

local M = {}

-- 137: no text begins so; 1: the version of the format
local MARK = "\137papy\1"
local HEAD = #MARK + 8
-- a length is read from foreign bytes: believed only as far as bytes come
local PIECE <const> = 1 << 20


-- The bytes of one frame. Raises with the path to what cannot travel.
function M.pack(value)
  local bytes = core.codec.encode(value, "item")
  return MARK .. ("<I8"):pack(#bytes) .. bytes
end


-- The value of bytes that hold one frame and nothing else. Raises for anything else, and for functions: bytes from a file are
-- not to be trusted with code.
function M.unpack(bytes)
  if type(bytes) ~= "string" or bytes:sub(1, #MARK) ~= MARK or #bytes < HEAD then
    error("not a value in papy's format", 2)
  end
  if ("<I8"):unpack(bytes, #MARK + 1) ~= #bytes - HEAD then error("the value is cut off or followed by other bytes", 2) end
  return core.codec.decode_plain(bytes:sub(HEAD + 1))
end


-- n bytes of a file, or as many as there are
local function read(file, n)
  local parts = {}
  while n > 0 do
    local part, why = file:read(math.min(n, PIECE))
    if why then error("cannot read: " .. why, 0) end
    if not part then break end
    parts[#parts + 1] = part
    n = n - #part
  end
  return table.concat(parts)
end


-- The next value of an open file. Returns true and the value; nothing at the end of the file; raises with the position in bytes
-- where the file holds something else or is cut off. `position`: where the file stands, for that message.
-- The third result is the position after the value.
function M.read(file, position)
  local head = read(file, HEAD)
  if head == "" then return end
  if head:sub(1, #MARK) ~= MARK:sub(1, #head) then
    error(("no value in papy's format at byte %d"):format(position), 0)
  end
  if #head < HEAD then error(("the value at byte %d is cut off"):format(position), 0) end
  local n = ("<I8"):unpack(head, #MARK + 1)
  if n < 0 then error(("the value at byte %d has no possible length"):format(position), 0) end
  local bytes = read(file, n)
  if #bytes < n then
    error(("the value at byte %d is cut off: %d of its %d bytes are there"):format(position, #bytes, n), 0)
  end
  local ok, value = pcall(core.codec.decode_plain, bytes)
  if not ok then error(("the value at byte %d: %s"):format(position, tostring(value)), 0) end
  return true, value, position + HEAD + n
end


return M
