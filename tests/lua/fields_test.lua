-- Formats of records: what a user may say, what is said about mistakes, and that the formats by name fit real lines.
local T = require "support"
local papy = require "papy"
local formats = require "papy.flow.formats"
local core = require "papy.core".fields

local function splitter(what, slots, opts)
  return formats.format(what, opts or {}).make(slots)
end

local function split(what, line, opts)
  local all = splitter(what, {}, opts):each(line)
  return all
end

local function says(words, f, ...)
  local ok, why = pcall(f, ...)
  T.ok(not ok and tostring(why):find(words, 1, true), words .. ": " .. tostring(why))
end

local COMBINED = [[1.2.3.4 - bob [01/Jan/2023:00:00:00 +0100] "GET /x?a=1 HTTP/1.1" 200 6231 "-" "Moz \"5\"" 17]]

T.claim("the combined format and its parts", function()
  T.eq(splitter("combined", {"status", "url", "agent", "bytes"}):split(COMBINED),
    {status = "200", url = "/x?a=1", agent = [[Moz \"5\"]], bytes = "6231"})
  local r, order = splitter("combined", {}):each(COMBINED)
  T.eq(table.concat(order, " "), "ip ident user time request method url protocol status bytes referer agent")
  T.eq(r.protocol, "HTTP/1.1")
  T.eq(core.time(formats.named("combined").times.time)(r.time), 1672527600)
  local broken = COMBINED:gsub("GET [^\"]*", "\\x16\\x03")
  T.eq(splitter("combined", {"url", "status"}):split(broken), {status = "200"})
  T.eq(splitter("combined", {"url"}):each(broken).url, nil)
end)

T.claim("the common format reads the start of a combined line", function()
  T.eq(splitter("common", {"bytes"}):split(COMBINED).bytes, "6231")
  T.eq(splitter("common", {"bytes"}):split(COMBINED:match("^.* 6231")).bytes, "6231")
end)

T.claim("other web logs", function()
  T.eq(split("vhost_combined", "www.x.org:80 " .. COMBINED).vhost, "www.x.org:80")
  local nginx = split("nginx_error", "2023/01/01 00:00:01 [error] 12#7: *9 open() failed: [x], client: 1.2.3.4")
  T.eq(nginx.level, "error")
  T.eq(nginx.pid, "12")
  T.eq(nginx.message, "*9 open() failed: [x], client: 1.2.3.4")
  T.eq(core.time(formats.named("nginx_error").times.time)(nginx.time), 1672531201)
  local apache = split("apache_error", "[Sun Jan 01 00:00:01.500000 2023] [core:error] [pid 1:tid 5] [client 1.2.3.4] AH1: x")
  T.eq(apache.module, "core")
  T.eq(apache.pid, "1:tid 5")
  T.eq(core.time(formats.named("apache_error").times.time)(apache.time), 1672531201.5)
end)

T.claim("syslog in both manners", function()
  local read = core.time(formats.named("syslog").times.time, 2023)
  for line, expected in pairs {
    ["Jan  1 00:00:00 h cron[123]: hello: world"] = {tag = "cron", pid = "123", message = "hello: world", at = 1672531200},
    ["Jan  1 00:00:00 h kernel: [ 1.0] x[1]: y"] = {tag = "kernel", message = "[ 1.0] x[1]: y", at = 1672531200},
    ["<34>Jan  1 00:00:00 h su: failed"] = {tag = "su", message = "failed", priority = "34", at = 1672531200},
    ["<34>1 2023-01-01T00:00:00Z h su 7 ID47 - failed"] = {tag = "su", pid = "7", message = "failed", at = 1672531200},
    ['<34>1 2023-01-01T00:00:00Z h su - - [a@1 b="c"] failed'] = {tag = "su", pid = "-", message = "failed", at = 1672531200},
    ["2023-01-01T01:00:00+01:00 h sshd[9]: closed"] = {tag = "sshd", pid = "9", message = "closed", at = 1672531200},
  } do
    local s = splitter("syslog", {"tag", "pid", "message", "priority", "time"})
    local r = s:split(line)
    T.ok(r, line)
    r.at, r.time = read(r.time), nil
    if not expected.priority then r.priority = nil end
    T.eq(r, expected)
  end
  T.eq(splitter("syslog", {"tag"}):split("no syslog"), nil)
end)

T.claim("every line of the machine's own dpkg.log fits", function()
  local file = io.open "/var/log/dpkg.log"
  if not file then return end
  local format = formats.named "dpkg"
  local s, read, n = format.make({"time", "action"}), core.time(format.times.time), 0
  for line in file:lines() do
    local r = s:split(line)
    T.ok(r and r.action and read(r.time), line)
    n = n + 1
    if n == 3000 then break end
  end
  file:close()
end)

T.claim("dpkg lines differ by action", function()
  T.eq(split("dpkg", "2023-01-01 00:00:00 status installed libc6:amd64 2.36").state, "installed")
  T.eq(split("dpkg", "2023-01-01 00:00:00 install libc6:amd64 <none> 2.36").new, "2.36")
  T.eq(split("dpkg", "2023-01-01 00:00:00 startup archives unpack").command, "unpack")
end)

T.claim("separators, columns, CSV, words", function()
  T.eq(splitter(";", {"2"}):split("a;b;c"), {["2"] = "b"})
  T.eq(splitter("words", {"2"}):split("  a   b c"), {["2"] = "b"})
  T.eq(splitter("words", {"$2", "4"}):split("a\tb c"), {["$2"] = "b"})
  T.eq(splitter({"who", "what"}, {"what"}):split("  a b"), {what = "b"})
  T.eq(splitter("csv", {"b"}, {columns = {"a", "b"}}):split('1,"x ""y"", z"'), {b = 'x "y", z'})
  T.eq(splitter("csv", {"b"}, {columns = {"a", "b"}}):split("1"), nil)
  T.eq(splitter("tsv", {"b"}, {columns = {"a", "b"}}):split("1\t2"), {b = "2"})
  T.eq(splitter({"a", "b"}, {"b"}, {separator = "::"}):split("1::2"), {b = "2"})
  T.ok(formats.named("csv").header)
end)

T.claim("the first line names the columns", function()
  local format = formats.header(formats.named "csv", '\xef\xbb\xbfid,"full, name",size')
  T.eq(format.columns, {"id", "full, name", "size"})
  T.eq(format.make({"full, name"}):split("1,b,3"), {["full, name"] = "b"})
end)

T.claim("logfmt", function()
  T.eq(splitter("logfmt", {"level", "msg", "debug", "no"}):split([[level=warn msg="a \"b\"\n\u00e9" debug]]),
    {level = "warn", msg = 'a "b"\n\xc3\xa9', debug = true})
  T.eq(splitter("logfmt", {"level"}):split("plain words only"), nil)
  T.eq(splitter("logfmt", {"level"}):split('a=1 msg="cut'), nil)
end)

T.claim("layouts written on the spot", function()
  T.eq(splitter("$a -> ${b:3}|$c", {"a", "b", "c"}):split("x -> 123|rest"), {a = "x", b = "123", c = "rest"})
  T.eq(splitter("$$${a:word}", {"a"}):split("$12 more"), {a = "12"})
end)

T.claim("formats tried in order", function()
  papy.formats.rows = {separator = ";", columns = {"a", "status"}}
  local s = splitter({first_of = {"nginx_error", "combined", "rows"}}, {"status", "url", "level"})
  T.eq(s:split("2023/01/01 00:00:01 [error] 12#7: x"), {level = "error"})
  T.eq(s:split("1;5"), {status = "5"})
  T.eq(s:split(COMBINED), {status = "200", url = "/x?a=1"})
  T.eq(s:split("none"), nil)
  T.eq(s:lookup(COMBINED, "agent"), [[Moz \"5\"]])
end)

T.claim("formats of a user's own", function()
  papy.formats.mine = {layout = "$a;$b"}
  T.eq(splitter("mine", {"b"}):split("1;2"), {b = "2"})
  papy.formats.odd = 5
  says("no format 'odd'", formats.named, "odd")
  local dir = os.tmpname()
  os.remove(dir)
  papy.fs.mkdir(dir)
  papy.fs.mkdir(dir .. "/papy")
  papy.fs.mkdir(dir .. "/papy/formats")
  local file = assert(io.open(dir .. "/papy/formats/theirs.lua", "w"))
  file:write 'return {match = [[^(?<n>\\d+)$]]}'
  file:close()
  local path = package.path
  package.path = dir .. "/?.lua;" .. path
  T.eq(splitter("theirs", {"n"}):split("12"), {n = "12"})
  package.path = path
  os.execute("rm -r " .. dir)
end)

T.claim("the list of formats is that of the files", function()
  for name in pairs(papy.formats()) do
    if name ~= "odd" then T.ok(formats.named(name), name) end
  end
end)

T.claim("mistakes are named with what is nearest", function()
  says("did you mean 'combined'", formats.named, "combinde")
  says("has none of layout", formats.format, {columns = {"a"}}, {})
  says("no field 'stauts' (nearest: 'status')", splitter, "combined", {"stauts"})
  says("no field 'x' (nearest: 'a')", splitter, "$a,$b", {"x"})
  says("layout, position 1", splitter, "$a$b", {})
end)

T.claim("expressions name their fields and know their values", function()
  T.eq(core.names("status >= 500 and (url ~ 'x' or status < 3) or http.code is null"), {"status", "url", "http.code"})
  says("no field 'stats' (nearest: 'status')", core.names, "stats > 1", {"status", "url"})
  T.eq({core.evaluate("status >= 500 and url ~ '^/api'", {status = "503", url = "/api/x"})}, {true, true})
  T.eq({core.evaluate("a * 2 + len(b)", {a = 4, b = "xyz"})}, {11, true})
end)

T.claim("JSON, where its module is there", function()
  if not pcall(require, "papy.json") then return end
  local s = splitter("json", {"status", "http.code", "msg", "a.b", "n", "t"})
  T.eq(s:split([[{"a":{"b":[1, {"c":"}"}],"x":1}, "status":200, "http":{"method":"GET","code": 1.5e3},
    "msg":"say \"hi\" \u00e9 \ud83d\ude00", "n":null, "t":true}]]),
    {status = 200, ["http.code"] = 1500.0, msg = 'say "hi" \xc3\xa9 \xf0\x9f\x98\x80', ["a.b"] = {1, {c = "}"}}, n = papy.null,
      t = true})
  for _, cut in ipairs {"", "{", "x", '{"status":1', '{"status":}', '{"status" 1}', '{"status":1]', "[1]", "5", '{"status":"a}',
    '{"status":tru}', '{"status":"\\x"}', '{"status":"\xff"}'} do
    T.eq(s:split(cut), nil)
  end
  T.eq(s:split("{}"), {})
  T.eq(s:lookup('{"a":{"b":{"c":7}},"a.x":8}', "a.b.c"), 7)
  T.eq(s:lookup('{"a":{"b":{"c":7}},"a.x":8}', "a.x"), 8)
  T.eq(s:lookup('{"a\\u0062":1}', "ab"), 1)
  T.eq(s:lookup('{"a":9223372036854775807, "b":9223372036854775808}', "b"), 9223372036854775808.0)
  T.eq(s:each('{"a":1} {"b":2}'), nil)
  local long = '{"x":"' .. ("y"):rep(200000) .. '","status":3}'
  T.eq(s:split(long).status, 3)
end)

T.finish()
