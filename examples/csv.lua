-- csv: a table with a header line and quoted fields; what comes out is one, too.

local path, out = os.tmpname(), os.tmpname() .. ".csv"
local file = assert(io.open(path, "w"))
file:write 'city,country,people\n"Paris, Ville",FR,2100000\nLyon,FR,520000\nBerlin,DE,3700000\n"Frankfurt ""Oder""",DE,57000\n'
file:close()

local cities = papy.open(path):fields "csv"
cities:show()

assert(cities:where "people > 1000000":count() == 2)
assert(cities:collect()[4].city == 'Frankfurt "Oder"')

local countries = cities:derive { millions = "people / 1000000" }
  :group_by("country", { cities = "count", millions = "sum millions" })
countries:sort("country"):write(out, "csv")
for line in io.lines(out) do print(line) end
assert(#papy.open(out):fields("csv"):collect() == 2)
os.remove(path)
os.remove(out)
