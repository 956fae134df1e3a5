# Everything a person does here, each a line or two. `make` lists it.
PYTHON ?= python3
BIN := .venv/bin
EVENT ?= rehearsal
export PYTHONPATH := $(CURDIR)

help: ## List what there is to do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(BIN)/demo-installed ## Play a small league on this machine, from upload to leaderboard
	@$(BIN)/python -m local.demo $(if $(KEEP),--keep) $(if $(SEED),--seed $(SEED))

local: $(BIN)/demo-installed ## Bring the event up on this machine and keep it up (EVENT=rehearsal)
	@$(BIN)/python -m local --event $(EVENT)

test: $(BIN)/test-installed ## Everything CI checks
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -n 2 --dist loadgroup

lint: $(BIN)/test-installed ## Style, types and generated files
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/python -m cli.openapi --check && $(BIN)/python -m cli.diagram --check
	@$(BIN)/python -m cli.failures_table --check

bench: $(BIN)/demo-installed ## Cold starts, synth time and pipeline overhead
	@$(BIN)/python -m bench

docs: $(BIN)/test-installed ## Write the generated documentation anew
	@$(BIN)/python -m cli.openapi && $(BIN)/python -m cli.diagram && $(BIN)/python -m cli.failures_table && $(BIN)/python -m cli.estimate.page

chaos: $(BIN)/test-installed ## Leagues under injected faults (RUNS=1000 SEED=1 SIZE=40 DAY=calm|normal|bad)
	@$(BIN)/python -m local.chaos run --runs $(or $(RUNS),1000) --seed $(or $(SEED),1) --size $(or $(SIZE),40) $(if $(DAY),--day $(DAY))

chaos-engine: $(BIN)/test-installed ## The same over HTTP on the real engine (RUNS=100)
	@$(BIN)/python -m local.chaos engine --runs $(or $(RUNS),100) --seed $(or $(SEED),1)

chaos-teeth: $(BIN)/test-installed ## Seeded defects in the product: each must be caught
	@$(BIN)/python -m local.chaos teeth

load: $(BIN)/test-installed ## A whole event's people and models (MODELS=4100 PARTICIPANTS=409)
	@$(BIN)/python -m local.chaos load --models $(or $(MODELS),4100) --participants $(or $(PARTICIPANTS),409)

lock: ## Pin what the requirements pull in
	rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/pip install -q -r requirements-dev.txt
	build/lock/bin/pip freeze --exclude pip --exclude setuptools > constraints.txt && rm -rf build/lock

clean: ## Remove everything the above has made
	@$(PYTHON) -c "import shutil, glob; [shutil.rmtree(p, True) for p in ('build', 'cdk.out', '.venv', '.pytest_cache', '.mypy_cache', '.ruff_cache', '.hypothesis', *glob.glob('**/__pycache__', recursive=True))]"

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, found ' + sys.version)"
	@command -v node >/dev/null || { echo "Node.js is needed: the CDK synthesizes with it"; exit 1; }
	@$(PYTHON) -m venv .venv

$(BIN)/demo-installed: requirements.txt constraints.txt | $(BIN)/python
	@echo "installing requirements.txt into .venv (about a minute) ..."
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt -c constraints.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/python" -m cli "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)" > $(BIN)/league
	@chmod +x $(BIN)/league && touch $@

$(BIN)/test-installed: requirements-dev.txt $(BIN)/demo-installed
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt -c constraints.txt && touch $@

.PHONY: help demo local test lint bench docs chaos chaos-engine chaos-teeth load lock clean
