# Two commands: `make demo` and `make test`. Everything they need goes into .venv, .venv-trainer and .venv-export.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
TRAINER := .venv-trainer
EXPORT := .venv-export
SUPPLY := .venv-supply
RUN := $(VENV)/bin/python
# What installs: a path of uv; empty for pip. Otherwise uv is installed by pip, or, if that fails, pip installs.
ifdef UV
export UV
endif
NEEDS_PYTHON = $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null || { echo \
	"hindsight needs Python 3.11, and PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1); nothing was \
	installed. Name one: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python3.11" >&2; exit 1; }
LOCK = @UV_INDEX= UV_CUSTOM_COMPILE_COMMAND="make lock" $(RUN) -m deployments.install.pip_settings $(VENV)/bin/uv \
	pip compile --quiet --python $(RUN) --python-version 3.11 --generate-hashes --no-emit-package torch --no-annotate $(UPGRADE)
# What `make demo` runs: smoke, or smoke-full-weight.
RECIPE ?= smoke

# Runs of this project must not go to another Prefect server of the user's.
unexport PREFECT_API_URL PREFECT_PROFILE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install lock demo plan runs down test lint types contracts test-slow pictures night-pictures clean simulate-coverage simulate-tent simulate-ladder simulate-live simulate-month
.PHONY: bench-premium bench-panel bench-store bench-merge bench-corpus bench-dataset bench-overhead bench-embed bench-audit bench-swap browser
.NOTPARALLEL: demo test

help:
	@echo "make demo       install, start server and workers, run leakage-premium/smoke, print its table"
	@echo "make demo RECIPE=smoke-full-weight  the same with every weight trained, on two ranks"
	@echo "make plan       what that run would do, where, for how long and for how much; starts nothing"
	@echo "make runs       all runs, their cost and figures: a table, a CSV, a figure"
	@echo "make down       end the server and the workers that make demo started"
	@echo "make test       install, lint, import contracts, types, tests"
	@echo "make install    the environments .venv, .venv-trainer and .venv-export, by uv (make install UV= by pip); make lock writes their pins"
	@echo "make test-slow  the long suites"
	@echo "make bench-NAME (premium, panel, store, merge, corpus, dataset, overhead, embed, audit, swap) compares with the plain way; writes .hindsight/bench/NAME.json"
	@echo "make simulate-NAME (coverage, tent, ladder, live, month)  the simulations behind docs/measure.md, docs/ladder.md, docs/live-gate.md and docs/scale.md"
	@echo "make docs       the docs as a site: .hindsight/site/index.html"
	@echo "make sbom       what the environments hold, as CycloneDX: .hindsight/sbom"
	@echo "make audit      known vulnerabilities of the pinned packages; Error 3 if the database has no complete answer"
	@echo "make scan       secrets in what is deployed, beside those that .secrets.baseline lists"
	@echo "make wheel      the wheel to install elsewhere: .hindsight/dist"
	@echo "make secrets    the secrets of infra/compose.yaml: .hindsight/secrets"
	@echo "make pictures   take docs/pictures again from the running demo (needs Chromium)"

install: $(VENV)/.installed $(TRAINER)/.installed $(EXPORT)/.installed

# The marker is written last, so an interrupted installation is done again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(NEEDS_PYTHON)
	@$(PYTHON) -m deployments.install pipeline

# After the pipeline's, whose uv they use.
$(TRAINER)/.installed: constraints-trainer.txt | $(VENV)/.installed
	@$(NEEDS_PYTHON)
	@$(PYTHON) -m deployments.install trainer

$(EXPORT)/.installed: constraints-export.txt | $(VENV)/.installed
	@$(NEEDS_PYTHON)
	@$(PYTHON) -m deployments.install export

# The pins, from what pyproject.toml asks for; pins that still fit are kept (UPGRADE="--upgrade-package NAME" raises one).
# They hold for every Python 3.11, as Debian ships 3.11.2. It needs a CPU build of torch (pip's find-links), because what the
# CUDA build requires is not pinned. An index of pip's that has a part of a release would pin a part of its hashes, so only
# the first index is used.
lock:
	$(LOCK) --all-extras pyproject.toml --output-file constraints.txt
	$(LOCK) --group trainer --output-file constraints-trainer.txt
	$(LOCK) --group export --output-file constraints-export.txt
	$(LOCK) --group installer --output-file constraints-uv.txt
	$(LOCK) --group supply --output-file constraints-supply.txt
	$(LOCK) --extra laptop --extra dask --constraint constraints.txt pyproject.toml infra/images/build.in --output-file infra/images/pipeline.txt

