# Everything is installed under this folder; nothing of the user's system is changed
# (but with PROVISION=1, see CONTRIBUTING.md).

PYTHON ?= python3.11
UV := .venv-uv/bin/uv
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --no-emit-index-url --no-header --upgrade
VENV := .venv/bin

export PROVISION
export KEEP

.PHONY: demo demo-docker demo-kubernetes test test-unit test-airflow test-postgres test-docker \
    test-kubernetes env airflow lock lint format docs clean help \
    benchmark-overhead benchmark-scaling benchmark-sweeps

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 24

demo: env ## tune SmolLM2-135M on llama.cpp and show the winner (KEEP=1 leaves Airflow up)
	@$(VENV)/python -m airtune.cli.demo

demo-docker: env ## the same with the engine in a container (PROVISION=1: on a Docker Engine of its own)
	@$(VENV)/python scripts/demo_docker.py

demo-kubernetes: env ## the same with engine and client as pods (PROVISION=1: in a cluster of its own)
	@$(VENV)/python scripts/demo_kubernetes.py

test: env .venv/.dev ## install what the tests need, run every test this machine can run
	@$(VENV)/python scripts/test.py

test-unit: .venv/.installed .venv/.dev ## the fast tests only
	@$(VENV)/python scripts/test.py unit

test-airflow: env .venv/.dev ## tests against a real Airflow scheduler
	@$(VENV)/python scripts/test.py airflow

test-postgres: .venv/.installed .venv/.dev ## store tests on PostgreSQL
	@$(VENV)/python scripts/test.py postgres

test-docker: env .venv/.dev ## tests on a Docker Engine (PROVISION=1: on one of their own)
	@$(VENV)/python scripts/test.py docker

test-kubernetes: env .venv/.dev ## tests in a Kubernetes cluster (PROVISION=1: in one of their own)
	@$(VENV)/python scripts/test.py kubernetes

benchmark-overhead: env .venv/.dev ## what Airflow costs for each trial (about 4 minutes)
	@$(VENV)/python -m benchmarks.overhead.run --out var/overhead.json

benchmark-scaling: env .venv/.dev ## four devices against one on PostgreSQL (about 6 minutes)
	@$(VENV)/python -m benchmarks.overhead.run --postgres --out var/scaling.json

benchmark-sweeps: .venv/.installed .venv/.dev ## what a folder of 200 sweep files costs to parse
	@$(VENV)/python -m benchmarks.sweeps.run

lint: .venv/.installed .venv/.dev ## ruff, mypy, layers, documents
	@$(VENV)/python scripts/lint.py

format: .venv/.dev
	@$(VENV)/ruff format . && $(VENV)/ruff check --fix .

docs: .venv/.installed ## write the generated reference documents
	@$(VENV)/python scripts/reference.py

airflow: env ## start Airflow with airtune's DAGs and stay in the foreground
	@$(VENV)/python -m airtune.stack

env: .venv/.installed .venv-bench/.installed .venv-engine/.installed var/.prepared .env ## environments, model and tokenizer, .env for compose

lock: $(UV) ## resolve the dependencies anew into the pinned requirements*.txt
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-celery.in -o requirements-celery.txt
	$(COMPILE) requirements-bench.in -o requirements-bench.txt
	$(COMPILE) --no-deps requirements-engine.in -o requirements-engine.txt

clean: ## remove environments and everything that runs have left, results too
	rm -rf .venv .venv-bench .venv-engine .venv-uv var logs results benchmark_results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV): requirements-uv.txt
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/python -m pip install --quiet -r requirements-uv.txt
	@touch $@

.venv/.installed: requirements.txt pyproject.toml $(UV)
	@scripts/environment.sh .venv $(PYTHON) -r requirements.txt

.venv/.dev: requirements-dev.txt .venv/.installed
	@$(UV) pip install --quiet --python $(VENV)/python -r requirements-dev.txt
	@touch $@

.venv-bench/.installed: requirements-bench.txt pyproject.toml $(UV)
	@scripts/environment.sh .venv-bench $(PYTHON) -r requirements-bench.txt

.venv-engine/.installed: requirements-engine.txt pyproject.toml $(UV)
	@scripts/environment.sh .venv-engine $(PYTHON) --no-deps -r requirements-engine.txt

var/.prepared: scripts/prepare.sh .venv-bench/.installed .venv-engine/.installed
	@scripts/prepare.sh

.env: | .venv/.installed var/.prepared
	@$(VENV)/python scripts/dotenv.py
