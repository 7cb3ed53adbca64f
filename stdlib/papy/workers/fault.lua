-- fault: raise an error at the place where a person's code called the worker library.

-- fault(format, ...): never returns
return function(message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  local level = 2
  for l = 2, 20 do
    local info = debug.getinfo(l, "S")
    if not info then break end
    level = l
    if info.what ~= "C" and not info.source:find("papy/workers", 1, true) then break end
  end
  error(message, level)
end
