-- json: lines of JSON. Fields inside others are named with dots; only those that are asked for are looked at.

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for i = 1, 1000 do
  file:write(('{"time":"2023-01-02T10:00:00Z","level":"%s","http":{"status":%d,"path":"/p%d"},"tags":["a","b"]}\n'):format(
    i % 50 == 0 and "error" or "info", i % 50 == 0 and 500 or 200, i % 3))
end
file:write "this line is no JSON\n"
file:close()

local log = papy.open(path):fields("json"):on_mismatch "skip"
local errors = log:where "level = 'error' and http.status >= 500"

errors:count_by("http.path"):show()

assert(errors:count() == 20)
assert(log:report().mismatched == 1)
local first = errors:head(1):collect()[1]
assert(first.level == "error" and first.http.status == 500 and first.tags[2] == "b") -- nested ones are tables
os.remove(path)
