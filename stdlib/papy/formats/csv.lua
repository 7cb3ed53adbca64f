-- csv: RFC 4180, also with newlines in quoted fields; the first record names the columns.
return {csv = ",", header = true}
