-- produce_consume: one result becomes several items, and several items one inbox again. What was produced together is consumed
-- together, whatever the stride of the pool and the number of items.
--
--   line ──▶ split ═▶ word word word ═▶ shout ═▶ WORD WORD WORD ═▶ sentence ──▶ line
--            produce = 3                                           consume = 3
--
-- A result of the wrong length is an error in each of its places. With `repeats` the same result is given several times.

local function split(inbox)
  local words = {}
  for word in inbox[1]:gmatch "%a+" do words[#words + 1] = word end
  return words
end

local function shout(inbox) return inbox[1]:upper() end

-- the inbox of a consuming piper has a row for each item: {{word}, {word}, {word}}
local function sentence(inbox)
  return inbox[1][1] .. " " .. inbox[2][1] .. " " .. inbox[3][1] .. "!"
end

local pool = papy.NuMap { worker_num = 2 }
local words = papy.Piper(split, { parallel = pool, produce = 3 }) { { "we are here", "where are you", "at last" } }
local loud = papy.Piper(shout, { parallel = pool }) { words }
local lines = papy.Piper(sentence, { parallel = pool, consume = 3 }) { loud }
lines:start()

local first, second, third = lines:next(), lines:next(), lines:next()
print(first, second)
print(third)
assert(first == "WE ARE HERE!" and second == "WHERE ARE YOU!")
assert(third.kind and lines:next() == nil) -- "at last" has two words only
lines:stop()
