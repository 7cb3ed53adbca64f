-- JSON records: random objects against what they were made of, damaged ones, and that nothing else happens.
local T = require "support"
local papy = require "papy"
if not pcall(require, "papy.json") then
  print "papy.json was not built"
  os.exit(77)
end
local json = require "papy.json"

math.randomseed(5)
local random = math.random

local strings = {
  {'""', ""}, {'"a"', "a"}, {'"two words"', "two words"}, {'"\\"q\\" \\\\"', '"q" \\'}, {'"\\u00e9\\n"', "\xc3\xa9\n"},
  {'"\xc3\xa9"', "\xc3\xa9"}, {'"\\ud83d\\ude00"', "\xf0\x9f\x98\x80"}, {'"}{][,:"', "}{][,:"},
  {'"' .. ("x"):rep(300) .. '"', ("x"):rep(300)},
}
local scalars = {{"0", 0}, {"-7", -7}, {"1.5", 1.5}, {"1e3", 1000.0}, {"true", true}, {"false", false}, {"null", papy.null},
  {"9223372036854775807", math.maxinteger}, {"-0.0", -0.0}}
local keys = {"a", "b", "c", "a.b", "key with blank", "k\\u0061", "\xc3\xa9"}
local meant = {["k\\u0061"] = "ka"}

local function blank() return ({"", " ", "  ", "\t"})[random(4)] end

-- "a.b" can be a key, or b in a: which one is found then depends on their order
local function ambiguous(name, seen)
  return name == "a" and seen["a.b"] or name == "a.b" and seen["a"]
end

-- an object as text, and what its fields are worth; `paths` also has the fields of nested ones
local function object(depth, paths, prefix)
  local parts, seen, order, values = {}, {}, {}, {}
  for _ = 1, random(0, 5) do
    local key = keys[random(#keys)]
    local name = meant[key] or key
    local full = prefix .. name
    if not seen[name] and not ambiguous(name, seen) then
      seen[name] = true
      local text, value
      local what = random(10)
      if what <= 3 and depth > 0 then
        local inner, _ = {}, nil
        text, _, value = object(depth - 1, inner, full .. ".")
        for path, v in pairs(inner) do
          if paths[path] == nil then paths[path] = v end
        end
      elseif what == 4 then text, value = "[1, {\"a\": []}]", {1, {a = {}}}
      else
        local one = what < 8 and strings[random(#strings)] or scalars[random(#scalars)]
        text, value = one[1], one[2]
      end
      parts[#parts + 1] = blank() .. '"' .. key .. '"' .. blank() .. ":" .. blank() .. text .. blank()
      order[#order + 1], values[name] = name, value
      paths[full] = value
    end
  end
  return "{" .. table.concat(parts, ",") .. "}", order, values
end

T.claim("fields of random objects, flat and nested", function()
  for _ = 1, 2000 do
    local paths = {}
    local text, order, values = object(2, paths, "")
    local wanted = {"a", "nothing"}
    for path in pairs(paths) do
      if path ~= "a" then wanted[#wanted + 1] = path end
    end
    local s = json.splitter(wanted)
    local r = s:split(text)
    T.ok(r, text)
    for path, v in pairs(paths) do
      T.eq(r[path], v)
      T.eq(s:lookup(text, path), v)
    end
    local all, found = s:each(text)
    T.eq(found, order)
    T.eq(all, values)
  end
end)

T.claim("a damaged object fits or does not, and says no wrong name", function()
  for _ = 1, 3000 do
    local text = object(2, {}, "")
    local at = random(#text)
    local bad = ({"", "{", "}", '"', "\\", "\0", "\xff", ","})[random(8)]
    local damaged = text:sub(1, at - 1) .. bad .. text:sub(at + random(0, 1))
    local s = json.splitter({"a", "a.b", "b.c"})
    s:split(damaged)
    s:each(damaged)
    s:lookup(damaged, "c.a")
    T.eq(s:split(text) ~= nil, true)
  end
end)

T.claim("an object that is cut does not fit", function()
  local text = '{"a": 1, "b": {"c": [1, 2]}, "d": "e"}'
  local s = json.splitter({"a"})
  for n = 0, #text - 1 do T.eq(s:split(text:sub(1, n)), nil) end
  T.eq(s:split(text .. "  "), {a = 1})
end)

T.claim("whole values become tables", function()
  T.eq(json.decode('{"a":[1,2.5,"x\\n",true,null,{}],"b":{"c":-9223372036854775808,"d":18446744073709551615}}'),
    {a = {1, 2.5, "x\n", true, papy.null, {}}, b = {c = math.mininteger, d = 18446744073709551616.0}})
  T.eq(json.decode('"alone"'), "alone")
  T.eq(math.type(json.decode "1"), "integer")
  for _, wrong in ipairs {"", "{", "[1,]", "{'a':1}", "nul", "1 2", '"\xff"', ("["):rep(5000)} do
    local value, why = json.decode(wrong)
    T.ok(value == nil and why:find "^json: ", wrong)
  end
  local deep = ("["):rep(900) .. ("]"):rep(900)
  T.ok(json.decode(deep))
end)

T.claim("a splitter needs names", function()
  T.raises("names expected", json.splitter, {1})
  T.raises("table expected", json.splitter)
end)

T.finish()
