# papy. The two commands: `make demo` and `make test`; both install what is missing first.

# settings
PREFIX = /usr/local
DESTDIR =
BUILD = build
# READLINE=0 builds a prompt without line editing, and a binary without GNU readline's licence
READLINE = 1
# bytes of the sample that `make demo` searches
SIZE = 256M
# what `make check` runs the suite on
TRANSPORTS = shm pipe
# only tests whose path contains this
ONLY =
CC = gcc
CXX = g++
CFLAGS = -O2 -g
CPPFLAGS =
LDFLAGS =

# loadable modules: src/modules/NAME.c or .cc links these packages of pkg-config; without them it is not built
module_archive = libarchive zlib
module_compress = libarchive
module_json = simdjson

NEEDED_TO_BUILD = gcc make pkg-config liblua5.4-dev libpcre2-dev libreadline-dev
NEEDED_FOR_MODULES = g++ libarchive-dev zlib1g-dev libsimdjson-dev
NEEDED_TO_TEST = bzip2 xz-utils zstd lz4 zip libcmocka-dev lua-unit lua-check lua-cjson lua-lpeg lua5.4 tmux valgrind ripgrep python3 \
  mawk jq miller
have_to_build = command -v gcc pkg-config >/dev/null && pkg-config --exists lua5.4 libpcre2-8 readline
have_modules = command -v g++ >/dev/null && pkg-config --exists libarchive zlib simdjson
have_to_test = $(have_to_build) && $(have_modules) && pkg-config --exists cmocka && \
  command -v luacheck tmux valgrind rg python3 mawk jq mlr bzip2 xz zstd lz4 zip >/dev/null && \
  lua5.4 -e 'require "luaunit" require "cjson" require "lpeg"' 2>/dev/null

# everything below follows from the settings
readline := $(filter 1,$(READLINE))
packages := lua5.4 libpcre2-8 $(if $(readline),readline)
flags = -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror -MMD -MP \
  $(shell pkg-config --cflags $(packages) 2>/dev/null) $(if $(readline),-DPAPY_READLINE) $(CPPFLAGS) $(CFLAGS)
all_cflags = -std=gnu11 $(flags)
all_cxxflags = -std=gnu++17 $(flags)
libraries = $(shell pkg-config --libs $(packages) 2>/dev/null) -ldl -lpthread -lm

