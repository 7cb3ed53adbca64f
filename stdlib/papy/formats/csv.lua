-- csv: RFC 4180; the first line names the columns.
return {csv = ",", header = true}
