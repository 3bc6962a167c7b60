# Everything that a developer, CI and a first visitor do. The logic is in scripts/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# A missing server then fails the tests that need it, instead of skipping them.
REQUIRED_SERVERS := rabbitmq,postgres,mqtt,promtool
# Test processes at a time; each has servers of its own, and takes whole files.
WORKERS ?= auto
PARALLEL = -n $(WORKERS) --maxprocesses 4 --dist loadfile
BASELINE := proto/baseline/weir-telemetry-v1.binpb

.PHONY: help setup fmt check test test-all e2e chaos proto docs up down bench soak lock baseline ci

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything, and install RabbitMQ
	@scripts/setup dev rabbitmq

up: ## Start the whole system here, with three simulated devices
	@scripts/setup rabbitmq run
	@$(BIN)/iotctl up --simulate 3

down: ## Stop the system that `make up` started
	@scripts/setup run
	@$(BIN)/iotctl down

fmt: ## Format the code, and mend what can be mended
	@scripts/setup dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

check: ## Check style, types, layers, contracts and generated files
	@scripts/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck scripts/lock scripts/setup .ci/run deploy/make-secrets deploy/postgres/standby
	$(BIN)/buf lint
	$(BIN)/buf breaking --against $(BASELINE)
	$(BIN)/python -m scripts.generate --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

test: ## Run the tests, but not the slow ones
	@scripts/setup test-servers dev
	WEIR_TEST_REQUIRE=$(REQUIRED_SERVERS) $(BIN)/pytest -m "not slow" $(PARALLEL) $(ARGS)

test-all: ## Run all tests
	@scripts/setup test-servers dev
	WEIR_TEST_REQUIRE=$(REQUIRED_SERVERS) $(BIN)/pytest $(PARALLEL) $(ARGS)

e2e: ## Run the tests that start whole processes
	@scripts/setup test-servers dev
	WEIR_TEST_REQUIRE=$(REQUIRED_SERVERS) $(BIN)/pytest tests/e2e $(ARGS)

bench: ## Measure the paths that must be fast
	@scripts/setup test-servers dev
	$(BIN)/python -m benchmarks $(ARGS)

soak: ## Write at half speed for ten minutes: memory and lag must stay flat
	@scripts/setup test-servers dev
	$(BIN)/python -m benchmarks.soak $(ARGS)

chaos: ## Kill, cut and poison everything at random, ten seeds, and account for every reading
	@scripts/setup test-servers dev
	$(BIN)/python -m tests.chaos --seed 1 --seeds 10 $(ARGS)

proto: ## Generate the protobuf code
	@scripts/setup dev
	@$(BIN)/python -m scripts.generate proto

docs: ## Generate the reference pages, .env.example and dashboards
	@scripts/setup dev
	@$(BIN)/python -m scripts.generate docs dashboards

lock: ## Pin the dependencies again (make lock ARGS=--upgrade: the newest)
	@scripts/lock $(ARGS)

baseline: ## Release the telemetry contract: what it has now must stay compatible from here on
	@scripts/setup dev
	$(BIN)/buf breaking --against $(BASELINE)
	$(BIN)/buf build --output $(BASELINE)

ci: check test ## What .ci/run calls
