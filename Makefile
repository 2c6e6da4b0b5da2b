# Everything runs in .venv, which is made when needed; constraints.txt pins what it holds.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test check format bench gpu clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --editable '.[dev]'
	@touch $@

demo: .venv/installed  ## set up and speak an episode to out/demo.wav with the bundled model
	@mkdir -p out
	$(BIN)/podtts synth examples/english.txt --output out/demo.wav

check: .venv/installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/browser: .venv/installed-dev  # Chromium for the page's tests, which say so where it is not
	@command -v chromium >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get install --yes chromium; } </dev/null >/dev/null 2>&1 || true
	@touch $@

# Two processes, a file each at a time: most tests start programs of their own and wait for them.
test: check .venv/browser  ## set up and run all checks and tests; needs no network, GPU or large weights
	$(BIN)/pytest --numprocesses 2 --dist loadfile

format: .venv/installed-dev  ## rewrite the source in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## measure this machine at the published size, with random weights
	$(BIN)/podtts bench --random-weights soulx-podcast-1.7b

gpu: .venv/installed-dev  ## on a machine with CUDA or MPS: compare with the CPU, then measure
	@mkdir -p out
	$(BIN)/pytest -m gpu
	$(BIN)/podtts bench --random-weights soulx-podcast-1.7b --against published
	$(BIN)/podtts bench --random-weights soulx-podcast-1.7b --sweep --picture out/sweep.svg

clean:  ## remove what make made
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache .hypothesis
