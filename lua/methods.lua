-- methods: what objects say when a method of theirs is called in a wrong way: by a name that is none, or with a dot.
local Error = require "papy.error"
local options = require "papy.options"

local M = {}

local plain = setmetatable({}, {__mode = "k"}) -- the method that a function guards


-- The method behind what guard has made of it: the one whose source has the comment.
function M.behind(f)
  return plain[f] or f
end


-- An object has no field or method `name`: nil, but for one that is nearly the name of a method it has.
function M.missing(what, name, class)
  local near = type(name) == "string" and options.nearest(name, class)
  if near and not near:find "^__" then
    Error.raise("option", "%s has no method '%s'; did you mean '%s'?", what, name, near)
  end
  return nil
end


-- Have the methods of a class refuse what is not an object of it, which is what they get for a dot. is(x): is it one?
function M.guard(what, class, is)
  for name, method in pairs(class) do
    if type(method) == "function" and not name:find "^__" then
      local function guarded(self, ...)
        if not is(self) then
          Error.raise("option", "%s: a %s expected, got %s; methods are called with a colon, as in %s:%s()", name, what,
            Error.render(self), what, name)
        end
        return method(self, ...)
      end
      plain[guarded], class[name] = method, guarded
    end
  end
end


return M
