# SPDX-License-Identifier: BSD-3-Clause
# The front door. Meson does the work; `make help` says what there is.
PREFIX ?= /usr/local
DESTDIR ?=

all: ## build, into build/
	@packaging/build.sh build --prefix=$(PREFIX)

run: ## install what is missing, build, and start a desktop in the foreground
	@packaging/deps.sh build run
	@packaging/build.sh build --prefix=$(PREFIX)
	@exec packaging/run.sh

check: ## install what tests need, build with gcc and clang, run every suite
	@packaging/deps.sh build run test
	@packaging/check.sh

deps: ## install what `make` and `make run` need
	@packaging/deps.sh build run

check-fresh: ## `make run` and `make check` in a fresh Debian 12 (needs root)
	@packaging/check-fresh.sh

bench: ## measure, beside rivals from Debian
	@packaging/deps.sh build run test bench
	@packaging/build.sh build-check/gcc -Dwerror=true -Dtests=enabled
	@AFAR_BUILD=$(CURDIR)/build-check/gcc exec tests/bench/run

conformance: ## which test holds which line of the contract, into build/conformance.md
	@exec tests/conformance/table.py

mutants: ## one fault at a time in a copy of the code, and the tests must notice
	@packaging/deps.sh build run test
	@exec tests/mutants/run.py

soak: ## the long forms of some tests, and ten minutes of mixed load under each sanitizer and valgrind: hours
	@packaging/deps.sh build run test
	@exec packaging/check.sh soak

install: all ## into $(DESTDIR)$(PREFIX)
	@meson configure build --prefix=$(PREFIX)
	@packaging/build.sh build
	@DESTDIR='$(DESTDIR)' meson install -C build --no-rebuild --quiet

format: ## clang-format on the lines that changed
	@git clang-format

clean: ## remove what was built
	@rm -rf build build-check

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile

.PHONY: all run check deps check-fresh bench conformance mutants soak install format clean help
