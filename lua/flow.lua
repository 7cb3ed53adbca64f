-- flow: answers from logs. A flow describes a job over text records; nothing is read until an answer is asked for.
--
--   papy.open "access.log" :fields "combined" :where "status >= 500" :count_by "url" :top(10) :show()
--
-- Steps return a new flow and can be chained. Those up to the first map run natively over the records, in the workers of a
-- pool; an answer that has rows (count_by, sort, …) is a flow again, whose steps run here. Answers: count, each, collect, a
-- `for` loop, write, show, explain.
--
-- The methods stand in flow/steps, flow/answers and flow/groups; flow/plan compiles steps, flow/run runs the plan.
local class = require "papy.flow.class"
local methods = require "papy.methods"
local open = require "papy.open"
local options = require "papy.options"
require "papy.flow.steps"
require "papy.flow.answers"
require "papy.flow.groups"

methods.guard("flow", class.Flow, function(x) return getmetatable(x) == class.Flow end)

local M = {class = class.Flow}


local open_spec = {workers = "count", chunk = "count"}
for name, rule in pairs(open.spec) do open_spec[name] = rule end


-- A flow over the records of x: a path, a glob, a directory ({recursive = true}), "-" (standard input), an open file, an
-- iterator of strings, or a list of these. Compressed files, archives and compressed members of these are recognised by their
-- content. What can be read only once (standard input, a pipe, an iterator) gives one answer. Options: workers (default: usable
-- processors), chunk (bytes, of a part of a file that a worker gets), record_start (a regex: records are runs of lines that begin
-- at one that matches), recursive, include, exclude (globs), follow = true (goes on with growing files; from = "start" or "end"),
-- on_error = "raise" or "skip" (of files that cannot be read).
function M.open(x, opts)
  local o, given = options.check("open", opts, open_spec), {}
  for name in pairs(open.spec) do given[name] = o[name] end
  return setmetatable({source = open.source(x, given), steps = {}, shared = {}, workers = o.workers, size = o.chunk}, class.Flow)
end


return M
