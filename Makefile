# Every target runs in .venv, which `make setup` builds once and again only when what it is built from changes.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= 2
MINUTES ?= 10
BIN := .venv/bin
STAMP := .venv/.installed
# One thread for each worker: two workers with two threads each are slower on two cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: help setup quickstart test test-long test-kills fuzz test-wheel test-all lint types docs bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --disable-pip-version-check -e '.[test,lint,docs]'
	touch $(STAMP)

setup: $(STAMP)  ## create .venv and install the package with pinned versions

quickstart: setup  ## train, align and report on a small model made here (under 3 minutes)
	$(BIN)/penchant quickstart --overwrite

test: setup  ## run the tests, the examples in docstrings included; without those that are marked as long
	$(PYTEST)

test-long: setup  ## run the long tests
	$(PYTEST) -m long tests

test-kills: setup  ## kill commands and fail their disks, and print the table (part of test-long)
	$(PYTEST) -m long tests/reliability

fuzz: setup  ## random and damaged input for every command that reads, for MINUTES=10
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

test-wheel: setup  ## build the wheel, and run quickstart, train and report in a bare environment
	PYTHON=$(PYTHON) bash tests/wheel.sh

test-all: test test-long test-wheel  ## run all tests

lint: setup  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## mypy over the package
	$(BIN)/mypy

docs: setup  ## build the documentation into site/, warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup  ## measure speed and memory (minutes; see docs/benchmarks.md)
	$(BIN)/python -m benchmarks

clean:  ## remove what the targets above have built
	rm -rf .venv site build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
