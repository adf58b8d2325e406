# SPDX-License-Identifier: Apache-2.0
# `make demo` runs the main job, `make check` passes the tests; each does its own set-up. `make help` lists the rest.

SHELL := bash
export WARP_STRICT := 1
TRACES := $(or $(WARP_TRACES),../shared/traces)
ZSTD := --traits Zstd
# A build without zstd has its own folder, or every switch would build everything again.
PLAIN := --scratch-path .build-plain
PYTHON := .build/venv/bin/python
STAGE := Scripts/stage
# Fewer tests than this can't be the whole suite.
LEAST := 90

.PHONY: help demo check check-deep fuzz model lint snippets examples docs pictures fixtures fixtures-check python-reader traces clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: ## serve a real Twitter trace from one file with two processes, then look into the file and at the hit ratio of other sizes
	@Scripts/setup zstd
	@$(STAGE) "build (release)" swift build -c release $(ZSTD) --product warp-replay
	@$(STAGE) "build warp-inspect" swift build -c release $(ZSTD) --product warp-inspect
	@.build/release/warp-replay --record
	@.build/release/warp-inspect info warp-replay
	@.build/release/warp-inspect verify warp-replay
	@.build/release/warp-inspect advise warp-replay

check: ## build, unit and model tests, fixtures, the independent reader (about 7 minutes)
	@$(STAGE) "set-up" Scripts/setup zstd python file
	@$(STAGE) "packages" Scripts/retry swift package resolve
	@$(STAGE) "lint" $(MAKE) --no-print-directory lint
	@$(STAGE) "build (debug, zstd)" swift build $(ZSTD) --build-tests
	@$(STAGE) "tests (debug, zstd)" Scripts/test $(LEAST) $(ZSTD) --skip-build
	@$(STAGE) "documentation" $(PYTHON) Scripts/docs
	@$(STAGE) "examples of the documentation compile" $(PYTHON) Scripts/snippets
	@$(STAGE) "examples run" Scripts/examples
	@$(STAGE) "fixtures are what the maker makes" $(MAKE) --no-print-directory fixtures-check
	@$(STAGE) "independent reader" $(MAKE) --no-print-directory python-reader
	@$(STAGE) "file(1) knows the golden files" $(PYTHON) Scripts/magic-check
	@$(STAGE) "rules with a test" $(PYTHON) Scripts/rules
	@$(STAGE) "steps of specification, model and code" $(PYTHON) Scripts/steps

check-deep: ## release tests, build without zstd, sanitizers, real traces, many processes, crashes, faults, fuzzing (about an hour)
	@$(STAGE) "set-up" Scripts/setup zstd python terminal browser
	@$(STAGE) "set-up of the benchmarks" Benchmarks/Scripts/setup lmdb sqlite valgrind
	@Scripts/deep "$(TRACES)"

model: ## all executions of small scenarios of the shard protocol, and the mutants that must be refuted
	@$(STAGE) "build warp-model (release)" swift build -c release $(ZSTD) --product warp-model
	@$(STAGE) "model" .build/release/warp-model explore
	@$(STAGE) "mutants of the model" .build/release/warp-model mutants

fuzz: ## a minute of fuzzing of all that reads foreign bytes; see Scripts/fuzz --help
	@Scripts/setup zstd
	@Scripts/fuzz

lint: ## formatting, house rules, and whether the tables of docs/PERFORMANCE.md are those of the recorded run
	@swift format lint --strict --recursive Sources Tests Examples Benchmarks/Sources Package.swift Benchmarks/Package.swift
	@Scripts/tidy
	@Benchmarks/Scripts/tables --check

snippets: ## compile every example of the README, the articles and the docstrings
	@swift build $(ZSTD) --target WarpKV
	@python3 Scripts/snippets

examples: ## run the small programs of Examples
	@for name in memo pool service; do swift build $(ZSTD) --product example-$$name || exit 1; done
	@Scripts/examples

docs: ## build the reference and the articles into .build/docs
	@swift build $(ZSTD) --target WarpKV
	@python3 Scripts/docs

fixtures: ## make the golden files again, byte for byte
	@swift build $(ZSTD) --product make-fixtures
	@.build/debug/make-fixtures fixtures
	@swift build $(ZSTD) --product warp-inspect
	@for file in fixtures/v1/valid/*.warp; do \
	  .build/debug/warp-inspect dump --json "$$file" > "$${file%.warp}.json" || exit 1; done
	@for file in fixtures/v1/valid/*.warp-lock; do \
	  .build/debug/warp-inspect dump --lock --json "$${file%-lock}" > "$${file%.warp-lock}.lock.json" || exit 1; done

fixtures-check:
	@Scripts/fixtures-check

python-reader:
	@$(PYTHON) Scripts/compare_readers.py

pictures: ## make the pictures of docs/pictures again, from a real run
	@$(STAGE) "set-up" Scripts/setup zstd terminal browser
	@swift build -c release $(ZSTD) --product warp-replay
	@swift build -c release $(ZSTD) --product warp-inspect
	@swift build -c release $(ZSTD) --product warp-torture
	@Scripts/pictures

traces: ## exact SIEVE on every real trace, to the last miss
	@swift build -c release $(ZSTD) --product warp-replay
	@python3 Scripts/replay_check.py "$(TRACES)" shared
	@python3 Scripts/replay_check.py "$(TRACES)" memory

clean:
	rm -rf .build .build-plain .build-tsan .build-asan .build-fuzz .build-fuzz-planted
