-- apache_error: Apache's error.log, since 2.4.
return {
  layout = [=[[$time] [$module:$level] [pid $pid] $message]=],
  time = {field = "time", format = "%a %b %d %H:%M:%S.%f %Y"},
}
