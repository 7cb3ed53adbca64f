-- logfmt: key=value pairs.
return {logfmt = true}
