-- join_table: a small table beside a large log. The table is held by every worker, the log is read once.

local log, users = os.tmpname(), os.tmpname()
local file = assert(io.open(log, "w"))
for i = 1, 1000 do file:write(("user%d login %d\n"):format(i % 5, i)) end
file:close()
file = assert(io.open(users, "w"))
file:write "user\tteam\nuser0\tred\nuser1\tred\nuser2\tblue\n"
file:close()

local teams = papy.open(users):fields "tsv"
local logins = papy.open(log):fields { "user", "what", "n" }

local by_team = logins:join(teams, "user"):count_by "team" -- users without a team are left out
by_team:show()

local rows = by_team:collect()
assert(rows[1].team == "red" and rows[1].count == 400)
assert(rows[2].team == "blue" and rows[2].count == 200)
os.remove(log)
os.remove(users)
