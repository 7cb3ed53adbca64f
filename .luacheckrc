std = "lua54"
max_line_length = 120
globals = {"papy"}
-- examples and tests define what a person would define at the prompt
files["tests"] = {allow_defined_top = true}
files["examples"] = {allow_defined_top = true}
