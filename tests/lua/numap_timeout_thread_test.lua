-- The claims of numap_timeout_test.lua, for thread workers.
require "support".types = { "thread" }
dofile((arg[0]:gsub("numap_timeout_thread_test", "numap_timeout_test")))
