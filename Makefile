# The environment is made once from the lock and again only when the lock changes.
PYTHON ?= python3
VENV := .venv
PAR := $(VENV)/bin/par
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Wheels come without compiled modules; compiling on all cores at once halves every later start.
define install
@echo "Setting up the Python environment from $(1) (about a minute, only when it changes) ..."
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; set PYTHON=..."; exit 1; }
@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
@$(VENV)/bin/python -m pip install --quiet --no-deps --require-hashes --no-compile -r $(1)
@$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-compile --editable .
@$(VENV)/bin/python -m compileall -q -j 0 $(VENV)/lib > $(VENV)/compile.log 2>&1 || true
@touch $@
endef

.PHONY: nightly backfill test lint airflow benchmark docs help

help:
	@echo "make nightly [DATE=YYYY-MM-DD]   run the night and show the indicators"
	@echo "make backfill FROM=... TO=...    run each delivered data date in order"
	@echo "make test                        run the tests and the linters"
	@echo "make airflow                     start Airflow with its web UI on localhost"
	@echo "make docs                        write the generated pages of docs/reference anew"
	@echo "make benchmark                   measure the nights and write docs/performance.md"

nightly: $(VENV)/.runtime
	@$(PAR) nightly $(if $(DATE),--date $(DATE))

backfill: $(VENV)/.runtime
	@test -n "$(FROM)" -a -n "$(TO)" || { echo "Give both dates: make backfill FROM=2024-12-29 TO=2024-12-31"; exit 1; }
	@$(PAR) backfill --from $(FROM) --to $(TO)

airflow: $(VENV)/.runtime
	@$(PAR) airflow

docs: $(VENV)/.runtime
	@$(VENV)/bin/python docs/generate.py

benchmark: $(VENV)/.development
	@$(VENV)/bin/python tests/benchmark/measure.py

test: lint
	@$(VENV)/bin/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.development
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@XDG_CACHE_HOME=$(VENV)/cache $(VENV)/bin/sqlfmt --check --no-progressbar dbt_project

$(VENV)/.runtime: requirements.txt pyproject.toml
	$(call install,requirements.txt)

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	$(call install,requirements-dev.txt)
