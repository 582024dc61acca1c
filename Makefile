# harper: the build. `make help` lists the targets.
#
# MODE chooses how everything is compiled: debug (default), release, asan (ASan + UBSan), tsan.
# Each mode has a directory of its own below build/, so modes never disturb each other.

MODE    ?= debug
CC      ?= gcc
LEMON   ?= lemon
RE2C    ?= re2c
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build/$(MODE)
GEN     := $(BUILD)/gen

VERSION := 0.1.0

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wmissing-prototypes -Wstrict-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Werror
CFLAGS_debug   := -O1 -g -DHARPER_DEBUG
# Link-time inlining makes -Wmaybe-uninitialized guess across files; the other builds keep it.
CFLAGS_release := -O2 -g -flto -DNDEBUG -fno-semantic-interposition $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized)
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -DHARPER_DEBUG
CFLAGS_tsan    := -O1 -g -fsanitize=thread -DHARPER_DEBUG
CFLAGS_fuzz    := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -DHARPER_DEBUG
LDFLAGS_fuzz   := -fsanitize=address,undefined
LDFLAGS_release := -O2 -flto=auto $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized)
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
AR_release     := $(if $(findstring clang,$(CC)),llvm-ar-14,gcc-ar)
ARCHIVER       := $(or $(AR_$(MODE)),ar)

BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -DHARPER_VERSION='"$(VERSION)"' -I. -I$(GEN) -fPIC -fvisibility=hidden -pthread -MMD -MP
ALL_CFLAGS  := $(BASE_CFLAGS) $(WARN) $(CFLAGS_$(MODE)) $(CFLAGS)
GEN_CFLAGS  := $(BASE_CFLAGS) -w $(CFLAGS_$(MODE)) $(CFLAGS)
ALL_LDFLAGS := -pthread $(LDFLAGS_$(MODE)) $(LDFLAGS)

# Modules in dependency order; docs/layers.txt says who may include whom.
MODULES := $(shell sed -n 's/^\([a-z][a-z/]*\):.*/\1/p' docs/layers.txt)
HAVE    := $(foreach m,$(MODULES),$(if $(wildcard $(m)/*.c $(m)/*.y $(m)/*.re),$(m)))

module_y    = $(wildcard $(1)/*.y)
module_re   = $(wildcard $(1)/*.re)
module_c    = $(filter-out shell/main.c,$(wildcard $(1)/*.c))
module_objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(call module_c,$(1))) \
              $(patsubst %.y,$(BUILD)/obj/%.y.o,$(call module_y,$(1))) \
              $(patsubst %.re,$(BUILD)/obj/%.re.o,$(call module_re,$(1)))
archive     = $(BUILD)/lib/$(subst /,-,$(1)).a

# What a module links with: itself, what it may include, and what those may include in turn.
layers_of   = $(shell sed -n 's|^$(1):||p' docs/layers.txt)
below_once  = $(sort $(1) $(foreach m,$(1),$(call layers_of,$(m))))
below       = $(call below_once,$(call below_once,$(call below_once,$(1))))

EXTERNAL := -lrocksdb -llmdb -lmicrohttpd -lcurl -ledit -lz -lbrotlienc -lbrotlidec -lzstd -lxxhash -lpcre2-8 -lm

.PHONY: all help clean lib shell test unit check format
.SECONDARY:
all: lib shell

help:
	@sed -n 's/^## //p' Makefile

# ---- rules ----
$(GEN)/%.y.c: %.y
	@mkdir -p $(@D) $(GEN)/lemon/$(*D)
	$(LEMON) -q -d$(GEN)/lemon/$(*D) $< 2>$(GEN)/lemon/$*.log || { cat $(GEN)/lemon/$*.log; exit 1; }
	@mv $(GEN)/lemon/$*.h $(GEN)/$*.y.h; mv $(GEN)/lemon/$*.c $@
	@sed -i 's|^#line.*||' $@
$(GEN)/%.y.h: $(GEN)/%.y.c ;
$(GEN)/%.re.c: %.re
	@mkdir -p $(@D)
	$(RE2C) -W --no-generation-date -i -o $@ $<
$(BUILD)/obj/%.y.o: $(GEN)/%.y.c
	@mkdir -p $(@D)
	$(CC) $(GEN_CFLAGS) -c -o $@ $<
$(BUILD)/obj/%.re.o: $(GEN)/%.re.c
	@mkdir -p $(@D)
	$(CC) $(GEN_CFLAGS) -c -o $@ $<
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Generated parser headers exist before anything of the same module is compiled.
define module_rules
$(call archive,$(1)): $(call module_objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(ARCHIVER) rcs $$@ $$^
$(filter-out %.y.o,$(call module_objs,$(1))): | $(patsubst %.y,$(GEN)/%.y.h,$(call module_y,$(1)))
endef
$(foreach m,$(HAVE),$(eval $(call module_rules,$(m))))

-include $(shell find $(BUILD)/obj $(BUILD)/test -name '*.d' 2>/dev/null)

# ---- unit tests ----
# test/unit/<module>/test_<file>.c is linked with its module and what lies below it.
UNIT_SRC  := $(wildcard test/unit/*/test_*.c test/unit/*/*/test_*.c)
UNIT_BINS := $(patsubst test/unit/%.c,$(BUILD)/test/%,$(UNIT_SRC))
module_of  = $(patsubst %/,%,$(dir $(patsubst test/unit/%,%,$(1))))

define unit_rule
$(BUILD)/test/$(patsubst test/unit/%.c,%,$(1)): $(1) $(foreach m,$(filter $(HAVE),$(call below,$(call module_of,$(1)))),$(call archive,$(m)))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -o $$@ $(1) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(ALL_LDFLAGS) -lcmocka -Wl,--as-needed $$(EXTERNAL)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t))))