sources := $(filter-out src/modules/% $(if $(readline),,%/line_readline.c),$(sort $(wildcard src/*.c src/*/*.c)))
objects := $(sources:src/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embed.o
built = $(shell pkg-config --exists $(module_$(1)) 2>/dev/null && echo $(BUILD)/modules/papy/$(1).so)
modules := $(foreach name,$(sort $(basename $(notdir $(wildcard src/modules/*.c src/modules/*.cc)))),$(call built,$(name)))
rooms := $(filter-out %/obj/main.o,$(objects))
units := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c tests/unit/fuzz_*.c))
lua_files := $(sort $(shell find lua stdlib -name '*.lua' 2>/dev/null))
lua_dirs := $(shell find lua stdlib -type d 2>/dev/null)
# V=1 shows the commands
quiet = $(if $(V),,@echo '  $(1) $@';)
make_again = $(MAKE) --no-print-directory -j$(shell nproc)

all: $(BUILD)/papy $(modules)

$(BUILD)/papy: $(objects)
	$(call quiet,link)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-E -o $@ $^ $(libraries)

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) $(all_cflags) -c -o $@ $<

# a module finds Lua and our rooms in the program that loads it
module_options = -fPIC -shared -MF $(@:.so=.d) -MT $@ -o $@ $< $(shell pkg-config --cflags --libs $(module_$*)) $(LDFLAGS)
$(BUILD)/modules/papy/%.so: src/modules/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) $(all_cflags) $(module_options)

$(BUILD)/modules/papy/%.so: src/modules/%.cc $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,c++ )$(CXX) $(all_cxxflags) $(module_options)

$(BUILD)/obj/embed.o: $(BUILD)/embed.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) $(all_cflags) -c -o $@ $<

$(BUILD)/embed.c: src/host/embed.sh $(lua_files) $(lua_dirs)
	@mkdir -p $(@D)
	$(call quiet,make)sh src/host/embed.sh > $@.tmp && mv $@.tmp $@

# fuzzers carry a driver of their own (fuzz.h), so that they run without a fuzzing engine
$(BUILD)/tests/unit/fuzz_%: tests/unit/fuzz_%.c $(rooms)
	@mkdir -p $(@D)
	$(call quiet,link)$(CC) $(all_cflags) -DFUZZ_MAIN $(LDFLAGS) -Wl,-E -o $@ $^ $(libraries)

$(BUILD)/tests/unit/%: tests/unit/%.c $(rooms)
	@mkdir -p $(@D)
	$(call quiet,link)$(CC) $(all_cflags) $(LDFLAGS) -Wl,-E -o $@ $^ $(libraries) -lcmocka

$(BUILD)/sample $(BUILD)/variants $(BUILD)/access $(BUILD)/copy: $(BUILD)/%: tests/bench/%.c $(BUILD)/flags
	$(call quiet,link)$(CC) $(all_cflags) $(LDFLAGS) -o $@ $<

# objects made with other flags are out of date
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(all_cflags)' | cmp -s - $@ || echo '$(CC) $(all_cflags)' > $@

install_missing = root=; [ "$$(id -u)" = 0 ] || root=sudo; \
  $$root apt-get update && DEBIAN_FRONTEND=noninteractive $$root apt-get install -y --no-install-recommends

# modules are for those who want them: where they cannot be had, papy is built without
deps-build:
	@{ $(have_to_build) && $(have_modules); } || { $(install_missing) $(NEEDED_TO_BUILD) $(NEEDED_FOR_MODULES); } || \
	  { $(have_to_build); }

deps:
	@{ $(have_to_test); } || { $(install_missing) $(NEEDED_TO_BUILD) $(NEEDED_FOR_MODULES) $(NEEDED_TO_TEST); }

# the main job on a deterministic sample, checked against grep
demo: deps-build
	@$(make_again) all $(BUILD)/sample
	@sh tests/demo.sh $(BUILD) $(SIZE)

test: deps
	@$(make_again) suite

# the whole suite once, on the transport PAPY_TRANSPORT names
suite: all $(BUILD)/sample $(units)
	@tests/run.sh $(BUILD) '$(ONLY)'

check: deps walls lint
	@for t in $(TRANSPORTS); do echo "# transport $$t"; PAPY_TRANSPORT=$$t $(make_again) suite || exit 1; done

walls:
	@sh tests/walls.sh

lint:
	@luacheck -q lua stdlib tests examples

check-hostile: deps
	@PAPY_FUZZ_ROUNDS=5000 $(make_again) suite BUILD=build/hostile CPPFLAGS='$(CPPFLAGS) -DPAPY_HOSTILE'

sanitize = -fsanitize=address,undefined -fno-sanitize-recover=undefined
check-asan: deps
	@PAPY_TEST_SLOW=3 PAPY_FUZZ_ROUNDS=5000 $(make_again) suite BUILD=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer $(sanitize)'

# the prompt without readline
check-plain: deps
	@$(make_again) all BUILD=build/plain READLINE=0
	@tests/run.sh build/plain '$(or $(ONLY),repl/)'

bench: deps
	@$(make_again) all $(BUILD)/sample $(BUILD)/variants $(BUILD)/access $(BUILD)/copy
	@sh tests/bench/run.sh $(BUILD)

install: all
	install -Dm755 $(BUILD)/papy '$(DESTDIR)$(PREFIX)/bin/papy'
	$(if $(modules),install -Dm644 -t '$(DESTDIR)$(PREFIX)/lib/papy/papy' $(modules))
	install -Dm644 -t '$(DESTDIR)$(PREFIX)/share/doc/papy' README.md LICENSE

format:
	clang-format -i $(wildcard src/*.[ch] src/*/*.[ch] src/*/*.cc tests/unit/*.[ch] tests/bench/*.c)

clean:
	rm -rf build

.PHONY: all deps deps-build demo test suite check walls lint check-hostile check-asan check-plain bench install format \
  clean FORCE
.SECONDARY:
-include $(objects:.o=.d) $(modules:.so=.d) $(units:=.d)
