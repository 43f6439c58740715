# make run: set up and open the app.  make test: set up and run the tests.  make check: everything.
# Tests on real films need FRACTURE_DATA (see CONTRIBUTING.md) and skip without it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.PHONY: run test check lint types bench bench-train bench-pages clean

run: $(VENV)/.app
	$(BIN)/streamlit run app.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

check: lint types
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m scripts.bench

bench-train: $(VENV)/.dev
	$(BIN)/python -m scripts.bench_train

bench-pages: $(VENV)/.dev
	$(BIN)/python -m scripts.bench_pages

$(VENV)/.app: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $(VENV)/.app $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
