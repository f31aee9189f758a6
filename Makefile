# Two commands do all the set-up: `make run` and `make test`. The others are explained in the README.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# The tests start the portal some hundred times: it is compiled once, whatever this machine's habit.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run install test soak check bench screens vendor i18n clean test-needs
.DEFAULT_GOAL := run

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv || (tools/venv-needs && $(PYTHON) -m venv --clear .venv)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

install: $(STAMP)

run: install
	$(BIN)/portal serve --demo

# What tests need beyond Python: used where found, installed where we may, named where we may not.
test-needs: install
	tools/test-needs

# Two processes share the files; `make test JOBS=0` runs all in one, for a debugger.
JOBS ?= 2
test: install test-needs
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

# The whole catalogue at its full sizes, with what takes hours; unattended, one table at the end.
soak: install test-needs
	PORTAL_RACES=full $(BIN)/python -m pytest -q -m "catalogue or soak" $(TESTS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/check_translations.py
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_schema.py

# `make bench ARGS=--quick` takes two minutes; a full one about ten.
bench: install
	$(BIN)/python -m bench $(ARGS)

screens: install test-needs
	$(BIN)/python tools/screens.py

i18n: install
	$(BIN)/python tools/i18n.py

vendor:
	npm ci --ignore-scripts
	node tools/vendor.mjs
	node tools/sprite.mjs

clean:
	rm -rf .venv var build *.egg-info
