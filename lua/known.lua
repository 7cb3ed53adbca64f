-- known: what any papy knows by name: Lua's own functions and libraries, papy, and what a module that can be required holds.
local M = {}

local functions, libraries = {}, {}
for name in ([[assert collectgarbage dofile error getmetatable ipairs load loadfile next pairs pcall print rawequal rawget rawlen
  rawset require select setmetatable tonumber tostring type warn xpcall]]):gmatch "%a+" do
  functions[name] = true
end
for name in ("_G coroutine debug io math os package papy string table utf8"):gmatch "[%w_]+" do libraries[name] = true end


-- The name under which `require` gives this value, or nil.
function M.module(value)
  for name, module in pairs(package.loaded) do
    if rawequal(module, value) and type(name) == "string" and name ~= "_G" then return name end
  end
end


-- "math", "sin" for math.sin: the module that holds a function and its key there; the one with the shortest name.
function M.place(f)
  local best, best_key
  for name, module in pairs(package.loaded) do
    if type(name) == "string" and name ~= "_G" and type(module) == "table" and name:sub(1, 10) ~= "papy.core" then
      for key, value in next, module do
        local better = not best or #name < #best or (#name == #best and name < best)
        if rawequal(value, f) and type(key) == "string" and key:find "^[%a_][%w_]*$" and better then
          best, best_key = name, key
        end
      end
    end
  end
  return best, best_key
end


-- Does every program find this value under this global name?
function M.is_standard(name, value)
  if libraries[name] then return rawequal(package.loaded[name], value) end
  if name == "arg" or name == "_VERSION" then return rawequal(rawget(_G, name), value) end
  return functions[name] ~= nil and type(value) == "function" and debug.getinfo(value, "S").what == "C"
    and not M.place(value)
end


-- The standard global name of a function, or nil.
function M.global(f)
  for name in pairs(functions) do
    if rawequal(rawget(_G, name), f) and M.is_standard(name, f) then return name end
  end
end


return M
