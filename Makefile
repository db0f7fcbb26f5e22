# Every target makes what it needs: the virtual environment, the locked packages, the system packages of the tests.
# Needs Python 3.11 or newer, git and make.

BIN := .venv/bin
PYTEST_ARGS ?= -n 2
DEMO_ARGS ?=
MLFLOW_ARGS ?=

export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-dvc test-mlflow check bench journeys docs format system

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: .venv/.ready-demo ## run the whole loop on real flights; DEMO_ARGS=--exit ends instead of staying up
	$(BIN)/tidemill demo $(DEMO_ARGS)

test: .venv/.ready-dev system ## run every fast test
	-$(BIN)/python -m tests.faults.azure_server # makes Azurite once, which takes longer than a test may
	$(BIN)/pytest $(PYTEST_ARGS) -m "not slow and not mlflow and not dvc" --ignore=tests/journeys
	$(BIN)/pytest $(PYTEST_ARGS) -m "not slow" tests/journeys # apart: its server lives as long as its process

test-mlflow: .venv/.ready-dev ## run what users of MLflow run, with its real clients of three ages; MLFLOW_ARGS=--peer tests the tests
	$(BIN)/python -m tests.mlflow.environments
	$(BIN)/pytest $(PYTEST_ARGS) --dist loadgroup -m "not slow" $(MLFLOW_ARGS) tests/mlflow

test-dvc: .venv/.ready-dev ## take over what the real DVC made, and let it read what is given back
	$(BIN)/pytest $(PYTEST_ARGS) tests/dvc

journeys: .venv/.ready-dev system ## run what a person does, through CLI, HTTP and a browser, the long ones too
	$(BIN)/pytest $(PYTEST_ARGS) tests/journeys

check: .venv/.ready-dev ## run every check of style, types, imports, dependencies, words and docs
	$(BIN)/uv lock --check --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/codespell
	$(BIN)/mkdocs build --strict --quiet

docs: .venv/.ready-dev ## serve the documentation while you write
	$(BIN)/mkdocs serve

format: .venv/.ready-dev ## format, and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/.ready-dev ## measure; the numbers of record are in bench/README.md
	$(BIN)/python bench/start/measure.py

system:
	@.ci/prepare system

.venv/.ready-demo: pyproject.toml uv.lock .ci/prepare
	@.ci/prepare demo
	@touch $@

.venv/.ready-dev: pyproject.toml uv.lock .ci/prepare
	@.ci/prepare dev
	@touch $@ .venv/.ready-demo
