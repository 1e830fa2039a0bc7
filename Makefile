# One verb each; every verb installs first when something it needs has changed.
PYTHON ?= python3
VENV ?= .venv
STUDIO_PORT ?= 2024
REPLIES ?= ../shared/data/planner-responses
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MEASURED := --cov=core --cov=graph --cov=nodes --cov=models --cov=store
LOCK := $(VENV)/lock-tools/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(UPGRADE)
QUIET := LANGGRAPH_STRICT_MSGPACK=true LANGGRAPH_CLI_NO_ANALYTICS=1 \
	LANGGRAPH_NO_VERSION_CHECK=true LANGSMITH_TRACING=false

.DEFAULT_GOAL := help
.PHONY: help install demo test check serve studio bench lock
.DELETE_ON_ERROR:

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv from the lock file (again only when a lock changed)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not: $$($(PYTHON) -V 2>&1)."; \
		echo "Name one that is, for example: make install PYTHON=python3.12"; exit 1; } >&2
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Solve a real task on a recorded tape: no keys, no money
	$(BIN)/budgetml run vectorization --preset demo

test: $(STAMP) ## Run every test, with coverage
	$(BIN)/python -m pytest -n auto $(MEASURED) --cov-report=term:skip-covered --cov-fail-under=90

check: $(STAMP) ## Lint, formatting, strict types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: $(STAMP) ## Serve runs over REST on the loopback address
	$(BIN)/budgetml serve

studio: $(STAMP) ## Serve the graphs to LangGraph Studio on STUDIO_PORT
	$(QUIET) $(BIN)/langgraph dev --no-browser --no-reload --n-jobs-per-worker 4 --port $(STUDIO_PORT)

bench: $(STAMP) ## Measure overhead, survival of kills, the wire formats and the reply parser
	$(BIN)/python -m bench.overhead
	$(BIN)/python -m bench.crash --kills 50
	$(BIN)/python -m bench.wire
	@if [ -d "$(REPLIES)" ]; then $(BIN)/python -m bench.replies "$(REPLIES)"; \
	else echo "bench.replies left out: no recorded replies in $(REPLIES); set REPLIES=folder"; fi

lock: ## Pin the dependencies anew (UPGRADE=--upgrade for newer ones), with Python 3.11
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Locks are made with the oldest Python we support: make lock PYTHON=python3.11"; \
		exit 1; } >&2
	$(PYTHON) -m venv $(VENV)/lock-tools
	$(VENV)/lock-tools/bin/pip install --quiet --disable-pip-version-check 'pip-tools>=7.4'
	CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) -o requirements.lock pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --extra dev --extra studio --extra anthropic \
		-c requirements.lock -o requirements-dev.lock pyproject.toml
	for env in tasks/envs/*.in; do \
		CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) -o "$${env%.in}.lock" "$$env" || exit 1; done
