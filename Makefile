# The two commands: `make demo` and `make test`. Each sets up everything it needs.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
DATA := .data
PIP_INSTALL := set -o pipefail; $(BIN)/python -m pip --disable-pip-version-check install --require-hashes
DOTS := | { while read -r word _; do case "$$word" in Collecting) printf .;; Installing) printf " unpacking ";; esac; done; echo; }

.PHONY: demo demo-reset test lint smoke axe bench faults faults-ci lock lock-check messages format clean

demo: .venv/installed
	@PORTAL_INSTANCE="$(CURDIR)/$(DATA)/demo" $(BIN)/python -m embedded run --data $(DATA)/demo/postgres -- $(BIN)/python -m demo

demo-reset: .venv/installed
	@$(BIN)/python -m embedded reset --data $(DATA)/demo/postgres
	@rm -rf $(DATA)/demo

test: .venv/installed-dev
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m embedded run --fast --data $(DATA)/test -- $(BIN)/python -m pytest $(ARGS)

smoke: .venv/installed-dev
	@$(BIN)/python -m embedded reset --data $(DATA)/smoke/postgres
	@PORTAL_INSTANCE="$(CURDIR)/$(DATA)/smoke" $(BIN)/python -m embedded run --data $(DATA)/smoke/postgres -- $(BIN)/python -m demo.smoke

# Every page in both themes on a phone, a tablet and a desk; `make test` looks at each once.
axe: .venv/installed-dev
	@$(BIN)/python -m tests.chromium
	@EVERY_PAGE=all $(BIN)/python -m embedded run --fast --data $(DATA)/test -- $(BIN)/python -m pytest tests/browser/test_every_page.py $(ARGS)

# ARGS="sockets pages" takes only these, ARGS=--quick few and small, ARGS=--markdown gives the README's table.
bench: .venv/installed-dev
	@$(BIN)/python -m embedded run --data $(DATA)/bench -- $(BIN)/python -m bench $(ARGS)

# The faults of RELIABILITY, about ten minutes: ARGS="R1 R4" plays some of them, ARGS="--jobs 1" one at a time;
# FAULT_SPEED=1 takes the hours that they really take. faults-ci is the selection of .ci/run, five minutes at most.
faults: .venv/installed-dev
	@$(BIN)/python -m embedded run --fast --data $(DATA)/faults -- $(BIN)/python -m tests.faults $(ARGS)

faults-ci: .venv/installed-dev
	@$(BIN)/python -m embedded run --fast --data $(DATA)/faults -- $(BIN)/python -m tests.faults --selection ci $(ARGS)

lint: .venv/installed-dev lock-check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy
	@$(BIN)/python -m embedded run --fast --data $(DATA)/test -- $(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed-dev
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

# Write the locks anew from pyproject.toml, keeping the versions that still fit.
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --quiet
lock: .venv/installed-dev
	@$(UV_COMPILE) -o requirements.txt
	@$(UV_COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt

# Gather the texts for customers and the public into locale/; it says which have no translation yet.
messages: .venv/installed-dev
	@$(BIN)/python manage.py gather_messages

lock-check: .venv/installed-dev
	@$(BIN)/python -m tests.lock

# A venv gets its pip last: one that was interrupted has none and is made anew.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or newer. Name yours: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv --clear .venv

.venv/installed: .venv/bin/pip requirements.txt
	@echo "Installing the locked packages (about half a minute the first time; a dot each) ..."
	@$(PIP_INSTALL) -r requirements.txt $(DOTS)
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing the locked development packages ..."
	@$(PIP_INSTALL) -r requirements-dev.txt $(DOTS)
	@touch $@

clean:
	rm -rf .venv static-root screenshots .mypy_cache .ruff_cache .pytest_cache
