# A fresh machine needs Python 3.11 or newer with venv, and make. Nothing else.
#
#   make up      start everything on http://127.0.0.1:3001 until Ctrl-C
#   make test    lint, types, import contracts, tests with coverage
#   make soak    50 processes killed one after the other while channels live on

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: up test soak check bench lock docs

CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)

BIN := .venv/bin
READY := .venv/.ready

up: $(READY)
	@exec $(BIN)/tutordex up

test: check
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cov=tutordex_dagster --cov-branch --cov-report=
	$(BIN)/coverage report --skip-covered --fail-under=90
	$(BIN)/coverage report --include='tutordex_dagster/store/*,tutordex_dagster/queue/*' --fail-under=95

soak: $(READY)
	TUTORDEX_SOAK=1 $(BIN)/pytest -s tests/acceptance/soak_telegram.py tests/acceptance/test_tail_faults.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: $(READY)
	$(BIN)/tutordex config docs > docs/configuration.md
	$(BIN)/python -m tutordex_dagster.extraction.rules.catalogue > docs/vocabulary.md

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header \
		--no-emit-index-url --no-strip-extras --quiet --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
ifeq ($(PYTHON),)
	$(error No Python 3.11 or newer with venv found; install one (on Debian: python3 and python3-venv) or run make PYTHON=/path/to/python3)
endif
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
