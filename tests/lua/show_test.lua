-- What show prints, for people and for programs.
local T = require "support"
local show = require "papy.show"

local rows = {
  columns = {"url", "n", "mean"},
  {url = "/index.html", n = 12345, mean = 1.5},
  {url = "/a", n = 7, mean = 12.25},
  {url = "/b", n = 1000},
}


local function lines(rows_, opts)
  local out = {}
  for line in show.render(rows_, opts):gmatch "([^\n]*)\n" do out[#out + 1] = line end
  return out
end


local function table_of(rows_, opts)
  opts = opts or {}
  opts.mode = opts.mode or "table"
  if opts.ascii == nil then opts.ascii = false end
  return lines(rows_, opts)
end


T.claim("numbers go right, texts left, missing values are a dash", function()
  T.eq(table_of(rows), {
    "url              n   mean",
    "/index.html  12345    1.5",
    "/a               7  12.25",
    "/b            1000      -",
  })
end)


T.claim("columns are those asked for, those of the rows, or the fields by name", function()
  T.eq(table_of(rows, {columns = {"n", "url"}})[2], "12345  /index.html")
  T.eq(table_of({{b = 1, a = "x"}}), {"a  b", "x  1"})
  T.eq(table_of({{"x", 2}, {"y", 10}}), {"1   2", "x   2", "y  10"})
  T.eq(table_of({3, "x"}), {"value", "3", "x"})
  T.eq(table_of({}), {"(no rows)"})
  T.eq(table_of({columns = {"a", "b"}}), {"a  b"})
end)


T.claim("texts are cut to the width, the widest first, numbers are not", function()
  T.eq(table_of(rows, {width = 20}), {
    "url         n   mean",
    "/inde…  12345    1.5",
    "/a          7  12.25",
    "/b       1000      -",
  })
  for width = 1, 40 do
    for _, ascii in ipairs {true, false} do
      for _, line in ipairs(table_of(rows, {width = width, ascii = ascii, bars = "n"})) do
        T.ok(utf8.len(line) <= width, "a line of", utf8.len(line), "columns in", width, line)
      end
    end
  end
end)


T.claim("what does not fit at all is named", function()
  local many = {columns = {"one", "two", "three", "four"}, {one = 1111111, two = 2222222, three = 3333333, four = 4444444}}
  T.eq(table_of(many, {width = 30}), {"    one      two    three", "1111111  2222222  3333333", "(1 more column: four)"})
end)


T.claim("more rows than the limit are counted, also those of an iterator", function()
  local numbers = {}
  for i = 1, 100 do numbers[i] = {n = i} end
  local shown = table_of(numbers)
  T.eq(#shown, 22)
  T.eq(shown[22], "... 80 more")
  local i = 0
  shown = table_of(function()
    i = i + 1
    if i <= 50 then return {n = i} end
  end, {limit = 3})
  T.eq(shown, {"n", "1", "2", "3", "... 47 more"})
  T.eq(#table_of(numbers, {limit = 0}), 101)
end)


T.claim("widths are those of characters, and foreign bytes are harmless", function()
  local t = table_of({{s = "漢字", n = 1}, {s = "e\u{301}", n = 2}, {s = "\27[31m", n = 3}, {s = "\xff\n\0", n = 4},
    {s = "ascii", n = 5}}, {columns = {"s", "n"}})
  local function line(text, width, n)
    return text .. (" "):rep(10 - width + 2) .. n
  end
  T.eq(t, {line("s", 1, "n"), line("漢字", 4, 1), line("e\u{301}", 1, 2), line("\\x1B[31m", 8, 3), line("\\xFF\\n\\x00", 10, 4),
    line("ascii", 5, 5)})
  T.eq(table_of({{s = "漢字漢字"}}, {width = 6})[2], "漢字…")
  T.eq(table_of({{s = "漢字漢字"}}, {width = 5})[2], "漢字…")
  T.eq(table_of({{s = "ü"}}, {ascii = true})[2], "\\xC3\\xBC")
  T.eq(table_of({{s = "0123456789"}}, {width = 6, ascii = true})[2], "01234~")
end)


T.claim("bars are as long as their numbers", function()
  local r = {columns = {"k", "n"}, {k = "a", n = 8}, {k = "b", n = 4}, {k = "c", n = 0}, {k = "d"}}
  T.eq(table_of(r, {width = 20, bars = "n"}), {"k  n", "a  8  ██████████████", "b  4  ███████", "c  0", "d  -"})
  T.eq(table_of(r, {width = 20, bars = "n", ascii = true})[2], "a  8  ##############")
end)


T.claim("a line of bars says how numbers went over time", function()
  T.eq(show.sparkline({0, 1, 2, 3, 4, 5, 6, 7, 8}), "▁▁▂▃▄▅▆▇█")
  T.eq(show.sparkline({8, false, 1}), "█ ▁")
  T.eq(show.sparkline({}), "")
  local r = {columns = {"time", "n"}}
  for i = 1, 40 do r[i] = {time = ("10:%02d"):format(i), n = i} end
  local spark = table_of(r, {mode = "spark", width = 10})
  T.eq(utf8.len(spark[1]), 10)
  T.eq(table_of(r, {mode = "spark", width = 60})[2], "10:01 .. 10:40  most 40")
end)


T.claim("lists are shown in a cell", function()
  local r = {{top = {{value = "a", count = 3}, {value = "b", count = 1, over = 1}},
    spread = {{from = 0, to = 1, count = 8}, {from = 1, to = 2, count = 4}}}}
  T.eq(table_of(r, {columns = {"top", "spread"}})[2], "a (3), b (<=1)  █▄")
end)


T.claim("programs get fields separated by tabs, CSV, or JSON", function()
  local r = {columns = {"a", "b", "c"}, {a = "x\ty\n", b = 1.5, c = papy.null}, {a = 'say "hi", you', b = 2.0},
    {a = "\xff\1é", b = {1, {k = true}}}}
  T.eq(show.render(r, {mode = "text"}), 'x\\ty\\n\t1.5\t\nsay "hi", you\t2.0\t\n\xff\1é\t[1,{"k":true}]\t\n')
  T.eq(show.render(r, {mode = "text", header = true}):match "^[^\n]*", "a\tb\tc")
  T.eq(show.render(r, {mode = "csv"}),
    'a,b,c\r\n"x\ty\n",1.5,\r\n"say ""hi"", you",2.0,\r\n\xff\1é,"[1,{""k"":true}]",\r\n')
  T.eq(show.render(r, {mode = "json"}), '{"a":"x\\ty\\n","b":1.5,"c":null}\n{"a":"say \\"hi\\", you","b":2.0,"c":null}\n' ..
    '{"a":"\u{FFFD}\\u0001é","b":[1,{"k":true}],"c":null}\n')
  T.eq(show.render({"a line", "another"}, {mode = "text"}), "a line\nanother\n")
  T.eq(show.render({0 / 0, 1 / 0, 0.1, 1e300, -0.0, math.mininteger}, {mode = "json"}),
    "null\nnull\n0.1\n1e+300\n-0.0\n-9223372036854775808\n")
end)


T.claim("without a terminal show prints plain text, at one a table", function()
  local script = [[papy.show({columns = {"url", "n"}, {url = "/a/long/one/that/is/cut", n = 5}})]]
  T.eq(T.run(script), "/a/long/one/that/is/cut\t5\n")
  local path = T.temp(script)
  local function at_terminal(environment)
    local command = ("script -qec 'stty cols 20; env %s %s %s' /dev/null </dev/null"):format(environment, T.papy(), path)
    return (T.read_all(command):gsub("\r", ""))
  end
  T.eq(at_terminal "LC_ALL=C.UTF-8 TERM=xterm NO_COLOR=1", "url                n\n/a/long/one/that…  5\n")
  T.eq(at_terminal "LC_ALL=C TERM=dumb NO_COLOR=", "url                n\n/a/long/one/that~  5\n")
  T.ok(at_terminal "LC_ALL=C TERM=xterm NO_COLOR=":find("^\27%[1murl +n\27%[0m\n"), "bold")
end)


T.claim("wrong options are errors", function()
  T.raises("did you mean 'limit'", papy.show, {}, {limits = 3})
  T.raises('must be "auto" or "table"', papy.show, {}, {mode = "tabel"})
  T.raises("an array of rows or an iterator expected, got 7", papy.show, 7, {mode = "table"})
end)


T.claim("an output that takes nothing is an error, one that has left ends it quietly", function()
  local f = io.open("/dev/full", "w")
  f:setvbuf "no"
  T.raises("cannot write: No space left", papy.show, {1, 2}, {file = f})
  local path = T.temp [[local i = 0 papy.show(function() i = i + 1 return {n = i} end)]]
  T.eq(T.read_all(("timeout 20 %s %s 2>&1 | head -n 2"):format(T.papy(), path)), "1\n2\n")
end)


T.finish()
