-- json: one JSON object a line; a name reaches into nested ones with dots.
return {json = true}
