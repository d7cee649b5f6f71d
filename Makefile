# Every target but `lock` works from a fresh clone: `setup` builds .venv with all that is needed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
WEB := services/widgets/web
IMAGE := kustomize/image
PAGE := $(WEB)/dist/index.html
PROVIDER := tests/services/control/provider
PROVIDER_STAMP := $(PROVIDER)/node_modules/.package-lock.json

# Hundreds of processes start in the tests: without bytecode on disk each of them compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test check soak bench lock clean

setup: $(STAMP) $(PAGE)

# uv when it is there (seconds), else plain venv and pip (a minute); the lock's hashes are checked either way.
$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

# The page, with npm alone; index.html is the last file that a build writes.
$(PAGE): $(STAMP) $(wildcard $(WEB)/*.* $(WEB)/.npmrc $(WEB)/css/* $(WEB)/src/*.ts $(WEB)/src/*/*.ts)
	$(BIN)/python $(WEB)/build.py

# The OpenID Connect provider that people sign in with in the tests.
$(PROVIDER_STAMP): $(STAMP) $(PROVIDER)/package-lock.json
	$(BIN)/python $(WEB)/build.py install $(PROVIDER)
	@touch $@

run: setup
	$(BIN)/mesh up

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python $(WEB)/build.py check

test: check $(PROVIDER_STAMP)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

soak: setup
	$(BIN)/pytest -m soak

bench: setup
	$(BIN)/mesh bench all

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --group node -o $(WEB)/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url -c requirements.lock pyproject.toml -o $(IMAGE)/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --group image -o $(IMAGE)/build.lock

clean:
	rm -rf .venv $(WEB)/node_modules $(PROVIDER)/node_modules $(WEB)/dist .mesh .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
