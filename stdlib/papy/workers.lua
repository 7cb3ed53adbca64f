-- papy.workers: functions to build Workers of. Each part is loaded when it is first asked for.
--
--   local workers = require "papy.workers"
--   papy.Worker({f, workers.io.json_dumps, workers.io.dump_item}, {{}, {}, {{suffix = ".json"}}})
--
--   core    slots of the inbox: plugger ipasser npasser spasser nzipper szipper njoiner sjoiner
--   maths   Lua's operators and math functions: add(inbox, constant), addstar(inbox), ...
--   io      streams, items in files and fifos, lines, json, csv
--   script  an external program per item
--
-- A worker function takes the inbox (an array, one slot per upstream piper) and constant arguments.
local parts = {core = true, maths = true, io = true, script = true}

return setmetatable({}, {
  __index = function(self, name)
    if not parts[name] then return nil end
    local part = require("papy.workers." .. name)
    rawset(self, name, part)
    return part
  end,
})
