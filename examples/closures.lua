-- closures: a worker is a fork of this program, so a function finds everything it found here: upvalues, globals, tables
-- of any size, functions defined a second ago. Nothing is sent, nothing has to be importable.
--
--   this program: prices, tax(), discount ═══fork═══▶ worker: prices, tax(), discount
--
--   "apple" "pear" ──▶ function(name) ... prices[name] ... tax(...) ... end ──▶ results

local prices = {}
for i = 1, 100000 do prices["item " .. i] = i end
prices.apple, prices.pear = 10, 20

local function tax(amount) return amount * 1.5 end

-- a function made by a function, as often done at the prompt
local function shop(discount)
  local sold = 0
  return function(name)
    sold = sold + 1 -- a worker's own: what workers change, stays with them
    return tax(prices[name]) - discount
  end
end

local pool = papy.NuMap { worker_num = 2 }
local full = pool:add_task(shop(0), { "apple", "pear", "item 77777" })
local cheap = pool:add_task(shop(5), { "apple", "pear" })
pool:start()
local full_prices, cheap_prices = full:collect(), cheap:collect()
pool:stop()

print("full", table.unpack(full_prices))
print("cheap", table.unpack(cheap_prices))
assert(full_prices[1] == 15 and full_prices[2] == 30 and full_prices[3] == 116665.5)
assert(cheap_prices[1] == 10 and cheap_prices[2] == 25)
