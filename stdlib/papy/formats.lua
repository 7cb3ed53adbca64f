-- papy.formats: formats of records by name. Each is a table of data: how a record is written, and where its time stands.
--
--   layout = [[$ip [$time] $status]]   the line as it looks; or a list of them, tried in order
--   match = [[^(?<level>\w+) (.*)]]    a regex whose groups are the fields; or a list
--   separator = ";"                    fields between separators; "" for blanks, as awk
--   csv = ","                          the same with quotes (RFC 4180), in which there may be newlines
--   json = true, logfmt = true         the data name the fields
--   first_of = {"combined", "syslog"}  formats tried in order
--   columns = {"id", "name"}           names for separator and csv; header = true: the first line has them
--   time = {field = "time", format = "apache"}   what parse_time reads unless told otherwise
--
-- A format of your own is such a table: papy.formats.mine = {...}, or a file papy/formats/mine.lua on PAPY_PATH that
-- returns it.
local known = {
  "apache_error", "combined", "common", "csv", "dpkg", "json", "logfmt", "nginx_error", "syslog", "tsv",
  "vhost_combined", "words",
}

local M = {}


-- A format that is first asked for is loaded. nil when there is none; a file that fails raises.
local function load_format(formats, name)
  if type(name) ~= "string" then return nil end
  local module = "papy.formats." .. name
  local ok, format = pcall(require, module)
  if ok then
    rawset(formats, name, format)
    return format
  end
  if type(format) == "string" and format:find("module '" .. module .. "' not found", 1, true) then return nil end
  error(format, 0)
end


-- The names there are: papy's own and those that were set.
local function names(formats)
  local all = {}
  for _, name in ipairs(known) do all[name] = true end
  for name in next, formats do all[name] = true end
  return all
end


return setmetatable(M, {__index = load_format, __call = names})
