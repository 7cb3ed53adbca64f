-- vhost_combined: Apache's combined log with the virtual host in front, as Debian's other_vhosts_access.log.
return {
  layout = [[$vhost $ip $ident $user [$time] "${request|$method $url $protocol}" $status ${bytes:word} "$referer" "$agent"]],
  time = {field = "time", format = "apache"},
}
