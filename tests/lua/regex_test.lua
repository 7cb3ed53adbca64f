-- Regexes: what their methods return. Prints nothing when all is well.
local function claim(name, f)
  local ok, why = xpcall(f, debug.traceback)
  if not ok then error(name .. ": " .. why, 0) end
end

local function same(expected, ...)
  local got = table.pack(...)
  assert(got.n == #expected, ("%d values instead of %d"):format(got.n, #expected))
  for i = 1, got.n do
    assert(got[i] == expected[i], ("value %d is %s, not %s"):format(i, tostring(got[i]), tostring(expected[i])))
  end
end

local function raises(words, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "no error")
  assert(tostring(err):find(words, 1, true), ("%q does not say %q"):format(tostring(err), words))
end

local function collect(...)
  local out = {}
  for a, b in ... do out[#out + 1] = b == nil and a or { a, b } end
  return out
end

claim("find gives positions and captures as string.find does", function()
  local re = papy.regex [[(\w+)@(\w+)]]
  same({ 6, 8, "a", "b" }, re:find "mail a@b c@d")
  same({ 10, 12, "c", "d" }, re:find("mail a@b c@d", 9))
  same({ 10, 12, "c", "d" }, re:find("mail a@b c@d", -3))
  same({ 6, 8, "a", "b" }, re:find("mail a@b c@d", -100))
  assert(re:find("mail a@b", 100) == nil and re:find "" == nil)
  same({ 1, 0 }, papy.regex "":find "")
  same({ 4, 3 }, papy.regex "":find("abc", 4))
end)

claim("match gives captures, the whole match without groups, false for a group that took no part", function()
  same({ "rs12" }, papy.regex [[\brs\d+]]:match "x rs12")
  same({ "a", false }, papy.regex "(a)|(b)":match "a")
  same({ false, "b" }, papy.regex "(a)|(b)":match "b")
  same({ "" }, papy.regex "(x*)":match "abc")
  assert(papy.regex "x":match "abc" == nil)
end)

claim("groups gives numbers and names", function()
  local t = papy.regex [[(?<key>\w+)=(?<value>\d+)?(;)?]]:groups "a: k=;"
  assert(t[0] == "k=;" and t[1] == "k" and t[2] == false and t[3] == ";" and t.key == "k" and t.value == false)
  assert(papy.regex "x":groups "a" == nil)
end)

claim("gmatch goes through all matches, empty ones once", function()
  same({ "a", "bc", "d" }, table.unpack(collect(papy.regex [[\w+]]:gmatch "a bc, d")))
  assert(#collect(papy.regex "x*":gmatch "abc") == 4)
  assert(#collect(papy.regex "":gmatch "") == 1)
  local pairs_ = collect(papy.regex [[(\w)=(\w)]]:gmatch "a=b c=d")
  assert(#pairs_ == 2 and pairs_[2][1] == "c" and pairs_[2][2] == "d")
  local step = papy.regex "a":gmatch "a"
  assert(step() == "a" and step() == nil and step() == nil)
end)

claim("gsub replaces by string, table and function", function()
  same({ "<a> <b>", 2 }, papy.regex [[\w]]:gsub("a b", "<%0>"))
  same({ "b=a", 1 }, papy.regex [[(\w)=(\w)]]:gsub("a=b", "%2=%1"))
  same({ "100% x", 1 }, papy.regex "a":gsub("100% a", "x"))
  same({ "%", 1 }, papy.regex "a":gsub("a", "%%"))
  same({ "1 b", 2 }, papy.regex [[\w]]:gsub("a b", { a = "1" }))
  same({ "2 c", 2 }, papy.regex [[\w]]:gsub("b c", function(x) return x == "b" and 2 end))
  same({ "x a a", 1 }, papy.regex "a":gsub("a a a", "x", 1))
  same({ "a", 0 }, papy.regex "a":gsub("a", "x", 0))
  same({ "-a-b-c-", 4 }, papy.regex "x*":gsub("abc", "-"))
  same({ "a\0-", 1 }, papy.regex "b":gsub("a\0b", "-"))
  raises("no group %2", papy.regex "(a)".gsub, papy.regex "(a)", "a", "%2")
  raises("invalid use of '%'", papy.regex "a".gsub, papy.regex "a", "a", "%x")
  raises("invalid replacement value (a table)", papy.regex "a".gsub, papy.regex "a", "a", function() return {} end)
  raises("string/function/table", papy.regex "a".gsub, papy.regex "a", "a", true)
end)

claim("gsub agrees with string.gsub where patterns mean the same", function()
  for _, text in ipairs { "", "a", "hello world", "  x  ", "aXbXc" } do
    for pcre, lua in pairs { ["[a-z]*"] = "[a-z]*", ["X"] = "X", ["[ x]+"] = "[ x]+", [""] = "" } do
      local a, n = papy.regex(pcre):gsub(text, "<%0>")
      local b, m = text:gsub(lua, "<%0>")
      assert(a == b and n == m, ("%q in %q: %q, not %q"):format(pcre, text, a, b))
    end
  end
end)

claim("a function called by gsub, or a loop over gmatch, may use the same regex", function()
  local re = papy.regex [[\d+]]
  same({ "[1:7] [22:7]", 2 }, re:gsub("1 22", function(n) return "[" .. n .. ":" .. re:match "x7" .. "]" end))
  local seen = {}
  for n in re:gmatch "1 2 3" do
    re:match "99"
    seen[#seen + 1] = n
  end
  same({ "1", "2", "3" }, table.unpack(seen))
end)

claim("count counts matches that do not overlap", function()
  assert(papy.regex "a":count "banana" == 3)
  assert(papy.regex "ana":count "banana" == 1)
  assert(papy.regex "a\nb":count "a\nb a\nb" == 2)
  assert(papy.regex "^":count "a\nb" == 1 and papy.regex("^", "m"):count "a\nb" == 2)
  assert(papy.regex "x":count "" == 0)
end)

claim("flags are i, m, s, x and u, in any order", function()
  assert(papy.regex("ABC", "i"):match "xabc" == "abc")
  assert(papy.regex("a.b", "s"):find "a\nb" and not papy.regex "a.b":find "a\nb")
  assert(papy.regex("a b # c", "x"):match "ab" == "ab")
  assert(papy.regex("^.$", "u"):find "é" and not papy.regex "^.$":find "é")
  assert(papy.regex("É", "ui"):find "é")
  assert(papy.regex("a", "usi").flags == "isu")
  raises("unknown regex flag 'g'", papy.regex, "a", "g")
end)

claim("a regex shows its pattern and flags and equals another of the same", function()
  local re = papy.regex("a+", "i")
  assert(re.pattern == "a+" and re.flags == "i" and re.nonsense == nil)
  assert(tostring(re) == "papy.regex(/a+/i)")
  assert(re == papy.regex("a+", "i") and re ~= papy.regex "a+" and re ~= "a+")
  assert(rawequal(re, papy.regex("a+", "i")), "compiled twice")
end)

claim("more patterns than are kept do no harm", function()
  for i = 1, 1000 do assert(papy.regex("^" .. i .. "$"):find(tostring(i))) end
end)

claim("a pattern that does not compile is an error with its place", function()
  raises("regex at 4: missing closing parenthesis in 'a(b'", papy.regex, "a(b")
  raises("regex at 1: quantifier does not follow", papy.regex, "*a")
  raises("string expected", papy.regex, {})
end)

claim("a match that backtracks without end is an error that names the pattern", function()
  local re = papy.regex [[^(a+)+$]]
  raises("'^(a+)+$' gave up", re.match, re, ("a"):rep(60) .. "b")
  assert(re:match "aaa" == "aaa")
end)

claim("any bytes may be text and pattern", function()
  assert(papy.regex "a\0b":find "xa\0b" == 2)
  assert(papy.regex "\xff":find "a\xff" == 2)
  assert(papy.regex("b", "u"):find "\xff\xfeb" == 3)
end)
