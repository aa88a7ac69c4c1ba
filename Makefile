# One command per task. `make` alone says which.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The daemon makes namespaces and TAP devices: it needs root. Everything else runs as you.
ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=ENID_STATE,ENID_LISTEN)
ENID := build/release/enid
LISTEN ?= 127.0.0.1:4566
STATE ?= /var/lib/enid
GUEST ?= yes

.PHONY: help up build down demo test bench guest sim fuzz tidy lint format clean

help: ## this list
	@echo 'enid: EC2 networking that anyone can run'
	@echo
	@sed -n 's/^\([a-z]*\):.*## /  make \1 \t/p' Makefile | expand -t 16

up: build ## install what is needed, build, start the daemon in the background, say how to use it
	@$(ROOT) $(ENID) up --detach --state $(STATE) --listen $(LISTEN)

build: ## build build/release/enid (g++, optimized)
	@tools/install_packages.sh up
	@test -f build/release/build.ninja || \
	  cmake --preset release -DENID_TESTS=OFF -DENID_BENCH=OFF >build-release.log 2>&1 || \
	  { cat build-release.log; rm -f build-release.log; exit 1; }; rm -f build-release.log
	@tools/quiet_ninja.sh build/release enid

down: ## stop the daemon and every instance; the state stays
	@if test -x $(ENID); then $(ROOT) $(ENID) down --state $(STATE); else echo 'not built, so not running'; fi

demo: up ## an address fails over from a dead instance to a standby, told in words and numbers
	@demo/failover.sh

test: ## install what the tests need, build, run all of them; GUEST=no leaves virtual machines out
	@tools/install_packages.sh test $(if $(filter no,$(GUEST)),,guest)
	@GUEST=$(GUEST) tools/run_tests.sh

bench: ## measure beside what you would use instead: make bench BENCH=datapath|pipeline|failover|api|ena|ena_rings|lab|sim
	@tools/install_packages.sh bench
	@tools/run_bench.sh $(BENCH)

guest: build ## only what boots virtual machines, with the release build
	@tools/install_packages.sh test guest
	@tools/guest/fetch.sh build/guest-state --dpdk
	@cd tests/guest && $(ROOT) env ENID_TEST_GUEST=$(CURDIR)/build/guest-state/guest \
	  ENID_BINARY=$(CURDIR)/$(ENID) /usr/bin/python3 -W ignore -m unittest discover -v

sim: build ## run the fabric simulator's scenarios and compare their reports with those in git
	@ENID_BINARY=$(CURDIR)/$(ENID) tests/sim/run_scenarios.py

fuzz: ## fuzz every parser for a while: make fuzz [FUZZ=target] [SECONDS_EACH=60]
	@tools/install_packages.sh test
	@tools/run_fuzz.sh "$(FUZZ)" "$(SECONDS_EACH)"

tidy: ## layers, documents, format: no build, seconds
	@python3 tools/check_layers.py
	@tools/check_format.sh

lint: ## clang-tidy over every source (minutes)
	@tools/install_packages.sh test
	@cmake --preset clang >/dev/null && ninja -C build/clang api_generated >/dev/null
	@git ls-files 'src/*.cc' | xargs -P "$$(nproc)" -n 4 clang-tidy-19 --quiet -p build/clang

format: ## clang-format everything
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

clean: ## remove everything that was built
	rm -rf build
