# `make train` and `make test` work on a fresh clone: they make .venv from the lock files first.
# Kept to what GNU make 3.81 and bash 3.2 understand.

SHELL := /bin/bash
PYTHON ?= python3
ARGS ?=
TORCH := torch==2.13.0

BIN := .venv/bin
# A finished step is remembered by the contents it was made from, and by the place, since an environment cannot be
# moved. A step writes its mark last, so that an interrupted one counts as not done.
sum = $(shell { cat $(1) 2>/dev/null; echo "$(CURDIR)"; } | cksum | tr -s ' ' '-')
RUN := .venv/.run-$(call sum,requirements/run.txt)
TEST := .venv/.test-$(call sum,requirements/run.txt requirements/test.txt)
PROJECT := .venv/.project-$(call sum,requirements/run.txt pyproject.toml)

.PHONY: help train test lock audit next-pennylane clean
.DEFAULT_GOAL := help

help:
	@echo 'make train [ARGS="depth=4 encoding=iqp"]   train the default hybrid model, with overrides if any'
	@echo 'make test                                  everything that must pass before a change is merged'
	@echo 'make lock                                  write requirements/*.txt anew from pyproject.toml'
	@echo 'make audit                                 look the locked packages up in a database of security advisories'
	@echo 'make next-pennylane                        the layers'"'"' tests with the newest pre-release of PennyLane'
	@echo 'make clean                                 remove the environment'
	@echo
	@echo 'The first two make .venv first if it is missing or its lock file has changed; PYTHON=python3.12 picks the'
	@echo 'interpreter it is made from.'

train: $(PROJECT)
	@$(BIN)/python train.py $(ARGS)

test: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/python -m pytest --nbmake notebooks -n 2

lock:
	$(require-python)
	$(PYTHON) requirements/lock.py $(TORCH)

audit:
	$(require-python)
	$(PYTHON) requirements/audit.py

next-pennylane:
	$(require-python)
	$(PYTHON) requirements/next_pennylane.py $(TORCH)

clean:
	rm -rf .venv

other-python = Name another interpreter: make $(firstword $(MAKECMDGOALS)) PYTHON=python3.12

define require-python
@command -v $(PYTHON) >/dev/null || { echo "'$(PYTHON)' is not on the PATH. $(other-python)" >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "qlayers needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). $(other-python)" >&2; \
	exit 1; }
endef

# $(1) a title, $(2) what pip is to install. One dot a package, so that a long download does not look like a hang;
# what goes wrong, pip writes to stderr.
define install
@set -o pipefail; printf '%s ' '$(1)'; \
$(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off $(2) | \
while read -r word rest; do case "$$word" in \
	Collecting) printf '.' ;; \
	Downloading) case "$$rest" in *GB*|*[0-9][0-9][0-9].*MB*) printf ' %s ' "$$rest" ;; esac ;; \
	Installing) printf ' unpacking' ;; \
	Successfully) printf ', done' ;; \
esac; done; status=$$?; echo; exit $$status
endef

$(RUN):
	$(require-python)
	@echo 'Making .venv: some 1 GB to download and a few minutes, once.'
	@# The interpreter behind an active environment, since that environment may be the one that goes.
	@base="$$($(PYTHON) -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')" && \
	rm -rf .venv && "$$base" -m venv .venv
	$(call install,torch   ,$(TORCH))
	$(call install,packages,-r requirements/run.txt)
	@touch $@

$(PROJECT): $(RUN)
	$(call install,qlayers ,--no-deps --no-build-isolation --editable .)
	@touch $@

$(TEST): $(PROJECT)
	@# Until the tools are in, nothing in .venv counts as finished.
	@mv $(RUN) .venv/.unfinished
	$(call install,tools   ,-r requirements/test.txt)
	@mv .venv/.unfinished $(RUN) && touch $@
