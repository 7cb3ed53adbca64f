-- words: fields "1", "2", ... with blanks and tabs between them, as awk splits.
return {separator = ""}