## unit             build and run every unit test
unit: $(UNIT_BINS)
	@test/run_units.sh $(UNIT_BINS)
## unit-<module>    build and run the unit tests of one module: make unit-storage/kv
define unit_module
.PHONY: unit-$(1)
unit-$(1): $$(filter $$(BUILD)/test/$(1)/%,$$(UNIT_BINS))
	@test/run_units.sh $$^
endef
$(foreach m,$(MODULES),$(eval $(call unit_module,$(m))))

## format           rewrite all C sources by .clang-format
format:
	clang-format -i $$(git ls-files '*.c' '*.h')
## clean            remove everything that was built
clean:
	rm -rf build

# ---- products ----
LIB_MODULES := $(filter-out rest rest/codec rest/operations shell,$(HAVE))
LIB_OBJS    := $(foreach m,$(LIB_MODULES),$(call module_objs,$(m)))
LIB_EXTERNAL := -lrocksdb -llmdb -lzstd -lxxhash -lpcre2-8 -lm
SHELL_EXTERNAL := $(LIB_EXTERNAL) -lmicrohttpd -lcurl -ledit -lz -lbrotlienc -lbrotlidec

## lib              libharper.a, libharper.so
lib: $(BUILD)/libharper.a $(BUILD)/libharper.so
## shell            the harper program
shell: $(BUILD)/harper

$(BUILD)/libharper.a: $(LIB_OBJS)
	@rm -f $@
	$(ARCHIVER) rcs $@ $^
$(BUILD)/libharper.so: $(LIB_OBJS) api/harper.map
	$(CC) -shared -Wl,-soname,libharper.so.0 -Wl,--version-script=api/harper.map -o $@ $(LIB_OBJS) $(ALL_LDFLAGS) $(CFLAGS_$(MODE)) $(LIB_EXTERNAL)
# For installing: one object, linked already, in which only harper_ symbols are global.
$(BUILD)/libharper-install.a: $(LIB_OBJS) api/harper.map
	$(CC) -r -nostdlib $(CFLAGS_$(MODE)) $(if $(findstring flto,$(CFLAGS_$(MODE))),$(if $(findstring clang,$(CC)),,-flinker-output=nolto-rel)) -o $(BUILD)/libharper-all.o $(LIB_OBJS)
	objcopy --wildcard --keep-global-symbol='harper_*' $(BUILD)/libharper-all.o
	@rm -f $@
	ar rcs $@ $(BUILD)/libharper-all.o
$(BUILD)/obj/shell/main.o: shell/main.c
$(BUILD)/harper: $(BUILD)/obj/shell/main.o $(foreach m,$(HAVE),$(call archive,$(m)))
	$(CC) $(CFLAGS_$(MODE)) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ALL_LDFLAGS) $(SHELL_EXTERNAL)

# ---- programs that tests and benchmarks run: test/<dir>/<name>.c with everything but main ----
PROGRAM_LIBS = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ALL_LDFLAGS) -Wl,--as-needed $(EXTERNAL) -lsqlite3 -lcrypto
ARCHIVES    := $(foreach m,$(filter-out shell,$(HAVE)),$(call archive,$(m)))
$(BUILD)/bin/%: test/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(PROGRAM_LIBS)

# ---- tests ----
## setup            install the Debian packages that building and testing need
setup:
	@test/setup.sh test
