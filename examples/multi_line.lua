-- multi_line: a record of several lines. A stack trace belongs to the line before it; what begins a record is a pattern.

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for i = 1, 200 do
  file:write(("2023-01-02 10:00:%02d INFO request %d\n"):format(i % 60, i))
  if i % 20 == 0 then
    file:write("2023-01-02 10:01:00 ERROR it failed\n", "java.lang.NullPointerException: no user\n",
      "\tat app.Users.find(Users.java:17)\n", ("\tat app.Main.run(Main.java:%d)\n"):format(i))
  end
end
file:close()

local log = papy.open(path, { record_start = [[^\d{4}-\d\d-\d\d ]], chunk = 500 })
local traces = log:grep "Exception"

print(traces:head(1):collect()[1])
assert(log:count() == 210)
assert(traces:count() == 10)

-- where the traces come from: a pattern sees the whole record
local places = traces:match [[(?s)at (?<place>app\.Main\S+)$]]:count_by "place"
assert(#places:collect() == 10)
os.remove(path)
