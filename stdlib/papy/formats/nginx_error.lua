-- nginx_error: nginx's error.log.
return {
  layout = [[${time:19} [$level] ${pid:word}#${tid:word}: $message]],
  time = {field = "time", format = "%Y/%m/%d %H:%M:%S"},
}