## ci               everything that continuous integration runs; ends with `N passed, N failed`
ci: setup
	@test/ci.sh
## check            format, layers, headers, prose, lint, and the tests under ASan and UBSan
check: setup
	@test/check/format.sh && test/check/layers.sh && test/check/prose.sh
	@$(MAKE) --no-print-directory MODE=debug all
	@GEN=build/debug/gen test/check/headers.sh
	@test/check/lint.sh
	@$(MAKE) --no-print-directory MODE=asan unit
.PHONY: setup ci

# ---- installing ----
## install          the shell, the library, its header, pkg-config file and man page, below DESTDIR and PREFIX
RELEASE ?= build/release
install:
	@$(MAKE) --no-print-directory MODE=release BUILD=$(RELEASE) $(addprefix $(RELEASE)/,harper libharper.so libharper-install.a)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(RELEASE)/harper $(DESTDIR)$(PREFIX)/bin/harper
	install -m 644 api/harper.h $(DESTDIR)$(PREFIX)/include/harper.h
	install -m 644 $(RELEASE)/libharper-install.a $(DESTDIR)$(PREFIX)/lib/libharper.a
	install -m 755 $(RELEASE)/libharper.so $(DESTDIR)$(PREFIX)/lib/libharper.so.$(VERSION)
	ln -sf libharper.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libharper.so.0
	ln -sf libharper.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libharper.so
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' 'Name: harper' \
	    'Description: query engine for documents and rows' 'Version: $(VERSION)' 'Libs: -L$${libdir} -lharper' \
	    'Libs.private: $(LIB_EXTERNAL) -lpthread' 'Cflags: -I$${includedir}' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/harper.pc
	install -m 644 docs/man/harper.1 $(DESTDIR)$(PREFIX)/share/man/man1/harper.1
.PHONY: install

# ---- fuzzing: libFuzzer targets, each a decoder of bytes from outside ----
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
$(BUILD)/fuzzer/%: test/fuzz/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -fsanitize=fuzzer -o $@ $< $(PROGRAM_LIBS)
FORCE:
## fuzz             every fuzz target for FUZZ_SECONDS (60) each
fuzz:
	@$(MAKE) --no-print-directory -s MODE=fuzz CC=clang $(addprefix build/fuzz/fuzzer/,$(FUZZERS))
	@test/run_fuzzers.sh $(FUZZ_SECONDS) $(addprefix build/fuzz/fuzzer/,$(FUZZERS))
.PHONY: fuzz FORCE

# ---- the sqllogictest corpus ----
SLT_BACKENDS ?= memory lmdb rocksdb
## slt              all scripts below SLT_DIR on every store, beside SQLite: make slt SLT_DIR=…
slt:
	@test -n "$(SLT_DIR)" || { echo "make slt SLT_DIR=directory of .test files"; exit 2; }
	@$(MAKE) --no-print-directory -s MODE=release build/release/bin/slt/slt
	@for backend in $(SLT_BACKENDS); do echo "== $$backend"; \
	    find $(SLT_DIR) -name '*.test' | sort | xargs build/release/bin/slt/slt --compare --backend $$backend || exit 1; done
## bench            harper beside SQLite, both stores: ratios
BENCH_ROWS ?= 1000000
bench:
	@$(MAKE) --no-print-directory -s MODE=release build/release/bin/bench/bench
	@for backend in lmdb rocksdb; do build/release/bin/bench/bench --backend $$backend --rows $(BENCH_ROWS) || exit 1; done
## crash            kill writers CYCLES times (300) on both stores, below SQL and through it; SEED repeats a run
crash:
	@SEED=$${SEED:-$$(od -A n -N 4 -t u4 /dev/urandom | tr -d ' ')} test/parts/crash.sh
.PHONY: slt bench crash
## tpch             the questions of TPC-H beside SQLite, results compared: make tpch SCALE=0.1
SCALE ?= 0.01
tpch:
	@$(MAKE) --no-print-directory -s MODE=release build/release/bin/bench/tpch
	@for backend in memory lmdb rocksdb; do build/release/bin/bench/tpch --backend $$backend --scale $(SCALE) || exit 1; done
.PHONY: tpch
## demo             this Debian's package index in a new database, questions in SQL and as URLs, a server, a prompt
demo:
	@test/demo/demo.sh
.PHONY: demo
## bench-http       requests/s beside a program that answers the same bytes from memory, both stores (needs wrk)
bench-http:
	@test/bench/bench_http.sh $(BENCH_ROWS)
.PHONY: bench-http
