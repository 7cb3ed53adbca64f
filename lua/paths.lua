-- paths: file names with wildcards, and the files below a directory.
local fs = require "papy.fs"

local M = {}


-- Has the name wildcards: * ? [...]?
function M.is_glob(name)
  return name:find "[*?%[]" ~= nil
end


-- "[abc]" and "[!a-z]" at position i: a class of Lua's patterns and where it ends; nil when it is never closed
local function class_at(glob, i)
  local close = glob:find("]", i + 1 + (glob:find("^[!^]", i + 1) and 1 or 0) + 1, true)
  if not close then return nil end
  local inside = glob:sub(i + 1, close - 1)
  local negated = inside:find "^[!^]"
  inside = inside:gsub("^[!^]", ""):gsub("[%%%]%^]", "%%%0")
  return (negated and "[^/" or "[") .. inside .. "]", close
end


-- glob as a pattern of Lua
local function pattern_of(glob)
  local out, i = {"^"}, 1
  while i <= #glob do
    local c = glob:sub(i, i)
    if glob:find("^%*%*/", i) then
      out[#out + 1], i = ".-", i + 2 -- with the slash: no directory, or several
    elseif c == "*" then
      out[#out + 1] = "[^/]*"
    elseif c == "?" then
      out[#out + 1] = "[^/]"
    elseif c == "[" then
      local class, close = class_at(glob, i)
      out[#out + 1], i = class or "%[", close or i
    else
      out[#out + 1] = c:gsub("%W", "%%%0")
    end
    i = i + 1
  end
  return table.concat(out) .. "$"
end


-- matcher(glob): a function that says whether a name fits. Without a slash in it, the glob is for the last part of a path; with
-- one, for the whole path as it is given. `*` and `?` do not cross a slash, `**/` stands for any directories or none.
function M.matcher(glob)
  local pattern, whole = pattern_of(glob), glob:find("/", 1, true)
  return function(path)
    return (whole and path or path:match "[^/]*$"):find(pattern) ~= nil
  end
end


local function is_directory(path)
  local found = fs.stat(path)
  return found ~= nil and found.kind == "directory"
end


local function join(dir, name)
  if dir == "" or dir:sub(-1) == "/" then return dir .. name end
  return dir .. "/" .. name
end


-- ---- globs ----

local add


-- every name in `dir` that fits part i goes on with the parts behind it
local function add_fitting(found, dir, parts, i)
  local fits, hidden = M.matcher(parts[i]), parts[i]:sub(1, 1) == "."
  for _, name in ipairs(fs.list(dir == "" and "." or dir) or {}) do
    if (hidden or name:sub(1, 1) ~= ".") and fits(name) then add(found, join(dir, name), parts, i + 1) end
  end
end


local function add_below(found, dir, parts, i)
  add(found, dir, parts, i + 1)
  for _, name in ipairs(fs.list(dir == "" and "." or dir) or {}) do
    local path = join(dir, name)
    if name:sub(1, 1) ~= "." and is_directory(path) and not fs.readlink(path) then add_below(found, path, parts, i) end
  end
end


-- add what parts[i...] find below `dir`
function add(found, dir, parts, i)
  if i > #parts then
    if not found[dir] and fs.stat(dir) then
      found[dir] = true
      found[#found + 1] = dir
    end
  elseif parts[i] == "**" then
    add_below(found, dir, parts, i)
  elseif M.is_glob(parts[i]) then
    if dir == "" or is_directory(dir) then add_fitting(found, dir, parts, i) end
  else
    add(found, join(dir, parts[i]), parts, i + 1)
  end
end


-- The paths that fit, sorted. `**` as a whole part stands for any directories, not through links; names that begin with a dot
-- fit only a part that does so.
function M.glob(glob)
  local parts, found = {}, {}
  for part in glob:gmatch "[^/]+" do parts[#parts + 1] = part end
  add(found, glob:sub(1, 1) == "/" and "/" or "", parts, 1)
  table.sort(found)
  return found
end


-- ---- directories ----

-- walk(dir, below): an iterator over the paths in a directory that are no directories, sorted by name; with `below` those of all
-- directories below, too, not through links. Gives path, or nil, sentence for a directory that cannot be read; nil, nil at
-- the end.
function M.walk(dir, below)
  local stack = {dir} -- what is still to come, the next one last
  local first = true
  return function()
    while #stack > 0 do
      local path = table.remove(stack)
      if not first and not is_directory(path) then return path end
      if first or below and not fs.readlink(path) then
        first = false
        local names, why = fs.list(path)
        if not names then return nil, "cannot read directory " .. why end
        for i = #names, 1, -1 do stack[#stack + 1] = join(path, names[i]) end
      end
    end
  end
end


return M
