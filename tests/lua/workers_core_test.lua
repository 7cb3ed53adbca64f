-- The slots of the inbox: plugger, passers, zippers, joiners.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local workers = require "papy.workers"
local core = workers.core

T.claim("papy.workers and require give the same table, whose parts come when asked for", function()
  T.ok(papy.workers == workers)
  T.ok(workers.core == require "papy.workers.core")
  T.eq(workers.nothing, nil)
end)

T.claim("plugger gives nothing, which is papy.null", function()
  T.eq(core.plugger { 1 }, papy.null)
end)

T.claim("ipasser passes slot i, the first by default", function()
  T.eq(core.ipasser { "a", "b" }, "a")
  T.eq(core.ipasser({ "a", "b" }, 2), "b")
  T.eq(core.ipasser({ "a", false }, 2), false)
end)

T.claim("ipasser names a slot that is not there, at the caller's line", function()
  local e = T.raises("ipasser: there is no slot 3: the inbox has 2 slots", core.ipasser, { "a", "b" }, 3)
  T.raises("there is no slot 0: the inbox has 1 slot$", core.ipasser, { "a" }, 0)
  T.raises("there is no slot x", core.ipasser, { "a" }, "x")
  local ok, why = pcall(function()
    local v = core.ipasser({ 1 }, 2)
    return v
  end)
  T.ok(not ok and why:find "workers_core_test.lua:", e, why)
end)

T.claim("npasser passes the first n slots, all by default, as an array of its own", function()
  local inbox = { 1, 2, 3 }
  T.eq(core.npasser(inbox), { 1, 2, 3 })
  T.ok(core.npasser(inbox) ~= inbox)
  T.eq(core.npasser(inbox, 2), { 1, 2 })
  T.eq(core.npasser(inbox, 0), {})
  T.eq(core.npasser(inbox, 9), { 1, 2, 3 })
  T.raises("n must be a whole number", core.npasser, inbox, -1)
end)

T.claim("spasser passes chosen slots in the order of the inbox", function()
  T.eq(core.spasser({ "a", "b", "c" }, { 3, 1 }), { "a", "c" })
  T.eq(core.spasser({ "a", "b", "c" }, { 2 }), { "b" })
  T.eq(core.spasser { "a", "b", "c" }, { "a", "b", "c" })
  T.eq(core.spasser({ "a", "b" }, {}), { "a", "b" })
  T.raises("spasser: there is no slot 3", core.spasser, { 1, 2 }, { 1, 3 })
  T.raises("s must be an array", core.spasser, { 1, 2 }, 1)
end)

local slots = { { 1, 2 }, { 3, 4 }, { 5, 6 } }

T.claim("nzipper gives the first row, and all rows when asked", function()
  T.eq(core.nzipper(slots), { 1, 3, 5 })
  T.eq(core.nzipper(slots, 2), { 1, 3 })
  T.eq(core.nzipper(slots, nil, true), { { 1, 3, 5 }, { 2, 4, 6 } })
  T.raises("there is no first row", core.nzipper, { {}, { 1 } })
  T.raises("there is no first row", core.nzipper, {})
  T.eq(core.nzipper({ {}, { 1 } }, nil, true), {})
  T.raises("slot 2 must be an array, got a number", core.nzipper, { { 1 }, 2 })
end)

T.claim("szipper gives all rows of chosen slots, of all by default", function()
  T.eq(core.szipper(slots, { 1, 3 }), { { 1, 5 }, { 2, 6 } })
  T.eq(core.szipper(slots), { { 1, 3, 5 }, { 2, 4, 6 } })
  T.eq(core.szipper { { 1, 2, 3 }, { 4 } }, { { 1, 4 } })
end)

T.claim("njoiner and sjoiner join strings and numbers", function()
  local inbox = { "a", "b", "c" }
  T.eq(core.njoiner(inbox), "abc")
  T.eq(core.njoiner(inbox, 2, "-"), "a-b")
  T.eq(core.njoiner(inbox, nil, ", "), "a, b, c")
  T.eq(core.sjoiner(inbox, { 3, 1 }, "-"), "a-c")
  T.eq(core.sjoiner(inbox), "abc")
  T.eq(core.sjoiner({ 1, "x" }, nil, "/"), "1/x")
  T.raises("njoiner: only strings and numbers can be joined, value 2 is a table", core.njoiner, { "a", {} })
  T.raises("the separator must be a string", core.sjoiner, inbox, { 1 }, 5)
end)

T.claim("an inbox that is none is named", function()
  T.raises("npasser: the inbox must be an array, got a nil", core.npasser, nil)
  T.raises("sjoiner: the inbox must be an array, got a string", core.sjoiner, "abc")
end)

T.each_type(function(worker_type)
  T.claim("they work in pools, with constant arguments", function()
    local pool = papy.NuMap { worker_num = 2, worker_type = worker_type }
    local joined = pool:add_task(core.njoiner, { { "a", "b" }, { "c", "d" } }, { args = { 2, "-" } })
    local passed = pool:add_task(core.ipasser, { { 1, 2 }, { 3 } }, { args = { 2 } })
    pool:start()
    T.eq(T.values(joined), { "a-b", "c-d" })
    T.eq(passed:next(), 2)
    T.raises("function", passed.next, passed)
    pool:stop()
  end)
end)

T.finish()
