# Python 3.11 or newer; another one: make run PYTHON=python3.12
PYTHON ?= python3
VENV := .venv/bin
# Passed on to pytest or the benchmarks: make test ARGS="-k seats"
ARGS ?=
# A process for each database; ARGS="-n0 --pdb" for one that can be talked to.
PYTEST := $(VENV)/python -m pytest --numprocesses=2 --dist=loadgroup

.PHONY: help run install development test e2e check format translations lock bench
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: install ## install what is missing, migrate, serve http://127.0.0.1:8080
	@$(VENV)/flask booking prepare
	@exec $(VENV)/python run.py

install: ## .venv/ and the front-end files, as the lock files say
	@$(PYTHON) -m tools.set_up product

development: ## the same, with what tests and checks need
	@$(PYTHON) -m tools.set_up development

test: development ## all tests, with servers of their own; ARGS="-k seats" for some
	@$(VENV)/python -m tools.test_services
	@exec $(PYTEST) $(ARGS)

e2e: development ## the browser tests alone
	@$(VENV)/python -m tools.test_services
	@exec $(PYTEST) e2e $(ARGS)

check: development ## format, lint, types, lock files, catalogs
	@$(VENV)/python -m tools.check

format: development ## format the code and repair what the linter can
	@$(VENV)/ruff format --quiet .
	@$(VENV)/ruff check --fix --quiet .

translations: development ## collect the texts of the code into the catalogs, and make what is served
	@$(VENV)/python -m tools.translations update
	@$(VENV)/python -m tools.translations compile

lock: development ## resolve the lock files anew; UPGRADE=1 takes newer versions
	@$(VENV)/python -m tools.locks lock $(if $(UPGRADE),--upgrade)

bench: development ## the benchmarks, against servers of their own
	@$(VENV)/python -m tools.test_services
	@exec $(VENV)/python -m benchmarks $(ARGS)
