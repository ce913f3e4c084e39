# `make` shows what there is. Everything runs from .venv, which the first command makes and later ones keep.
.DEFAULT_GOAL := help
.PHONY: help setup run test coverage bench soundness conformance check clean

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
USABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do "$$p" -c '$(USABLE)' >/dev/null 2>&1 && echo "$$p" && break; done)

# Nothing that we use phones home (Dagster: see dagster.yaml).
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_OFFLINE := 1
export LANGSMITH_TRACING := false
export MLFLOW_DISABLE_TELEMETRY := true

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv and install what constraints.txt pins (every other command does it when needed).

run: $(INSTALLED) ## Build what is stale, release it and serve it. PALANTIR_PROJECT=dir takes another project.
	@$(BIN)/palantir up

TESTS := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED) ## Lint, types, import contracts, and all tests.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

coverage: $(INSTALLED) ## The tests again, with what they cover of lines and branches; less than 80 % fails.
	$(TESTS) --cov=palantir_assets --cov-report=term:skip-covered --cov-fail-under=80

bench: $(INSTALLED) ## Measure, and print every number that the README quotes.
	$(BIN)/python -m benchmarks

LONG := tests/soundness tests/oracle tests/stories/test_grounding.py tests/stories/test_grounding_killed.py \
	tests/stories/test_erasure.py tests/serving/test_following_edits.py tests/cli/test_supervisor.py \
	tests/assets/test_folding.py tests/assets/test_markings.py tests/assets/test_s3_source.py tests/assets/test_sql_source.py

soundness: $(INSTALLED) ## The promises of tests/soundness, the oracle of queries and the story under kill -9 with their full counts; takes long.
	SOUNDNESS=full $(TESTS) --timeout=3600 $(LONG)

conformance: $(INSTALLED) ## Drive the API with the official Foundry client and print what passes; WRITE=1 renews docs/conformance.md.
	$(BIN)/python -m tests.conformance $(if $(WRITE),--write)

check: $(INSTALLED) ## Check specs, dbt project and settings; build nothing.
	@$(BIN)/palantir check

clean: ## Remove caches and what is rebuilt from releases. ALL=1 removes .venv, releases and ledger too.
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	rm -rf dbt_project/target dbt_project/logs var/cache var/indexes
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
	$(if $(ALL),rm -rf $(VENV) var)

# uv does not read pip's settings: a local wheel folder or an index of pip's environment is handed over.
$(INSTALLED): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c '$(USABLE)'; then \
	  echo "error: Python 3.11 or 3.12 is needed, and there is none on the PATH" >&2; \
	  echo "next: install it (Debian: apt-get install python3.11 python3.11-venv), or name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "error: $(PYTHON) cannot make virtual environments: its venv module is not installed" >&2; \
	  echo "next: apt-get install python3-venv (or the package of that name for your Python), then run the command again" >&2; exit 1; fi
	@echo "setting up $(VENV) with $(PYTHON): once, a minute or so"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check "uv>=0.13,<0.14"
	@if [ -z "$${UV_FIND_LINKS:-}" ] && [ -n "$${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS="$$PIP_FIND_LINKS"; fi; \
	if [ -z "$${UV_DEFAULT_INDEX:-}" ] && [ -n "$${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="$$PIP_INDEX_URL"; fi; \
	$(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode -c constraints.txt -e ".[build]" --group dev
	@touch $@
