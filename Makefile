# Every target sets up what it needs; a plain `make` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CONFIG ?= default
DATA   ?=
ARGS   ?=
PIP_ARGS ?=
JOBS   ?= 2
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup backtest audit test test-ci test-all check wheel docs bench calibrate app clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY)  ## install into .venv (PIP_ARGS goes to pip)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed (got %s): make setup PYTHON=python3.12" % sys.version.split()[0])'
	@echo "setting up $(VENV), once: a few minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --constraint constraints.txt --editable '.[app]' --group dev --group docs
	@touch $@

backtest: $(READY)  ## run the main job: CONFIG=preset or file, DATA=bars, ARGS='--set train.epochs=5'
	@$(BIN)/backtest run $(CONFIG) $(if $(DATA),--data '$(DATA)') $(ARGS)

audit: $(READY)  ## hunt for leaks in the whole walk: CONFIG and DATA as for backtest
	@$(BIN)/backtest audit $(CONFIG) $(if $(DATA),--data '$(DATA)') $(ARGS)

TEST := -m pytest -q -n $(JOBS) --dist loadscope --no-loadscope-reorder

test: $(READY)  ## run the tests, on JOBS cores: what a change is checked with, some seven minutes
	@$(BIN)/python $(TEST) -m 'not slow and not integration' $(ARGS)

test-ci: $(READY)  ## and whole walks, commands, documents, the browser: what every commit is checked with
	@$(BIN)/python $(TEST) -m 'not slow' $(ARGS)

test-all: $(READY)  ## run every test: kills, the whole catalogue of leaks, more examples
	@$(BIN)/python $(TEST) --hypothesis-profile thorough $(ARGS)

check: $(READY)  ## formatting, lint, types
	@$(BIN)/ruff format --check --quiet . || (echo "make check: run $(BIN)/ruff format ." && false)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

wheel:  ## install into a fresh environment and run from another folder
	@PYTHON=$(PYTHON) PIP_ARGS='$(PIP_ARGS)' .ci/wheel

docs: $(READY)  ## build the documentation site into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "written: build/site/index.html"

bench: $(READY)  ## measure speed and memory, as ratios (DATA=hourly BTCUSDT bars for the whole table)
	@$(BIN)/python -m tests.bench $(if $(DATA),--data '$(DATA)')

calibrate: $(READY)  ## measure tests, intervals and verdicts where the truth is known: CALIBRATION.md (ARGS=--quick)
	@$(BIN)/python -m tests.calibration $(ARGS)

app: $(READY)  ## show runs in the browser; without any, make the quick one first (ARGS='runs/quick --plugins my_module')
	@ls "$${BACKTEST_HOME:-.}"/runs/*/manifest.json >/dev/null 2>&1 || $(BIN)/backtest run quick
	@$(BIN)/backtest app $(ARGS)

clean:  ## remove the environment and caches; runs/ and datasets/ stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
