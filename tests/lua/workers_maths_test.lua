-- Operators and math functions as worker functions, with a constant argument and in the starred form.
package.path = "tests/lua/?.lua;" .. package.path
local T = require "support"
local maths = require("papy.workers").maths

T.claim("operators take slot 1 and a constant", function()
  T.eq(maths.add({ 10 }, 3), 13)
  T.eq(maths.sub({ 10 }, 3), 7)
  T.eq(maths.mul({ 10 }, 3), 30)
  T.eq(maths.div({ 10 }, 4), 2.5)
  T.eq(maths.idiv({ 10 }, 4), 2)
  T.eq(maths.mod({ 10 }, 3), 1)
  T.eq(maths.pow({ 2 }, 10), 1024.0)
  T.eq({ maths.band({ 6 }, 3), maths.bor({ 6 }, 3), maths.bxor({ 6 }, 3) }, { 2, 7, 5 })
  T.eq({ maths.shl({ 1 }, 4), maths.shr({ 16 }, 4), maths.bnot { 0 } }, { 16, 1, -1 })
  T.eq({ maths.unm { 5 }, maths.len { "abc" }, maths.not_ { false } }, { -5, 3, true })
  T.eq({ maths.eq({ 1 }, 1), maths.ne({ 1 }, 1), maths.lt({ 1 }, 2), maths.ge({ 1 }, 2) }, { true, false, true, false })
  T.eq(maths.concat({ "a" }, "b"), "ab")
end)

T.claim("the starred form takes all operands from the inbox", function()
  T.eq(maths.addstar { 10, 3 }, 13)
  T.eq(maths.sub_star { 10, 3 }, 7)
  T.eq(maths.maxstar { 3, 9, 4 }, 9)
  T.eq(maths.sqrtstar { 16 }, 4.0)
  T.eq(maths.logstar { 8, 2 }, 3.0)
  T.ok(maths.addstar == maths.add_star)
end)

T.claim("math functions keep their optional arguments", function()
  T.eq(maths.log({ 8 }, 2), 3.0)
  T.eq(maths.floor { 2.7 }, 2)
  T.eq(maths.atan({ 1 }, 1), math.pi / 4)
  T.eq(maths.max({ 3 }, 9, 4), 9)
  T.eq(maths.type { 1.5 }, "float")
  T.eq(maths.modf { 2.5 }, { 2, 0.5 })
  T.eq(maths.tointeger { 2.5 }, papy.null)
end)

T.claim("Python's names of operators are known", function()
  T.ok(maths.truediv == maths.div and maths.neg == maths.unm and maths.lshiftstar == maths.shlstar)
end)

T.claim("a wrong number of operands is an error", function()
  T.raises("add: 2 operands expected, got 1", maths.add, { 1 })
  T.raises("add: 2 operands expected, got 3", maths.add, { 1 }, 2, 3)
  T.raises("addstar: 2 operands expected, got 3", maths.addstar, { 1, 2, 3 })
  T.raises("log: 1 to 2 operands expected, got 0", maths.log, {})
  T.raises("the inbox must be an array", maths.sqrt, 4)
end)

T.claim("an operation that fails names itself and the caller's line", function()
  local e = T.raises("add: attempt to perform arithmetic on a table value", maths.add, { {} }, 1)
  T.raises("idiv: attempt to divide by zero", maths.idiv, { 1 }, 0)
  local ok, why = pcall(function()
    local v = maths.add({ {} }, 1)
    return v
  end)
  T.ok(not ok and why:find "workers_maths_test.lua:", e, why)
end)

T.claim("every function of the math library is there in both flavours, but for random numbers", function()
  for name, value in pairs(math) do
    if type(value) == "function" and not name:find "^random" then
      T.ok(type(maths[name]) == "function" and type(maths[name .. "star"]) == "function", name)
    end
  end
end)

T.each_type(function(worker_type)
  T.claim("they work in pools", function()
    local pool = papy.NuMap { worker_num = 2, worker_type = worker_type }
    local sums = pool:add_task(maths.addstar, { { 1, 2 }, { 3, 4 } })
    local roots = pool:add_task(maths.sqrt, { { 4 }, { 9 } })
    pool:start()
    T.eq(T.values(sums), { 3, 7 })
    T.eq(T.values(roots), { 2.0, 3.0 })
    pool:stop()
  end)
end)

T.finish()
