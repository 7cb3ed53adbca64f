-- common: the common log format of web servers, without referer and agent.
return {
  layout = [[$ip $ident $user [$time] "${request|$method $url $protocol}" $status ${bytes:word}]],
  time = {field = "time", format = "apache"},
}
