-- dpkg: /var/log/dpkg.log. Lines differ by action: "state" belongs to status, "old" and "new" to install, upgrade and so on.
return {
  match = {
    [[^(?<time>\S+ \S+) (?<action>status) (?<state>\S+) (?<package>\S+) (?<version>\S+)$]],
    [[^(?<time>\S+ \S+) (?<action>startup) (?<kind>\S+) (?<command>\S+)$]],
    [[^(?<time>\S+ \S+) (?<action>conffile) (?<file>.+) (?<decision>\S+)$]],
    [[^(?<time>\S+ \S+) (?<action>\S+) (?<package>\S+) (?<old>\S+) (?<new>\S+)$]],
  },
  time = {field = "time", format = "iso"},
}
