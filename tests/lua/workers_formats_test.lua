-- JSON, CSV and papy's own format, as worker functions.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local io_ = require("papy.workers").io
local json = require "papy.workers.json"

local function through_json(value)
  return io_.json_loads { io_.json_dumps { value } }
end

T.claim("JSON: values come back as they were", function()
  local value = {
    text = "q\"b\\s/\n\r\t\b\f\1\127 ä €",
    integers = { 0, -1, math.maxinteger, math.mininteger },
    floats = { 1.0, 0.1, 1e300, -1e-7, 1 / 3 },
    yes = true, no = false, null = papy.null, nested = { { {} } }, [""] = 1,
  }
  T.eq(through_json(value), value)
  T.eq(through_json "text", "text")
  T.eq(through_json(papy.null), papy.null)
end)

T.claim("JSON: integers and floats stay apart", function()
  T.eq(io_.json_dumps { { 1, 1.0, 1e100 } }, "[1,1.0,1e+100]")
  T.eq(io_.json_loads { "[1, 1.0, 1e2, 123456789012345678901234567890]" }, { 1, 1.0, 100.0, 123456789012345678901234567890.0 })
  T.eq(io_.json_loads { "[-0, -0.0, -0.5, 0]" }, { -0.0, -0.0, -0.5, 0 })
end)

T.claim("JSON: empty objects and arrays stay apart, fields are sorted", function()
  T.eq(io_.json_dumps { io_.json_loads { '{"b":{},"a":[]}' } }, '{"a":[],"b":{}}')
  T.eq(io_.json_dumps { json.object() }, "{}")
end)

T.claim("JSON: escapes and surrogates", function()
  T.eq(io_.json_loads { [["\u00e4\ud83d\ude00\/\"\\\b"]] }, "ä😀/\"\\\b")
  for _, text in ipairs { [["\ud83d"]], [["\ude00"]], [["\ud83dx"]], [["\x"]], [["\u12g4"]], '"a\nb"', '"\255"' } do
    T.raises("invalid JSON at line 1, column", io_.json_loads, { text })
  end
end)

T.claim("JSON: what is no JSON is an error with its place", function()
  for text, place in pairs {
    [""] = "line 1, column 1 %(byte 1%): a value expected, but the text ends",
    ["[1,]"] = "column 4 %(byte 4%): a value expected, got '%]'",
    ['{"a":1,}'] = "byte 8%): a name in quotes", ["{a:1}"] =
      "byte 2%): a name in quotes",
    ['{\n"a"\n1}'] = "line 3, column 1 %(byte 7%): ':' expected",
    ["[1\n 2]"] = "line 2, column 2", ["01"] = "leading zero", ["1."] = "a digit expected",
    ["1e"] = "exponent", ["+1"] = "got '%+'",
    [".5"] = "got '%.'", ["nul"] = "a value", ["truee"] = "a value",
    ["[1] 2"] = "the end of the text expected", ['"abc'] = "without its end",
    ["NaN"] = "a value", ["\0"] = "got '\\x00'", ["'a'"] = "a value", ["[\255]"] = "not UTF%-8",
  } do
    T.raises(place, io_.json_loads, { text })
  end
  T.raises("nested more than 500 deep", io_.json_loads, { ("["):rep(100000) })
  T.raises("must be a string, got a number", io_.json_loads, { 1 })
end)

T.claim("JSON: what has no form in JSON is an error with the path to it", function()
  local loop = {}
  loop[1] = loop
  for what, value in pairs {
    ["value.a%[2%] as JSON: .*nan"] = { a = { 1, 0 / 0 } }, ["value as JSON: inf"] = 1 / 0,
    ["a key that is neither"] = { [5] = 1 },
    ["both elements and named fields"] = { 1, a = 2 }, ["a function"] = print, ["in a circle"] = loop,
    ["byte 2 of the string is not UTF%-8"] = "a\255", ["a key that is neither a string"] = { [true] = 1 },
  } do
    T.raises(what, io_.json_dumps, { value })
  end
end)

T.claim("CSV: a row there and back", function()
  local row = { "a", "b,c", 'd"e', "f\ng", "", " h ", "i\r\n" }
  T.eq(io_.csv_dumps { row }, 'a,"b,c","d""e","f\ng",," h ","i\r\n"')
  T.eq(io_.csv_loads { io_.csv_dumps { row } }, row)
  T.eq(io_.csv_dumps { { 1, 2.5, true, papy.null } }, "1,2.5,true,")
  T.eq(io_.csv_loads { io_.csv_dumps { { "" } } }, { "" })
end)

T.claim("CSV: other separators, many rows", function()
  for _, separator in ipairs { ";", "\t", "^", "%", "]", "-", "." } do
    local opts = { separator = separator, rows = true }
    local rows = { { "a" .. separator, "b,c" }, { "1", "" }, { "", "" } }
    T.eq(io_.csv_loads({ io_.csv_dumps({ rows }, opts) }, opts), rows)
  end
  T.eq(io_.csv_loads({ "a,b\r\nc,d\n\n\"e\",f" }, { rows = true }), { { "a", "b" }, { "c", "d" }, { "e", "f" } })
  T.eq(io_.csv_loads({ "" }, { rows = true }), {})
  T.raises("one row expected, got 2", io_.csv_loads, { "a\nb" })
end)

T.claim("CSV: wrong quotes are errors with their place", function()
  T.raises("line 1, column 3 %(byte 3%): a quoted field without its end", io_.csv_loads, { 'a,"b' })
  T.raises("line 2, column 2 %(byte 4%): a quote inside", io_.csv_loads, { 'a\nb"c' })
  T.raises("a separator or the end of the line expected", io_.csv_loads, { '"a"b' })
  T.raises("cannot write field 2 as CSV: a table", io_.csv_dumps, { { 1, {} } })
  T.raises("the separator must be one character", io_.csv_dumps, { { 1 } }, { separator = '"' })
end)

T.claim("papy's own format keeps everything but code", function()
  local value = { 1, 1.0, "\0", { x = papy.null }, math.mininteger }
  T.eq(io_.item_loads { io_.item_dumps { value } }, value)
  T.raises("not a value in papy's format", io_.item_loads, { "rubbish" })
  T.raises("cut off", io_.item_loads, { io_.item_dumps { "abc" }:sub(1, -2) })
  T.raises(".", io_.item_loads, { io_.item_dumps { function() end } })
end)

T.claim("bulk data by hand: worker to worker through a file", function()
  local up = papy.Worker { function(inbox) return { n = inbox[1] } end, io_.item_dumps, io_.dump_item }
  local down = papy.Worker { io_.load_item, io_.item_loads, function(inbox) return inbox[1].n end }
  T.eq(down { up { 7 } }, 7)
end)

T.finish()
