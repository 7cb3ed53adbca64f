-- Compressed files and archives, against the programs people use for them.
local T = require "support"
local R = require "reading"
local open = require "papy.open"

if not pcall(require, "papy.archive") then
  print "papy.archive was not built"
  os.exit(77)
end

local dir, clean = R.directory()
local function path(name) return dir .. "/" .. name end
local function shell(command, ...) assert(os.execute(("cd '%s' && " .. command):format(dir, ...)), command) end

local log = {}
for i = 1, 60000 do log[i] = ("%d %x some words of a line\n"):format(i, i * 2654435761 % 4294967296) end
log = table.concat(log) .. "no newline at the end \0\xff"
R.write(path "log", log)
R.write(path "short", "a few bytes")
R.write(path "empty", "")


T.claim("every compression gives what its program gives, whatever the name", function()
  shell "gzip -c log >1; bzip2 -c log >2; xz -1 -c log >3; zstd -qc log >4; lz4 -qc log >5; xz -1 --format=lzma -c log >6"
  for i = 1, 6 do
    local r = R.all(path(i), nil, {workers = 2})
    T.ok(r.text == log, i)
    T.eq(r.names, {path(i)})
    T.eq(r.errors, {})
  end
end)

T.claim("small and empty ones, too", function()
  for _, how in ipairs {"gzip", "bzip2", "xz", "zstd -q", "lz4 -q"} do
    shell("%s -c short >s; %s -c empty >e", how, how)
    local r = R.all {path "s", path "e", path "short"}
    T.eq(r.text, "a few bytesa few bytes", how)
    T.eq(r.errors, {}, how)
    shell "head -c $(($(stat -c %%s s) - 3)) s >cut; cat e e s e >ees"
    T.ok((R.all(path "cut").errors[1] or ""):find "cut behind byte %d+: [^I]", how)
    r = R.all(path "ees")
    T.eq(r.text, "a few bytes", how)
    T.eq(r.errors, {}, how)
  end
end)

T.claim("several compressed pieces in one file are read as one", function()
  for _, how in ipairs {"gzip", "bzip2", "xz -1", "zstd -q", "lz4 -q"} do
    shell("{ %s -c short; %s -c log; %s -c empty; %s -c short; } >cat", how, how, how, how)
    local r = R.all(path "cat")
    T.ok(r.text == "a few bytes" .. log .. "a few bytes", how)
    T.eq(r.errors, {}, how)
  end
end)

