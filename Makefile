# Every target does everything from a bare checkout: Python 3.11 (PYTHON=… to name one) and make are enough.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo
PROGRAM ?= program
LONG ?= long or threat
# Half of the tests wait for servers and disks, so two workers keep two cores busy.
WORKERS ?= 2

.PHONY: help demo test test-long lint prove serve bench audit sbom licences lock clean

help:
	@echo "make demo       a whole program year on sample input, into $(OUT)/"
	@echo "make test       the tests"
	@echo "make test-long  the long tests, and a table of the threats that were tried"
	@echo "make lint       style, types, import contracts, SQL"
	@echo "make prove      kill, break and cheat the delivery of mail everywhere, and print what it came to"
	@echo "make serve      Prefect's server and UI with every flow, on the sample program in $(PROGRAM)/"
	@echo "make bench      the benchmarks"
	@echo "make audit      known vulnerabilities of every locked package (asks a public list)"
	@echo "make sbom       the list of parts of the runtime, as CycloneDX, into sbom.json"
	@echo "make lock       resolve the dependencies anew (needs uv)"

# What the program needs to run.
$(VENV)/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m deployments.private_server
	touch $@

# What the tests need besides.
$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/.runtime
	rm -rf $(OUT)
	$(BIN)/mentoring demo --out $(OUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long"

# In the order of the files: by itself the plugin leaves those with the fewest tests to the end, whole years.
test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "$(LONG)"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

prove: $(VENV)/.dev
	$(BIN)/python -m tests.proof

serve: $(VENV)/.runtime
	test -e $(PROGRAM)/program.yaml || $(BIN)/mentoring init $(PROGRAM) --sample
	$(BIN)/mentoring serve --program $(PROGRAM)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks delivery

audit: $(VENV)/.dev
	$(BIN)/python -m deployments.supply_chain audit

sbom: $(VENV)/.dev
	$(BIN)/python -m deployments.supply_chain sbom sbom.json

licences: $(VENV)/.dev
	$(BIN)/python -m deployments.supply_chain licences

lock:
	uv pip compile pyproject.toml --extra build --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra dask --extra dev --universal --generate-hashes --no-emit-index-url --no-header --quiet \
		-c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) demo program build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
