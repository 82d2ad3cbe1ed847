# What a newcomer runs. Needs python3 (3.11 or newer), make and git; everything else is installed into .venv.
PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv

.PHONY: demo test check lock docs clean

# The main job on the embedded default: a backfill of the bundled sample, ending in a report.
demo: .venv/runtime
	$(PY) -m flows.backfill

test: .venv/dev
	$(PY) -m pytest

# Exactly what CI runs before the tests.
check: .venv/dev
	@for file in requirements requirements-dev; do \
	  cp $$file.txt .venv/lock.txt; \
	  $(UV) pip compile --quiet --universal --no-header --generate-hashes pyproject.toml $$([ $$file = requirements ] || echo --group dev) -o .venv/lock.txt; \
	  grep '==' $$file.txt > .venv/locked; grep '==' .venv/lock.txt | cmp -s - .venv/locked || { echo "$$file.txt does not fit pyproject.toml: run make lock"; exit 1; }; \
	done
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) -m market_opinion tables --check docs/tables.md

# Resolve anew within the bounds of pyproject.toml.
lock: .venv/dev
	$(UV) pip compile --quiet --upgrade --universal --no-header --generate-hashes pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --upgrade --universal --no-header --generate-hashes pyproject.toml --group dev -o requirements-dev.txt

docs: .venv/runtime
	$(PY) -m market_opinion tables > docs/tables.md

clean:
	rm -rf .venv .market-opinion .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 is older than 3.11: set PYTHON=/path/to/a/newer/python3")'
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt

.venv/runtime: .venv/bin/uv requirements.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements.txt
	touch $@

.venv/dev: .venv/bin/uv requirements-dev.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements-dev.txt
	touch $@ .venv/runtime