demo: install
	$(VENV)/bin/hindsight demo $(RECIPE)

plan: install
	@$(VENV)/bin/hindsight plan $(RECIPE)

runs: install
	@$(VENV)/bin/hindsight runs --csv .hindsight/runs/runs.csv --figure .hindsight/runs/spend.svg

down:
	$(VENV)/bin/hindsight down

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(RUN) -m tests.vocabulary

types: $(VENV)/.installed
	$(VENV)/bin/mypy

contracts: $(VENV)/.installed
	$(VENV)/bin/lint-imports

# A real browser for the tests of the UI. Without root, or without a network, they are skipped and say so.
browser:
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || [ "$$(id -u)" != 0 ] || \
		(timeout 300 sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium') > /dev/null 2>&1 || \
		echo "no Chromium could be installed: the tests of the UI will be skipped"

# mypy runs beside the tests, and ends them if it finds something.
test: install browser lint contracts
	$(RUN) -m tests

test-slow: install
	$(VENV)/bin/pytest -m slow

bench-premium bench-panel bench-store bench-corpus bench-dataset bench-overhead bench-embed bench-audit bench-swap: bench-%: $(VENV)/.installed
	$(RUN) -m tests.bench.$*

# It compares with accelerate's and axolotl's merges, which lie in the trainer's environment.
bench-merge: bench-%: install
	$(RUN) -m tests.bench.$*

simulate-coverage: $(VENV)/.installed
	$(RUN) -m tests.simulations.coverage
	$(RUN) -m tests.simulations.power

simulate-tent: $(VENV)/.installed
	$(RUN) -m tests.simulations.tent

simulate-ladder: $(VENV)/.installed
	$(RUN) -m tests.simulations.ladder

# A server, workers and a store of its own, for most of an hour; `python -m tests.month --help` names the scale.
simulate-month: $(VENV)/.installed
	$(RUN) -m tests.month

simulate-live: $(VENV)/.installed
	$(RUN) -m tests.simulations.live
	$(RUN) -m tests.simulations.levels

pictures: install
	$(RUN) docs/pictures.py

night-pictures: install
	$(RUN) -m docs.night_pictures

# The lists of what is installed; a lock's hashes go with it, so the same locks give the same bytes. The system's Python and
# .venv-supply are enough.
LOCKS := constraints.txt constraints-trainer.txt constraints-export.txt
.PHONY: sbom audit scan
# Secrets in what is deployed; the hook before a commit looks through every changed file. Tests hold made-up ones.
scan: $(VENV)/.installed
	@git ls-files -z hindsight flows tasks deployments infra configs .github .ci Makefile '*.toml' '*.yaml' ':!infra/images/*.txt' | \
		xargs -0 $(VENV)/bin/detect-secrets-hook --no-verify --baseline .secrets.baseline

sbom: $(SUPPLY)/.installed
	@$(PYTHON) -m deployments.supply sbom $(LOCKS)

# Error 1: a known vulnerability. Error 3: the database gave no complete answer.
audit: $(SUPPLY)/.installed
	@$(PYTHON) -m deployments.supply audit $(LOCKS)

$(SUPPLY)/.installed: constraints-supply.txt
	@$(NEEDS_PYTHON)
	@$(PYTHON) -m venv --clear $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip install --quiet --require-hashes --no-deps --requirement constraints-supply.txt
	@touch $@

.PHONY: docs secrets wheel
docs: $(VENV)/.installed
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet
	@echo "open .hindsight/site/index.html"

# What infra/compose.yaml reads; existing values are kept. The system's Python is enough.
secrets:
	@$(PYTHON) -m deployments.secret_files .hindsight/secrets

wheel: $(VENV)/.installed
	$(VENV)/bin/hatchling build --target wheel --directory .hindsight/dist

clean:
	rm -rf $(VENV) $(TRAINER) $(EXPORT) $(SUPPLY) .hindsight
