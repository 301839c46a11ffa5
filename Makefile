# Every verb of the project, one line of meaning each. `make up` and `make test` are all a newcomer needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# A terminal sees progress; a log does not need it.
BAZEL := bazel
TTY := $(shell [ -t 1 ] && echo --config=tty)
HTTP ?= 127.0.0.1:8080
THREADS ?= 0
DATA ?= .zts
SEED ?=
T ?=
S ?= 60
ARGS ?=

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: deps
deps:  ## install what is missing (Debian packages; the pinned Node binary into a private prefix)
	@tools/deps.sh

.PHONY: build
build: deps  ## build everything that runs
	@echo "build: compiling (a few minutes the first time, seconds after that)"
	@$(BAZEL) build $(TTY) //:zts || \
	  { echo "build: failed; the compiler's message is above" >&2; exit 1; }
	@echo "build: done: bazel-bin/cli/ztsctl bazel-bin/controller/zts-controller bazel-bin/worker/zts-worker"

.PHONY: up
up: build  ## install, build, start controller and worker, deploy examples/hello.js, stay until Ctrl-C
	@tools/up.sh "$(DATA)" "$(HTTP)" "$(THREADS)"

.PHONY: test
test: deps  ## build and run all tests, those on the real binaries included
	@tools/test.sh $(TTY) -- $(if $(T),$(T),//...)

.PHONY: unit
unit: deps  ## only the fast tests, beside the code
	@tools/test.sh $(TTY) --test_tag_filters=-e2e -- //...

.PHONY: e2e
e2e: deps  ## only the tests on the real binaries
	@tools/test.sh $(TTY) --test_tag_filters=e2e -- //tests/...

.PHONY: clang-deps
clang-deps: deps
	@tools/deps.sh clang

WPT ?=
.PHONY: wpt
wpt: deps  ## web-platform-tests against the expectations in tests/wpt: WPT="url/ -v"
	@$(BAZEL) build $(TTY) //tests/wpt:runtime
	@python3 tests/wpt/run.py $(WPT)

.PHONY: wpt-table
wpt-table: deps  ## docs/wpt.md: web-platform-tests here, in Node, Deno and workerd (a quarter of an hour)
	@$(BAZEL) build $(TTY) //tests/wpt:runtime
	@python3 tests/wpt/table.py

# The host binary is built without a sanitizer, so what runs inside it is tested without one; all else is.
SANITIZED := //base/... //admin/... //cli/... //controller/... //worker/...
.PHONY: asan
asan: clang-deps  ## the tests under AddressSanitizer, LeakSanitizer and UBSan
	@tools/test.sh $(TTY) --config=asan --test_tag_filters=-v8,-e2e,-nosan --build_tests_only -- $(SANITIZED)

.PHONY: tsan
tsan: clang-deps  ## the tests under ThreadSanitizer
	@tools/test.sh $(TTY) --config=tsan --test_tag_filters=-v8,-e2e,-nosan,-notsan --build_tests_only -- //base/... //worker/...

.PHONY: layering
layering: clang-deps  ## clang proves that each target includes only what it depends on
	@$(BAZEL) build $(TTY) --config=layering --repo_env=CC=$(CURDIR)/tools/clang_layering.sh --action_env=CC=$(CURDIR)/tools/clang_layering.sh --keep_going -- //base/... //admin/... //cli/... //controller/... //jsruntime/... //worker/...

.PHONY: clang
clang: clang-deps  ## build all with the second compiler
	@$(BAZEL) build $(TTY) --config=clang //:zts

.PHONY: fuzz
fuzz: clang-deps  ## run the fuzzers: T=//worker/engine/http:parser_fuzz S=seconds of CPU time
	@tools/fuzz.sh "$(T)" "$(S)"

.PHONY: sim
sim: deps  ## deterministic simulation of a shard: SEED=n for one run
	@$(BAZEL) test $(TTY) //worker/engine:shard_sim_test --test_output=all $(if $(SEED),--test_env=ZTS_SIM_SEED=$(SEED))

.PHONY: bench-deps
bench-deps: build
	@tools/deps.sh bench
	@$(BAZEL) build -c opt //bench/load:floor //bench/load:loadgen

.PHONY: bench
bench: bench-deps  ## requests a CPU-second, latency and memory, beside nginx and a fixed-response floor
	@python3 bench/load/run.py $(ARGS)

.PHONY: bench-peers
bench-peers: bench-deps  ## the same beside Axum, may-minihttp, Fiber, Node, Deno, Bun and workerd, as a page in bench/report
	@python3 bench/load/run.py --servers all --json bench/report/peers.json $(ARGS)
	@python3 bench/report/report.py bench/report/peers.json

.PHONY: flamegraph
flamegraph: bench-deps  ## where the CPU goes under a load: a table, and flamegraph.svg: ARGS="--workload api"
	@python3 bench/profile/flamegraph.py $(ARGS)

.PHONY: soak
MIN ?= 60
soak: bench-deps  ## mixed traffic for MIN minutes, and whether memory, descriptors or threads grow
	@python3 bench/soak/soak.py --minutes $(MIN) $(ARGS)

.PHONY: hostile
N ?= 1000
hostile: build  ## N handlers that mean harm in a row, beside a quiet neighbour: N=all for each kind once
	@ZTS_E2E_HOSTILE=$(N) python3 -B tests/e2e/run.py -v test_hostile

.PHONY: bench-idle
bench-idle: bench-deps  ## memory of 10,000 idle connections, beside nginx
	@python3 bench/load/idle.py --servers nginx,zts $(ARGS)

.PHONY: bench-routing
bench-routing: bench-deps  ## one function, and a thousand in turns
	@python3 bench/load/routing.py $(ARGS)

.PHONY: bench-classes
bench-classes: bench-deps  ## a function in the engine that accepts, and in another class's
	@python3 bench/load/classes.py $(ARGS)

.PHONY: micro
micro: deps  ## micro benchmarks: parser, router, writer
	@$(BAZEL) run --config=bench //bench/micro:parser_bench
	@$(BAZEL) run --config=bench //bench/micro:router_bench

.PHONY: fmt
fmt: clang-deps  ## clang-format what differs from HEAD
	@git diff --name-only HEAD -- '*.cc' '*.h' | xargs -r clang-format -i

.PHONY: tidy
tidy:  ## the style checks a compiler cannot make
	@python3 tools/tidy.py

.PHONY: dashboards
dashboards: deps  ## Prometheus with our rules and alerts, on the processes of `make up`
	@tools/dashboards.sh "$(DATA)"

.PHONY: docs
docs: deps  ## renew what docs/ says of the code: the tables of docs/metrics.md
	@$(BAZEL) build $(TTY) //docs:metrics_doc
	@bazel-bin/docs/metrics_doc docs/metrics.md > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md

.PHONY: clean
clean:  ## remove what was built; data and downloaded parts stay
	@$(BAZEL) clean
