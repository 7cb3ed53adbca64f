-- combined: Apache's and nginx's access log. "request" has parts of its own; what follows the agent is ignored.
return {
  layout = [[$ip $ident $user [$time] "${request|$method $url $protocol}" $status ${bytes:word} "$referer" "$agent"]],
  time = {field = "time", format = "apache"},
}
