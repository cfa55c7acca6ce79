# Everything that people and CI do here. Each target does its own set-up; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
TESTS ?=
# What the environment brings, kubectl among it, is found where the machine has none of its own.
export PATH := $(PATH):$(CURDIR)/$(BIN)

.PHONY: help install demo test check test-unit conformance bench build clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(READY) ## Install Swarmkeeper and its development tools into .venv

demo: $(READY) ## Show the whole loop on a real, throw-away Swarm (as root; ARGS="--keep")
	$(BIN)/swarmkeeper demo $(ARGS)

test: check wheel-test $(READY) ## Check and test everything, end to end (as root)
	$(BIN)/pytest --numprocesses 2 --dist loadgroup $(TESTS)

check: $(READY) ## Lint, formatting, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test-unit: $(READY) ## Test what needs no root, no Docker and no network
	$(BIN)/pytest --numprocesses 2 tests/unit tests/contract reconcilers $(TESTS)

conformance: $(READY) ## Try kubectl of many releases, kopf and the other clients on SQLite and Postgres (as root)
	$(BIN)/pytest --numprocesses 2 --conformance full tests/conformance $(TESTS)

bench: $(READY) ## Measure drift latency, commit to applied, failover, scale, the API, trims and backups (as root)
	for each in drift_latency commit_to_applied failover scale api redis_trim pg_backup; do $(BIN)/python bench/$$each.py || exit 1; done

build: $(READY) ## Build sdist and wheel into dist/
	rm -rf dist
	$(BIN)/python -m build

clean: ## Remove everything that the other targets made here
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: wheel-test
wheel-test: build
	.ci/wheel-test dist/*.whl

$(READY): pyproject.toml
	.ci/make-venv $(VENV)
	touch $@
