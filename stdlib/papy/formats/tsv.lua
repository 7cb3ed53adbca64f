-- tsv: fields with tabs between them, unquoted; the first line names the columns.
return {separator = "\t", header = true}
