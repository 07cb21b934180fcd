# Two commands: `make lab` to read and play, `make test` to check everything. `make` alone lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
SLOW   := slow or notebook or browser or install

# Each process would otherwise compile all that it imports anew where a setting forbids to keep what was compiled.
export PYTHONDONTWRITEBYTECODE :=

# uv does not read pip's settings; this one lets it find wheels that lie on the disk already. Empty is fine.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
UV     := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
UV_PIN := uv==0.13.9

.PHONY: help lab test check plain gpu mutants notebooks bench lint doctor lock clean moved

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(READY) ## open the course in JupyterLab
	@$(BIN)/sdg-lab lab

test: check ## run every test, the chapters and the browser too
	@$(PYTEST) -m "$(SLOW)"

check: $(READY) lint ## run the fast tests
	@$(PYTEST) -m "not ($(SLOW))"

# torch then computes as on a processor without AVX: other paths, other last digits.
plain: $(READY) ## run the tests of numbers as on the plainest processor
	@ATEN_CPU_CAPABILITY=default $(PYTEST) -m "not ($(SLOW))" tests/tables tests/training tests/models tests/metrics

gpu: $(READY) ## run the tests that need CUDA
	@CUDA_VISIBLE_DEVICES=$${CUDA_VISIBLE_DEVICES-0} $(BIN)/python -m pytest -m gpu

lint: $(READY) ## run ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

mutants: $(READY) ## which small faults in what trains, samples and judges do the tests not see (under 30 minutes)
	@$(BIN)/python tests/mutants

notebooks: $(READY) ## run the chapters whose code or sources changed, and stamp them
	@$(BIN)/sdg-lab run stale --write

bench: $(READY) ## measure against peers and print one table
	@$(BIN)/python -m benchmarks

doctor: $(READY) ## say what is installed, found, and missing
	@$(BIN)/sdg-lab doctor

# An environment knows its own path. In a clone that was moved or copied it is made anew.
MOVED := $(shell test ! -s $(READY) || test "$$(cat $(READY))" = "$(CURDIR)" || echo moved)
moved:
	@echo "This clone was at $$(cat $(READY)); its environment is made anew."
	@rm -rf $(VENV)

# The stamp is written last: an interrupted set-up is taken up again. A second call finds it and installs nothing.
$(READY): requirements.lock pyproject.toml $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15) and "Python 3.11 to 3.14 is needed; say PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV): about a minute, 2.5 GB. Nothing is installed outside it."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV_PIN)
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) --no-deps --group files-only
	@$(INSTALL) --no-deps --editable .
	@printf '%s' "$(CURDIR)" > $@

# Locking must not see the environment that it describes, nor keep a torch build of this machine.
lock: ## pin anew what pyproject.toml allows
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet $(UV_PIN); }
	@$(UV) pip compile --quiet pyproject.toml --all-extras --python-version 3.11.7 \
	    --no-emit-find-links --no-header --no-annotate -P torch -o .lock.tmp
	@sed 's/^\(torch==[0-9.]*\)+cpu$$/\1/' .lock.tmp > .lock.new && rm .lock.tmp
	@! grep -E '^(nvidia|cuda)' .lock.new || { rm .lock.new; echo "lock refused: CUDA pins got in (is a CPU build of torch on the disk?)"; exit 1; }
	@! grep -E '://|@ ' .lock.new || { rm .lock.new; echo "lock refused: it names a host or a path"; exit 1; }
	@mv .lock.new requirements.lock

clean: ## remove the environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
