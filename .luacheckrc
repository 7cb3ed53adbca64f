std = "lua54"
max_line_length = 130
self = false -- a method that does not need its self is still a method
globals = {"papy"}
-- examples and tests define what a person would define at the prompt
files["tests"] = {allow_defined_top = true}
files["examples"] = {allow_defined_top = true}
