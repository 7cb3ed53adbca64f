-- Flows over untidy files and by hurried people: nothing of a file may be lost without a word, and a slip of the pen must not
-- pass for an answer.
local T = require "support"

local function refused(part, f, ...)
  local e = T.raises("option", f, ...)
  T.ok(tostring(e):find(part, 1, true), tostring(e))
end

-- what `write` makes of a flow, and what is said on stderr meanwhile is not looked at
local function written(flow, format)
  local path = T.temp()
  flow:write(path, format)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

papy.formats.numbers = {layout = "$a;$b;$c"}
local has_json = pcall(require, "papy.json")

-- ---- records that fail ----

T.claim("a function that fails on many records of a large file costs no run through the file for each", function()
  local list = {}
  for i = 1, 20000 do list[i] = ("line %07d %s"):format(i, ("x"):rep(250)) end
  local path = T.temp(table.concat(list, "\n") .. "\n")
  local flow = papy.open(path, {workers = 2, chunk = 1 << 16}):on_error "skip":where(function(line)
    error("no " .. line:sub(1, 4))
  end)
  local began = papy.now()
  T.eq(flow:count(), 0)
  local report = flow:report()
  T.eq(report.failed, 20000)
  T.eq(#report.failures, 3)
  T.ok(report.failures[3]:find(path .. ":3: ", 1, true), report.failures[3])
  T.ok(papy.now() - began < 20 * T.slow, "slow")
end)

T.claim("the first of what does not fit is the first, whichever part was ready before", function()
  local flow = papy.open(T.temp("slow\n" .. ("x\n"):rep(1000)), {workers = 2, chunk = 100}):where(function(line)
    if line == "slow" then papy.sleep(0.3) end
    return true
  end):match "y":on_mismatch "skip"
  T.eq(flow:count(), 0)
  local report = flow:report()
  T.eq(report.mismatched, 1001)
  T.eq({report.samples[1].offset, report.samples[2].offset, report.samples[3].offset}, {0, 5, 7})
end)

-- ---- rows of many kinds ----

T.claim("rows as JSON lines have their own fields, not those of the first one", function()
  local rows = {{a = 1}, {b = 2, a = papy.null}, {["c.d"] = 3}, {}}
  local path = T.temp()
  papy.write(rows, path, "json")
  T.eq(assert(io.open(path)):read "a", '{"a":1}\n{"a":null,"b":2}\n{"c.d":3}\n{}\n')
  papy.write(rows, path, "json", {columns = {"a", "b"}})
  T.eq(assert(io.open(path)):read "a", '{"a":1,"b":null}\n{"a":null,"b":2}\n{"a":null,"b":null}\n{"a":null,"b":null}\n')
end)

T.claim("a table has the columns of all its rows", function()
  local text = require("papy.show").render({{a = 1}, {b = 2}}, {mode = "table", ascii = true, colour = false})
  T.eq(text, "a  b\n1  -\n-  2\n")
end)

T.claim("fields that a table of text cannot have are told", function()
  local function said(format)
    local out = T.temp()
    local code = ('papy.write({{a = 1}, {a = 2, b = 3, [7] = 4}}, "/dev/null", "%s")'):format(format)
    os.execute(("%s -e '%s' 2> %s"):format(T.papy(), code, out))
    return assert(io.open(out)):read "a"
  end
  for _, format in ipairs {"csv", "text"} do
    local text = said(format)
    T.ok(text:find ": 7, b\n$", text)
  end
  T.eq(said "json", "")
end)

T.claim("records that functions give on are tables of their fields", function()
  local flow = papy.open(T.temp "name,size\nann,5\n"):fields "csv"
  local row = {name = "ann", size = "5"}
  T.eq(flow:map(function(r) return r end):collect(), {row})
  T.eq(flow:flat_map(function(r) return {r, r} end):collect(), {row, row})
  T.eq(flow:map(function(r) return r end):count_by "name":collect(), {{name = "ann", count = 1}})
end)

T.claim("show reads no more of a file than it shows", function()
  local list = {}
  for i = 1, 50000 do list[i] = ("line %06d"):format(i) end
  local flow = papy.open(T.temp(table.concat(list, "\n") .. "\n"), {workers = 1, chunk = 4096})
  local out = assert(io.open(T.temp(), "w+"))
  flow:show {mode = "table", limit = 1, file = out, width = 80, colour = false}
  T.ok(flow:report().records < 25000, flow:report().records)
  flow:head(3):show {mode = "table", limit = 1, file = out, width = 80, colour = false}
  flow:show {mode = "table", limit = 49999, rest = true, file = assert(io.open("/dev/null", "w"))}
  T.eq(flow:report().records, 50000)
  out:seek "set"
  T.eq(out:read "a", "value\nline 000001\n... more\nvalue\nline 000001\n... 2 more\n")
end)

-- ---- what can be read once ----

T.claim("a second answer of what can be read only once is an error, and not nothing", function()
  local function again(flow, n)
    T.eq(flow:count(), n)
    local e = T.raises("input", flow.count, flow)
    T.ok(tostring(e):find("can be read only once, and has been", 1, true), tostring(e))
    T.raises("input", flow.collect, flow)
  end
  again(papy.open(io.popen "printf 'a\\nb\\n'"), 2)
  again(papy.open(io.popen "printf 'a\\nb\\n'"):fields("csv"), 1)
  again(papy.open(io.popen "printf 'a\\nb\\n'"):fields("csv"):where "a = 'b'", 1)
  again(papy.open(("a b"):gmatch "%a"), 2)
  local half = papy.open(io.popen "seq 100000")
  T.eq(half:head(1):collect(), {"1"})
  T.raises("input", half.count, half)
end)

T.claim("a program that nobody reads on ends when it is closed, or forgotten, also when workers were forked", function()
  local program, pool = io.popen "yes", papy.NuMap {worker_num = 1}
  local flow = papy.open(program)
  T.eq(flow:head(1):collect(), {"y"})
  T.eq(io.popen("yes"):read(), "y")
  local task = pool:add_task(function(x) return x + 1 end, {1})
  pool:start()
  T.eq(select(3, program:close()), 141)
  program = io.popen "yes"
  T.eq(papy.open(program):fields("csv"):head(1):collect(), {{y = "y"}})
  T.eq(select(3, program:close()), 141)
  collectgarbage()
  collectgarbage()
  T.eq(task:collect(), {2})
  pool:stop()
end)

T.claim("files can be read again, also open ones", function()
  local path = T.temp "a\nb\n"
  local rows = papy.open(path)
  for _, flow in ipairs {rows, papy.open(io.open(path)), papy.open(io.open(path)):fields "csv", papy.open(T.temp "")} do
    T.eq(flow:count(), flow:count())
    T.eq(flow:head(1):collect(), flow:head(1):collect())
  end
end)

T.claim("records that do not fit and are kept show their line", function()
  local flow = papy.open(T.temp "a 1\nb\n"):match "(?<k>\\w) (?<v>\\d)":on_mismatch "keep"
  T.eq(flow:names(), {"k", "v", "line"})
  T.eq(written(flow, "csv"), "k,v,line\r\na,1,\r\n,,b\r\n")
  T.eq(written(flow:select("k", "line"), "text"), "a\ta 1\n\tb\n")
end)

-- ---- marks at the beginning ----

T.claim("the mark of UTF-8 at the beginning of a file is no part of its first record", function()
  local mark, rest = "\xEF\xBB\xBF", ("ab 1\ncd 2\n"):rep(40000)
  for _, size in ipairs {10, #rest} do
    local text = rest:sub(1, size)
    local path, lines = T.temp(mark .. text), select(2, text:gsub("\n", ""))
    for _, source in ipairs {path, "pipe"} do
      local function flow(opts) return papy.open(source == path and path or io.popen("cat " .. path), opts) end
      T.eq(flow():count "^ab", lines // 2)
      T.eq(flow({chunk = 100 << 10}):match "^(?<k>\\w+) ":count_by "k":collect()[1], {k = "ab", count = lines // 2})
      T.eq(flow():head(1):collect(), {"ab 1"})
      T.eq(flow({record_start = "^ab"}):head(1):collect(), {"ab 1\ncd 2"})
      T.eq(flow():fields("words", {columns = {"k", "v"}}):head(1):collect(), {{k = "ab", v = "1"}})
      T.eq(flow():fields(" ", {header = true}):names(), {"ab", "1"})
      T.eq(flow():fields(" ", {header = true}):count(), lines - 1)
    end
  end
  local twice = papy.open {T.temp(mark .. "ab\n"), T.temp(mark .. "ab\n"), T.temp(mark)}
  T.eq(twice:collect(), {"ab", "ab"})
  T.eq(twice:count "^ab$", 2)
  local e = T.raises("no ab", function() papy.open(T.temp(mark .. "ab\n")):each(function(line) error("no " .. line) end) end)
  T.ok(e)
end)

T.claim("files in UTF-16 are refused, with what helps", function()
  local path, good = T.temp "\xFF\xFEa\0b\0\n\0", T.temp "ab\n"
  for _, text in ipairs {"\xFF\xFEa\0b\0\n\0", "\xFE\xFF\0a\0b\0\n"} do
    local f = assert(io.open(path, "wb"))
    f:write(text)
    f:close()
    local e = T.raises("input", function() return papy.open(path):count "ab" end)
    T.ok(tostring(e):find("UTF-16", 1, true) and tostring(e):find("iconv", 1, true), tostring(e))
    T.eq(papy.open({path, good}, {on_error = "skip"}):count "ab", 1)
  end
  T.eq(papy.open(T.temp "\xFF\xFE\n"):count(), 1)
end)

-- ---- names ----

T.claim("groups of a pattern are columns in its order", function()
  local flow = papy.open(T.temp "b a 1\n"):match "(?<z>\\w) (?<a>\\w) (?<m>\\d)"
  T.eq(flow:names(), {"z", "a", "m"})
  T.eq(written(flow, "csv"), "z,a,m\r\nb,a,1\r\n")
end)

T.claim("operators of other languages are named", function()
  local flow = papy.open(T.temp "a 1\n"):fields "words"
  refused("write != for ~=", flow.where, flow, "$1 ~= 2")
  refused("write ~ for =~", flow.where, flow, "$1 =~ 'x'")
end)

T.claim("columns of one name, and of none, are told apart", function()
  local flow = papy.open(T.temp "a,a,b,,a\n1,2,3,4,5\n"):fields "csv"
  T.eq(flow:names(), {"a", "a_2", "b", "4", "a_3"})
  T.eq(written(flow, "csv"), "a,a_2,b,4,a_3\r\n1,2,3,4,5\r\n")
  T.eq(flow:sum_by("a_2", "a_3"):collect(), {{a_2 = "2", sum = 5}})
end)

T.claim("columns whose names are numbers", function()
  local flow = papy.open(T.temp "name,2022,2023\nann,5,6\nbob,7,9\n"):fields "csv"
  T.eq(written(flow, "text"), "ann\t5\t6\nbob\t7\t9\n")
  for _, each in ipairs {flow, flow:head(5)} do
    T.eq(written(each:select("2023", "name"), "csv"), "2023,name\r\n6,ann\r\n9,bob\r\n")
    T.eq(written(each:sort "-2023":select "name", "text"), "bob\nann\n")
    T.eq(each:where "`2023` > 6 or name == 'ann'":count(), 2)
    T.eq(written(each:count_by "2022", "json"), '{"2022":"5","count":1}\n{"2022":"7","count":1}\n')
  end
end)

T.claim("a field that is not there is named by every step and answer", function()
  local flow = papy.open(T.temp "name,size\nann,5\n"):fields "csv"
  for _, each in ipairs {flow, flow:head(1), flow:count_by("name", "size")} do
    refused("sort: no field 'nmae'; did you mean 'name'?", each.sort, each, "-nmae")
    refused("top: no field 'sizes'", each.top, each, 3, "sizes")
    refused("count_by: no field 'nmae'", each.count_by, each, "nmae")
    refused("sum_by: no field 'sizes'", each.sum_by, each, "name", "sizes")
    refused("uniq: no field 'nmae'", each.uniq, each, "nmae")
    refused("histogram: no field 'sizes'", each.histogram, each, "sizes")
    refused("select: no field 'nmae'", each.select, each, "nmae")
    refused("where: no field 'sizes'", each.where, each, "sizes > 1")
    refused("derive: no field 'sizes'", each.derive, each, {x = "sizes * 2"})
    refused("show: no field 'nmae'", each.show, each, {columns = {"name", "nmae"}})
    refused("show: no field 'sizes'", each.show, each, {bars = "sizes"})
    refused("show: no field 'sizes'", each.show, each, {mode = "spark", spark = "sizes"})
    refused("join: no field 'nmae'", each.join, each, {{nmae = "ann"}}, "nmae")
  end
  for _, what in ipairs {"count_by", "sum_by", "select", "sort"} do
    local e = T.raises("option", flow[what], flow, what == "sort" and {} or nil)
    T.ok(tostring(e):find(what .. ": the name of a field expected", 1, true), tostring(e))
  end
  local lines = papy.open(T.temp "b\na\n")
  refused("sort: no field 'name': the records are not split", lines.sort, lines, "name")
  T.eq(lines:sort():collect(), {"a", "b"})
  local empty = papy.open(T.temp ""):fields "csv"
  refused("the first line, which names the fields, is empty", empty.count_by, empty, "name")
end)

T.claim("a method that is misspelt, or called with a dot, is named", function()
  local flow = papy.open(T.temp "b\na\n")
  refused("flow has no method 'gruop_by'; did you mean 'group_by'?", function() return flow:gruop_by "x" end)
  refused("flow has no method 'colect'; did you mean 'collect'?", function() return flow:count_by "line":colect() end)
  refused("count: a flow expected, got nil; methods are called with a colon, as in flow:count()", function() flow.count() end)
  refused("top: a flow expected, got 3", function() flow.top(3, "line") end)
  T.eq(flow.nothing_of_the_kind, nil)
  local pool = papy.NuMap{worker_num = 1}
  local task = pool:add_task(print, {})
  refused("pool has no method 'strat'; did you mean 'start'?", function() pool:strat() end)
  refused("task has no method 'colect'; did you mean 'collect'?", function() task:colect() end)
  T.eq(pool.buffer, nil)
  T.eq(task.tracked, nil)
end)

T.claim("JSON's null and a field that is not there are one group", function()
  local flow = papy.open(T.temp '{"k":1}\n{"k":null}\n{}\n{"k":1.0}\n'):fields "json"
  T.eq(flow:group_by("k"):collect(), {{k = 1, count = 2}, {count = 2}})
  T.eq(flow:count_by("k", "other"):collect(), {{count = 2}, {k = 1, count = 2}})
  T.eq(flow:map(function(r) return {k = r.k} end):uniq("k"):collect(), {{k = 1, count = 2}, {count = 2}})
end)

T.claim("joins with what has no such key are refused", function()
  local flow = papy.open(T.temp "name,size\nann,5\n"):fields "csv"
  refused("an array of rows expected", flow.join, flow, {ann = "x"}, "name")
  refused("no row of the other has the key name", flow.join, flow, {{nam = "ann"}}, "name")
  T.eq(flow:join({}, "name"):count(), 0)
end)

T.claim("plain values are called value, and have no other fields", function()
  local flow = papy.open(T.temp "ab\ncd\nax\n"):map(function(line) return line:sub(1, 1) end)
  T.eq(flow:count_by "value":collect(), {{value = "a", count = 2}, {value = "c", count = 1}})
  T.eq(flow:uniq "value":count(), 2)
  T.raises("the field 'valu': a table with fields expected", function() return flow:count_by "valu":collect() end)
  T.eq(flow:map(function(v) if v == "c" then return {k = v} end end):count_by "k":count(), 2)
end)

-- ---- formats ----

T.claim("what a function makes of records can be split again", function()
  local rows = papy.open(T.temp "ann;/a/b\nbob;/a/c\n"):fields(";", {columns = {"name", "path"}})
  local flow = rows:map(function(r) return r.path end)
  T.eq(flow:fields("/", {columns = {"none", "dir", "file"}}):count_by "dir":collect(), {{dir = "a", count = 2}})
  T.eq(flow:match "(?<last>\\w)$":collect()[2].last, "c")
  local again = flow:match "x"
  refused("split into fields already", again.match, again, "y")
end)

T.claim("of formats tried in order one may have what the others have not, also where these are several", function()
  local flow = papy.open(T.temp "Jan  1 00:00:00 web sshd[7]: hello\n1;2;3\n")
  local either = flow:fields {first_of = {"syslog", "numbers"}}
  T.eq(either:count_by("a", "host"):collect(), {{host = "web", count = 1}, {a = "1", count = 1}})
  T.eq(either:where "c = 3":select("c"):collect(), {{c = "3"}})
end)

T.claim("fields('csv') takes separator, header and quoted", function()
  local path = T.temp 'a;b\n1;"x;y"\n'
  T.eq(papy.open(path):fields("csv", {separator = ";"}):collect(), {{a = "1", b = "x;y"}})
  T.eq(papy.open(path):fields("csv", {separator = ";", quoted = false}):count_by "b":collect(), {{b = '"x', count = 1}})
  T.eq(papy.open(path):fields("csv", {separator = ";", header = false}):count(), 2)
  T.eq(papy.open(path):fields("csv", {separator = ";", columns = {"x", "y"}}):names(), {"x", "y"})
  local flow = papy.open(path)
  refused("format 'dpkg' takes no columns, separator", flow.fields, flow, "dpkg", {separator = ";"})
  refused("no format 'cvs'; did you mean 'csv'?", flow.fields, flow, "cvs", {separator = ";"})
end)

T.claim("of a record that is broken behind its first fields, nothing leaves as if it were whole", function()
  local flow = papy.open(T.temp 'id,text,n\n1,"hello\nworld,5\n2,ok,6\n'):fields "csv":on_mismatch "skip"
  T.eq(flow:collect(), {{id = "2", text = "ok", n = "6"}})
  T.eq(flow:report().mismatched, 2)
  T.eq(papy.open(T.temp "a,b\n1,2,3\n"):fields "csv":collect(), {{a = "1", b = "2", [3] = "3"}})
  if not has_json then return end
  flow = papy.open(T.temp '{"a":1}\n{"a":2,"b":\n{"a":3} x\n'):fields "json":on_mismatch "skip"
  T.eq(flow:collect(), {{a = 1}})
  T.eq(flow:report().mismatched, 2)
end)

T.claim("of a key that is there twice in a record, the first one counts everywhere", function()
  if not has_json then return end
  local flow = papy.open(T.temp '{"a":1,"b":0,"a":2}\n'):fields "json"
  local again = papy.open(T.temp '{"a":1,"b":0,"a":2}\n'):map(function(line) return line end):fields "json"
  for _, each in ipairs {flow, flow:select "a", again} do T.eq(each:collect()[1].a, 1) end
  T.eq(flow:count_by "a":collect(), {{a = 1, count = 1}})
  T.eq(flow:map(function(r) return r.a end):collect(), {1})
end)

T.claim("nested JSON: tables for Lua, objects in JSON, names with dots in the host, too", function()
  if not has_json then return end
  local text = '{"big":[18446744073709551616],"user":{"id":7,"tags":["x","y"]}}\n'
  local flow = papy.open(T.temp(text:rep(3))):fields "json"
  T.eq(flow:where(function(r) return r.user.tags[2] == "y" end):count(), 3)
  T.eq(flow:head(1):collect()[1].user, {id = 7, tags = {"x", "y"}})
  T.eq(written(flow:select("user"):head(1), "json"), '{"user":{"id":7,"tags":["x","y"]}}\n')
  T.eq(flow:head(1):collect()[1].big, "[18446744073709551616]") -- no number of Lua's
  for _, each in ipairs {flow, flow:head(3)} do
    T.eq(each:count_by "user.id":collect(), {{["user.id"] = 7, count = 3}})
    T.eq(each:where "user.id = 7":select "user.id":head(1):collect(), {{["user.id"] = 7}})
    T.eq(each:count_by "user.tags":collect()[1].count, 3)
    T.eq(#each:sort("user"):collect(), 3)
  end
end)

T.finish()
