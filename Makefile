# Three commands for everybody: `make demo`, `make install` and `make test`. The others are for those who work on the trunk.

PYTHON_IN_VENV := .venv/bin/python
STACK ?= embedded
TESTS ?= tests
COUNT ?= 100000
SEED ?= 1
DELIVERIES ?= 2000
FAULTS ?= 1
VECTORS ?= ../shared/vectors
ARGS ?=

.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime ## send a signed document from one agency to two others (STACK=production: RabbitMQ + PostgreSQL)
	@[ "$(STACK)" != production ] || $(PYTHON_IN_VENV) -m scripts.private_servers install
	@$(PYTHON_IN_VENV) -m scripts.demo --stack $(STACK)

install: .venv/.runtime ## install the trunk and its libraries into .venv, and nothing else

test: .venv/.dev ## run every test, with a private RabbitMQ node and a private PostgreSQL (TESTS=tests/unit for some)
	@$(PYTHON_IN_VENV) -m scripts.private_servers install --for-tests
	@$(PYTHON_IN_VENV) -m pytest --require-servers --numprocesses 3 --dist loadgroup $(TESTS) $(ARGS)

check: .venv/.dev ## what CI checks before it tests: format, lint, types, import contracts, sizes, generated documents
	@.venv/bin/ruff format --check --quiet . || (echo "run: make format"; exit 1)
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary
	@mkdir -p build
	@.venv/bin/lint-imports --no-logo > build/import-contracts.txt || (cat build/import-contracts.txt; exit 1)
	@$(PYTHON_IN_VENV) -m scripts.measure_house
	@$(PYTHON_IN_VENV) -m scripts.write_docs --check
	@echo "check: all well"

format: .venv/.dev ## put the code into the house's format
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --quiet --fix .

docs: .venv/.dev ## write the documents that are drawn from the code (states, codes, command line)
	@$(PYTHON_IN_VENV) -m scripts.write_docs

vectors: .venv/.dev ## make the test vectors anew
	@$(PYTHON_IN_VENV) -m scripts.make_vectors

vectors-check: .venv/.dev ## drive public vectors through the code and compare with their authors' verdicts (VECTORS=folder)
	@$(PYTHON_IN_VENV) -m scripts.vectors_check $(VECTORS) $(ARGS)

faults: .venv/.dev ## kill, fill, freeze and forge at every step on both stacks, and plant the known mistakes (minutes)
	@$(PYTHON_IN_VENV) -m scripts.private_servers install --for-tests
	@$(PYTHON_IN_VENV) -m pytest --require-servers --faults full --numprocesses 3 --dist loadgroup tests/faults $(ARGS)

soak: STACK = production
soak: .venv/.dev ## mail and faults at random for as long as wanted, judged from outside (DELIVERIES=2000 FAULTS=1 SEED=1 STACK=production)
	@$(PYTHON_IN_VENV) -m scripts.private_servers install --for-tests
	@mkdir -p build
	@$(PYTHON_IN_VENV) -m scripts.soak --stack $(STACK) --deliveries $(DELIVERIES) --faults $(FAULTS) --seed $(SEED) --json build/soak.json $(ARGS)
	@$(PYTHON_IN_VENV) -m scripts.soak.report build/soak.json build/soak.md
	@echo "build/soak.md, build/soak.json"

fuzz: .venv/.dev ## mutate signed messages and see that none passes for what it is not (COUNT=100000 SEED=1)
	@$(PYTHON_IN_VENV) -m scripts.fuzz --count $(COUNT) --seed $(SEED)

bench: .venv/.dev ## measure acceptance, delivery, scale, memory and processor time, beside the floor (BENCH_JSON=file ARGS="--only scale")
	@$(PYTHON_IN_VENV) -m scripts.private_servers install
	@$(PYTHON_IN_VENV) -m scripts.bench $(ARGS)
	@$(PYTHON_IN_VENV) -m scripts.bench.hanging

clean: ## remove what was built, installed and cached here
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.runtime: setup.cfg pyproject.toml constraints.txt
	@sh scripts/make_venv.sh runtime
	@mkdir -p build && touch $@

.venv/.dev: setup.cfg pyproject.toml constraints.txt
	@sh scripts/make_venv.sh dev
	@mkdir -p build && touch $@ .venv/.runtime

.PHONY: help demo install test check format docs vectors vectors-check faults soak fuzz bench clean
