-- Rows written to files: whole or not at all, compressed or not.
local T = require "support"
local fs = papy.fs

local rows = {columns = {"url", "n"}, {url = "/a", n = 1}, {url = "/b,c", n = 2.5}}


local function dir()
  return assert(fs.temp("directory"))
end


local function clean(path)
  for _, name in ipairs(fs.list(path)) do os.remove(path .. "/" .. name) end
  os.remove(path)
end


T.claim("the path's end says the format, unless it is given", function()
  local d = dir()
  local texts = {text = "/a\t1\n/b,c\t2.5\n", csv = 'url,n\r\n/a,1\r\n"/b,c",2.5\r\n',
    json = '{"url":"/a","n":1}\n{"url":"/b,c","n":2.5}\n'}
  for name, format in pairs {x = "text", ["x.txt"] = "text", ["x.csv"] = "csv", ["x.json"] = "json", ["x.jsonl"] = "json"} do
    T.eq(papy.write(rows, d .. "/" .. name), 2)
    T.eq(fs.read(d .. "/" .. name), texts[format], name)
  end
  for format, text in pairs(texts) do
    papy.write(rows, d .. "/y.csv", format)
    T.eq(fs.read(d .. "/y.csv"), text, format)
  end
  papy.write({"one line", "another"}, d .. "/lines")
  T.eq(fs.read(d .. "/lines"), "one line\nanother\n")
  papy.write({columns = {"a"}}, d .. "/empty.csv")
  T.eq(fs.read(d .. "/empty.csv"), "a\r\n")
  T.eq(papy.write({}, d .. "/nothing"), 0)
  T.eq(fs.read(d .. "/nothing"), "")
  clean(d)
end)


T.claim("compressed files are what the programs people use read", function()
  local d = dir()
  local i = 0
  local function many()
    i = i + 1
    if i <= 20000 then return {n = i, text = "some text"} end
  end
  local expected = {}
  for n = 1, 20000 do expected[n] = n .. "\tsome text\n" end
  expected = table.concat(expected)
  for suffix, program in pairs {[".gz"] = "gzip", [".xz"] = "xz", [".bz2"] = "bzip2", [".zst"] = "zstd"} do
    i = 0
    T.eq(papy.write(many, d .. "/x" .. suffix, "text", {columns = {"n", "text"}}), 20000)
    if os.execute("command -v " .. program .. " >/dev/null") then
      T.ok(T.read_all(("%s -dc %s/x%s"):format(program, d, suffix)) == expected, suffix)
    end
  end
  papy.write(rows, d .. "/x.csv.gz")
  T.eq(T.read_all(("gzip -dc %s/x.csv.gz"):format(d)), 'url,n\r\n/a,1\r\n"/b,c",2.5\r\n')
  clean(d)
end)


T.claim("what was there stays when writing fails, and nothing is left behind", function()
  local d = dir()
  local path = d .. "/x.csv"
  papy.write({{a = "old"}}, path)
  local function failing()
    local n = 0
    return function()
      n = n + 1
      if n > 10 then error("the source has failed", 0) end
      return {a = n}
    end
  end
  T.raises("the source has failed", papy.write, failing(), path)
  T.eq(fs.read(path), "a\r\nold\r\n")
  T.raises("the source has failed", papy.write, failing(), d .. "/y.gz")
  T.eq(fs.list(d), {"x.csv"})
  clean(d)
end)


T.claim("a full disk is an error that says so, and leaves nothing", function()
  local d = dir()
  for _, name in ipairs {"x.txt", "x.gz"} do
    local text = T.run(([[
      math.randomseed(1)
      local i = 0
      print(pcall(papy.write, function() i = i + 1 if i < 100000 then return math.random(1 << 60) end end, %q))
    ]]):format(d .. "/" .. name), "trap '' XFSZ; ulimit -f 64; timeout 30")
    T.ok(text:find("cannot write " .. d .. "/" .. name .. ": ", 1, true) and text:find "^false.*File too large\n$", text)
  end
  T.eq(fs.list(d), {})
  T.raises("cannot write /no/such/dir/x: .*No such file", papy.write, rows, "/no/such/dir/x")
  T.raises("cannot write /dev/full: No space left", papy.write, rows, "/dev/full")
  clean(d)
end)


T.claim("a file behind a link is replaced, not the link; its mode stays", function()
  local d = dir()
  papy.write({"old"}, d .. "/real")
  assert(fs.symlink("real", d .. "/link"))
  os.execute("chmod 750 " .. d .. "/real")
  papy.write({"new"}, d .. "/link")
  T.eq(fs.readlink(d .. "/link"), "real")
  T.eq(fs.read(d .. "/real"), "new\n")
  T.eq(fs.list(d), {"link", "real"})
  T.eq(fs.stat(d .. "/real").mode, tonumber("750", 8))
  clean(d)
end)


T.claim("- is standard output, and a reader that has left ends it quietly", function()
  T.eq(T.run [[papy.write({"a", "b"}, "-")]], "a\nb\n")
  local path = T.temp [[local i = 0 papy.write(function() i = i + 1 return i end, "-")]]
  T.eq(T.read_all(("timeout 20 %s %s 2>&1 | head -n 2"):format(T.papy(), path)), "1\n2\n")
end)


T.claim("wrong arguments are errors", function()
  T.raises("did you mean 'json'", papy.write, rows, "-", "jsn")
  T.raises("the formats are text, csv, json", papy.write, rows, "-", 7)
  T.raises("a path or", papy.write, rows)
  T.raises("an array of rows", papy.write, 7, "/dev/null")
end)


T.finish()
