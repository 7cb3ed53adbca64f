-- terminal: what may be drawn on standard output: how wide, with which signs and colours.
local core = require "papy.core"

local M = {}


local function from_environment(...)
  for _, name in ipairs {...} do
    local value = os.getenv(name)
    if value and value ~= "" then return value end
  end
  return ""
end


-- {width = columns, math.huge where it is no terminal; unicode = may signs other than ASCII be used? colour = may colours be
-- used?}. A file or pipe gets Unicode without colours; a dumb terminal neither; NO_COLOR is obeyed.
function M.style()
  local width, dumb = core.sys.columns(), from_environment "TERM" == "dumb"
  if not width then return {width = math.huge, unicode = true, colour = false} end
  local locale = from_environment("LC_ALL", "LC_CTYPE", "LANG"):lower()
  local unicode, colour = locale:find "utf%-?8" ~= nil, from_environment "NO_COLOR" == ""
  return {width = width, unicode = unicode and not dumb, colour = colour and not dumb}
end


-- Columns that a text takes, one for each character.
function M.width(text)
  return utf8.len(text) or #text
end


-- The text, cut where it is wider than so many columns, with a sign that it was.
function M.cut(text, width, style)
  if M.width(text) <= width then return text end
  local sign = style.unicode and "…" or "~"
  if not utf8.len(text) then return text:sub(1, width - 1) .. sign end
  return text:sub(1, utf8.offset(text, width) - 1) .. sign
end


local colours = {bold = "1", dim = "2", red = "31", green = "32"}


-- The text in a colour ("bold" "dim" "red" "green"), where the style has colours.
function M.colour(text, colour, style)
  return style.colour and text ~= "" and ("\27[%sm%s\27[0m"):format(colours[colour], text) or text
end


return M