T.claim("zeros that fill a block are passed over, whatever follows them", function()
  for _, how in ipairs {"gzip", "bzip2", "lz4 -q"} do
    for _, zeros in ipairs {4, 600, 300000} do
      shell("{ %s -c short; head -c %d /dev/zero; } >pad; { cat pad; %s -c log; cat pad; } >cat", how, zeros, how)
      local r = R.all(path "pad")
      T.eq({r.text, #r.errors}, {"a few bytes", 0}, how)
      r = R.all(path "cat")
      T.ok(r.text == "a few bytes" .. log .. "a few bytes" and #r.errors == 0, how .. zeros)
      shell "cp pad end; echo >>end"
      r = R.all(path "end")
      T.eq(r.text, "a few bytes", how)
      T.ok((r.errors[1] or ""):find "end behind byte 11: bytes that are not", how)
    end
  end
end)

T.claim("a damaged header is an error, never text", function()
  shell "lz4 -qc short >5"
  local file <close> = assert(io.open(path "5", "rb"))
  local whole = file:read "a"
  for at = 5, 7 do
    for bit = 0, 7 do
      local damaged = whole:sub(1, at - 1) .. string.char(whole:byte(at) ~ 1 << bit) .. whole:sub(at + 1)
      R.write(path "bad", damaged)
      local r = R.all(path "bad")
      T.ok(r.text == "" and #r.errors == 1, ("%d %d %q"):format(at, bit, r.text))
      R.write(path "cat", whole .. damaged)
      r = R.all(path "cat")
      T.ok(("a few bytes"):sub(1, #r.text) == r.text and #r.errors == 1, ("%d %d %q"):format(at, bit, r.text))
    end
  end
end)

T.claim("members of archives are files of their own", function()
  assert(papy.fs.mkdir(path "in/sub"))
  R.write(path "in/a.log", "a\nno end")
  R.write(path "in/sub/b.log", log)
  R.write(path "in/empty.log", "")
  shell "ln -s a.log in/link; cd in; tar cf ../t.tar *; tar czf ../t.tgz *; tar cJf ../t.txz *; tar c --format=v7 * >../old; \
    zip -qr ../t.zip a.log empty.log sub; zip -qr - a.log sub | cat >../streamed.zip"
  for _, name in ipairs {"t.tar", "t.tgz", "t.txz", "old", "t.zip", "streamed.zip"} do
    local r = R.all(path(name), nil, {workers = 2})
    T.ok(r.text == "a\nno end" .. log, name)
    T.eq(r.names, {path(name) .. ":a.log", path(name) .. ":sub/b.log"}, name)
    T.eq(r.errors, {}, name)
  end
end)

T.claim("members that are compressed are undone, too: a tar of rotated logs", function()
  shell "mkdir rot; cp log rot/log; cd rot; gzip -c log >log.1.gz; xz -1c log >log.2.xz; zstd -qc log >log.3; \
    lz4 -qc log >log.4; bzip2 -c log >log.5.bz2; gzip -c ../empty >log.7.gz; \
    { lz4 -qc ../short; lz4 -qc ../empty; lz4 -qc ../short; } >log.6; \
    { gzip -c ../short; gzip -c ../short; } >log.8.gz; tar cf ../rot.tar *; tar czf ../rot.tgz *; zip -q ../rot.zip *"
  local twice = "a few bytesa few bytes"
  for _, name in ipairs {"rot.tar", "rot.tgz", "rot.zip"} do
    local r = R.all(path(name), nil, {workers = 2})
    T.ok(r.text == log:rep(6) .. twice .. twice, name)
    T.eq(r.names[2], path(name) .. ":log.1.gz")
    T.eq(r.errors, {}, name)
  end
end)

T.claim("a member that is cut off or damaged is an error that names it, behind what came before", function()
  shell "cd rot; head -c 100000 log.1.gz >cut.gz; zcat cut.gz >../whole 2>/dev/null || true; tar cf ../cut.tar log cut.gz; \
    { head -c 5000 log.4; echo; tail -c 5000 log.4; } >bad.lz4; tar czf ../bad.tgz log.7.gz bad.lz4"
  local r = R.all(path "cut.tar")
  T.ok(r.text == log .. papy.fs.read(path "whole"))
  T.ok(#r.errors == 1 and r.errors[1]:find "cut.tar:cut.gz behind byte %d+: the gzip file is cut short", r.errors[1])
  r = R.all(path "bad.tgz")
  T.ok(#r.errors == 1 and r.errors[1]:find "bad.tgz:bad.lz4 behind byte %d+: ", r.errors[1])
  shell "head -c 600000 rot.tgz >half.tgz"
  r = R.all(path "half.tgz")
  T.ok(#r.errors == 1 and r.errors[1]:find "half.tgz:log.%d%S* behind byte %d+: the gzip file is cut short", r.errors[1])
end)

T.claim("blocks of a stream are bounded, whole lines, and say their offsets", function()
  shell "for i in 1 2 3 4; do cat log; echo; done | gzip -1c >big"
  local at = 0
  local blocks = R.all(path "big").blocks
  for i, block in ipairs(blocks) do
    T.eq(block[3], at)
    T.ok(#block[1] < 3 << 20 and (i == #blocks or block[1]:sub(-1) == "\n"))
    at = at + #block[1]
  end
  T.eq(at, 4 * (#log + 1))
end)

T.claim("a truncated file gives what comes before, then an error with file and offset", function()
  for i = 1, 5 do
    shell("head -c $(($(stat -c %%s %d) * 2 / 3)) %d >cut", i, i)
    local r = R.all(path "cut")
    T.eq(#r.errors, 1, i)
    T.ok(log:sub(1, #r.text) == r.text, "what came is right")
    T.ok(i ~= 1 and i ~= 4 or #r.text > 200000, i, #r.text) -- the others have large blocks
    T.eq(tonumber(r.errors[1]:match "cut behind byte (%d+): "), #r.text)
  end
  shell "head -c 200000 t.tgz >cut.tgz"
  local r = R.all(path "cut.tgz")
  T.ok(r.text:sub(1, 8) == "a\nno end" and #r.text > 100000)
  T.ok(r.errors[1]:find "cut.tgz:sub/b.log behind byte %d+: the gzip file is cut short", r.errors[1])
end)

T.claim("as much of a truncated gzip file as zcat gives", function()
  shell "head -c 100000 1 >half; zcat half >unpacked 2>/dev/null || true"
  T.ok(R.all(path "half").text == papy.fs.read(path "unpacked"))
end)

T.claim("a damaged byte is an error, never wrong bytes in silence", function()
  for i = 1, 5 do
    local bytes = papy.fs.read(path(i))
    local at = #bytes // 2
    R.write(path "bad", bytes:sub(1, at) .. string.char(bytes:byte(at + 1) ~ 0x10) .. bytes:sub(at + 2))
    local r = R.all(path "bad")
    T.ok(#r.errors == 1, i, "no error")
  end
  for _, name in ipairs {"t.tgz", "t.txz"} do -- their members end before the checksums do
    local bytes = papy.fs.read(path(name))
    R.write(path "bad", bytes:sub(1, -6) .. string.char(bytes:byte(-5) ~ 1) .. bytes:sub(-4))
    T.ok(#R.all(path "bad").errors == 1, name)
  end
  local bytes = papy.fs.read(path "1")
  R.write(path "bad", bytes:sub(1, -6) .. string.char(bytes:byte(-5) ~ 1) .. bytes:sub(-4))
  T.ok(R.all(path "bad").errors[1]:find "incorrect", "a wrong checksum")
  R.write(path "bad", papy.fs.read(path "1") .. "something else")
  local r = R.all(path "bad")
  T.ok(r.text == log and r.errors[1]:find "bytes that are not gzip's follow its end")
end)

T.claim("behind a broken file the next one is read", function()
  shell "head -c 300 s >broken; cp short after; head -c 100000 1 >broken"
  local r = R.all {path "broken", path "after"}
  T.eq(#r.errors, 1)
  T.eq(r.text:sub(-11), "a few bytes")
end)

T.claim("records of several lines go through streams, not from one member to the next", function()
  R.write(path "in/a.log", "2024 one\n  at x\n2024 two\n  at y")
  R.write(path "in/c.log", "  a tail\n2024 three\n")
  shell "cd in; tar czf ../m.tgz a.log c.log"
  local source = open.source(path "m.tgz", {record_start = "^\\d{4}"})
  local records = {}
  for item in open.items(source) do
    for _, block in ipairs(R.blocks(item, source.record_start)) do
      for _, record in ipairs(R.records(block[1], function(line) return line:find "^%d%d%d%d" end)) do
        records[#records + 1] = record
      end
    end
  end
  T.eq(records, {"2024 one\n  at x", "2024 two\n  at y", "  a tail", "2024 three"})
end)

T.claim("text that only looks a little like an archive is text", function()
  for _, text in ipairs {"BZh9 is a header\n", "PK is my name\n", "\x1f\x8b\n", "]", "P", ("ustar\n"):rep(100)} do
    T.eq(R.all(R.write(path "odd", text)).text, text)
  end
end)

T.claim("without the module, only compressed files are errors", function()
  local alone = path "papy"
  shell("cp '%s' papy", T.papy())
  local script = R.write(path "alone.lua", [[
    package.loaded.reading = dofile(arg[1])
    local r = require("reading").all {arg[2], arg[3]}
    print(r.text, r.errors[1])]])
  local said = T.read_all(("'%s' '%s' tests/lua/reading.lua '%s' '%s' 2>&1"):format(alone, script, path "1", path "short"))
  T.ok(said:find "^a few bytes\tcannot read .*/1: papy.archive is not part of this papy: install libarchive", said)
end)

clean()
T.finish()
