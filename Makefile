# Every target makes the virtual environment first if need be: any of them works as the first command.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

BENCH ?=
CHAOS ?=

.PHONY: all chaos demo docs test test-all lint types bench bench-throttle clean

all: lint types test docs

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Penstock needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY)
	$(BIN)/penstock demo

test: $(READY)
	$(BIN)/python -m pytest -q

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# The site of docs/ in site/: every link and anchor must lead somewhere.
docs: $(READY)
	$(BIN)/mkdocs build --strict

# A web of 2,000 hosts, three in ten of which misbehave, and a program that is killed three times: about eight minutes.
chaos: $(READY)
	$(BIN)/python -m tests.chaos $(CHAOS)

# The tests once more on every interpreter that is there; each says which one it is.
test-all: $(READY)
	$(BIN)/python tests/interpreters.py 3.11 3.12 3.13

# The peers it is compared with live in an environment of their own. BENCH="--scenario 50 --rounds 1" narrows it.
bench: .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks $(BENCH)

# What the throttle alone costs; needs no server.
bench-throttle: .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks --scenario throttle $(BENCH)

.venv-bench/.ready: pyproject.toml benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-bench/bin/python -m pip install --quiet --editable . -r benchmarks/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-* site .mypy_cache .pytest_cache .ruff_cache .hypothesis
