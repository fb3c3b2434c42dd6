# The commands of Regulars. Each first sets up what it needs and is missing, so a fresh clone needs none other.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
BIN := .venv/bin
OUT ?= demo
SEED ?= 1
PORT ?= 8000
TESTS ?= tests
EXAMPLES ?= 100

# One more than there are cores: some tests wait for a server, a browser or a deadline.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))

# Pango and HarfBuzz lay text out, the font draws Chinese; the suite starts servers and a browser of its own.
RUN_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk
TEST_PACKAGES := $(RUN_PACKAGES) postgresql redis-server chromium ghostscript

ASSETS := api/console/static/vendor/icons.svg
PAGES := $(shell find api -name '*.html' -o -name '*.py')

LOWEST_TESTS ?= tests/retention/test_workbooks.py tests/retention/test_figures.py tests/printables/test_stamp.py \
  tests/test_protocols.py tests/api/test_v1_segments.py \
  tests/api/test_demo.py::test_every_printed_code_reads_and_leads_to_a_link_of_its_own

.PHONY: help demo serve test lowest check fuzz bench format words tables presets pictures revisions pins assets wheel clean run-system test-system

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: run-system .venv/.run $(ASSETS) ## A sample shop from its order file to printed flyers, scans and lift, in ./demo (OUT=, SEED=)
	@$(BIN)/regulars demo --out $(OUT) --seed $(SEED)

serve: run-system .venv/.run $(ASSETS) ## The console, the worker and the scheduler on this machine (PORT=)
	@$(BIN)/regulars serve --port $(PORT)

test: test-system .venv/.dev $(ASSETS) ## The whole suite, on SQLite and on PostgreSQL (TESTS=)
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --maxprocesses=8 --dist worksteal --durations=10

lowest: test-system .venv/lowest/.dev ## A part of the suite with the lowest versions that pyproject.toml admits
	@.venv/lowest/bin/python -m pytest $(LOWEST_TESTS) -q -n $(WORKERS) --maxprocesses=8 -W default::DeprecationWarning

check: .venv/.dev ## Format, lint, types, imports
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/mypy scripts/*.py
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python scripts/revisions.py --check
	@$(BIN)/python scripts/tables.py --check
	@$(BIN)/python scripts/presets.py --check
	@$(BIN)/python scripts/unused.py

fuzz: test-system .venv/.dev $(ASSETS) ## Many generated requests to REST, on both databases, and every hostile value in every form (EXAMPLES=)
	@FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/api/test_fuzz.py tests/api/console/test_hostile_forms.py -n auto --maxprocesses=4

bench: test-system .venv/.dev $(ASSETS) ## Each benchmark beside its baseline
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

format: .venv/.dev ## Write the code the way the checks want it
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix --quiet

words: .venv/.dev ## Collect the sentences people see, for their translation
	@$(BIN)/python scripts/words.py

tables: .venv/.dev ## Write docs/tables.md, the page of the tables
	@$(BIN)/python scripts/tables.py

presets: .venv/.dev ## Write docs/importing/presets.md, the page of the column presets
	@$(BIN)/python scripts/presets.py

revisions: .venv/.dev ## List new migrations by SHA-256; one that is listed is never edited
	@$(BIN)/python scripts/revisions.py

pins: .venv/.dev ## Write the versions installed here to constraints.txt
	@$(BIN)/python scripts/pins.py

pictures: test-system .venv/.dev $(ASSETS) ## The pictures of the README, from what `make demo` left (OUT=)
	@$(BIN)/python scripts/pictures.py $(OUT)

assets: .venv/.run $(ASSETS) ## Fetch the styles, scripts and icons of the console

wheel: .venv/.dev $(ASSETS) ## Build the package into ./dist
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist

clean: ## Remove what was built; the shop's data in ./var stays
	@rm -rf .venv node_modules dist build api/console/static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

run-system:
	@scripts/system.sh $(RUN_PACKAGES)

test-system:
	@scripts/system.sh $(TEST_PACKAGES)

.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'Regulars needs Python 3.11 or newer.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/system.sh python3-venv
	@echo 'Setting up .venv'
	@$(PYTHON) -m venv .venv

# The build tool is installed like everything else, pinned, so that nothing is fetched behind the constraints.
.venv/.run: pyproject.toml constraints.txt | .venv/bin/python
	@echo 'Installing the packages of constraints.txt'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip hatchling
	@$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.run
	@echo 'Installing the tools of the suite'
	@$(BIN)/python -m pip install --quiet -c constraints.txt --group dev
	@$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt --group client
	@touch $@

# What is tested here is that the versions named as lowest still work; the packages that those need come as pip finds them.
.venv/lowest/.dev: pyproject.toml scripts/lowest.py | .venv/.dev
	@echo 'Installing the lowest versions into .venv/lowest'
	@rm -rf .venv/lowest
	@$(PYTHON) -m venv .venv/lowest
	@$(BIN)/python scripts/lowest.py > .venv/lowest/lowest.txt
	@.venv/lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip hatchling
	@.venv/lowest/bin/python -m pip install --quiet --no-build-isolation -c .venv/lowest/lowest.txt -e . --group dev
	@touch $@

$(ASSETS): package-lock.json scripts/assets.py $(PAGES) | .venv/.run
	@$(BIN)/python scripts/assets.py
