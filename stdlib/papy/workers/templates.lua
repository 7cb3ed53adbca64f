-- papy.workers.templates: how a script stage begins in some languages. Each leaves the tables IN, OUT and PARAMS.
local fault = require "papy.workers.fault"
local fs = require "papy.fs"

local M = {}

local texts = {}

texts.sh = [==[
#!/bin/sh
# Paths: $PAPY_IN_port, $PAPY_OUT_port; parameters: $PAPY_PARAM_name. The same as JSON: the file "$1".
set -eu

]==]

texts.bash = [==[
#!/usr/bin/env bash
# Paths: ${IN[port]}, ${OUT[port]}; parameters: ${PARAMS[name]}. The same as JSON: the file "$1".
set -euo pipefail
declare -A IN OUT PARAMS
for _name in "${!PAPY_IN_@}"; do IN[${_name#PAPY_IN_}]=${!_name}; done
for _name in "${!PAPY_OUT_@}"; do OUT[${_name#PAPY_OUT_}]=${!_name}; done
for _name in "${!PAPY_PARAM_@}"; do PARAMS[${_name#PAPY_PARAM_}]=${!_name}; done

]==]

texts.python = [==[
#!/usr/bin/env python3
# Paths: IN["port"], OUT["port"]; parameters: PARAMS["name"].
import json
import sys

with open(sys.argv[1], encoding="utf-8") as _file:
    _args = json.load(_file)
IN, OUT, PARAMS = _args["in"], _args["out"], _args["params"]

]==]

texts.R = [==[
#!/usr/bin/env Rscript
# Paths: IN[["port"]], OUT[["port"]]; parameters: PARAMS[["name"]].
.args <- jsonlite::fromJSON(commandArgs(trailingOnly = TRUE)[1], simplifyVector = FALSE)
IN <- .args[["in"]]
OUT <- .args[["out"]]
PARAMS <- .args[["params"]]

]==]

texts.lua = [==[
-- Paths: IN.port, OUT.port; parameters: PARAMS.name. To be run by papy.
local IN, OUT, PARAMS = require("papy.workers.script").arguments()

]==]

local known = "sh, bash, python, R and lua"


local function check(name, lang)
  if lang == nil then lang = "sh" end
  if lang == "r" then lang = "R" end
  if not texts[lang] then fault("%s: no template for language '%s'; there are %s", name, tostring(lang), known) end
  return lang
end


-- write_template(path [, lang]): write the beginning of a script in a language: "sh" (default), "bash", "python", "R" or "lua".
-- A file that has something in it already is not overwritten, but an error.
function M.write_template(path, lang)
  if type(path) ~= "string" then fault("write_template: a path expected, got a %s", type(path)) end
  lang = check("write_template", lang)
  local found = fs.stat(path)
  if found and (found.kind ~= "file" or found.size > 0) then fault("write_template: %s exists", path) end
  local file, why = io.open(path, "w")
  if not file then fault("write_template: %s", why) end
  file:write(texts[lang])
  local closed
  closed, why = file:close()
  if not closed then fault("write_template: %s: %s", path, why) end
end


local executables = {sh = "sh", bash = "bash", python = "python3", R = "Rscript"}
local endings = {sh = "sh", bash = "sh", python = "py", R = "R", lua = "lua"}


-- get_config([lang]): a configuration of a script stage in that language, to be filled in.
function M.get_config(lang)
  lang = check("get_config", lang)
  return {
    id = "name",
    executable = executables[lang] or fs.program(),
    script = "script." .. endings[lang],
    dir = ".",
    inputs = {"input"},
    outputs = {{"output", "txt"}},
    params = {},
    preamble = "",
  }
end


return M
