-- syslog: what syslog writes to files and sends: RFC 3164 and 5424, the time in either's manner, with or without priority.
return {
  layout = {
    [[<${priority:word}>1 ${time:word} ${host:word} ${tag:word} ${pid:word} ${id:word} - $message]],
    [[<${priority:word}>1 ${time:word} ${host:word} ${tag:word} ${pid:word} ${id:word} [$data] $message]],
    [[<${priority:word}>${time:15} ${host:word} ${tag:word}[$pid]: $message]],
    [[<${priority:word}>${time:15} ${host:word} ${tag:word}: $message]],
    [[${time:15} ${host:word} ${tag:word}[$pid]: $message]],
    [[${time:15} ${host:word} ${tag:word}: $message]],
    [[${time:word} ${host:word} ${tag:word}[$pid]: $message]],
    [[${time:word} ${host:word} ${tag:word}: $message]],
  },
  time = {field = "time", format = "syslog"},
}
