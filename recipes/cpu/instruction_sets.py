"""Measure compiled code of an instruction set against what runs without it, on this CPU.

    python -m recipes.cpu.instruction_sets --set avx2 --json out/avx2.json

Both sides take turns in one process of one thread, with the published sizes and random weights.
torch, oneDNN and MKL are held to the set by their own switches; ONNX Runtime has none. Times are
CPU times, so another program on the same cores disturbs them less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from podtts.flow.estimator import Estimator
from podtts.flow.native_estimator import NativeEstimator
from podtts.llm.quantized import quantize_llm
from podtts.llm.qwen3 import Qwen3, Qwen3Config
from podtts.native import library
from podtts.native.choice import NO_COMPILED_CODE
from podtts.options import Precision, Quantization
from podtts.weights.published_sizes import PUBLISHED_FLOW, PUBLISHED_LLM
from podtts.weights.random import fill_random

Work = Callable[[], object]

CPU = torch.device("cpu")
CONTEXT, FRAMES, LAYERS = 400, 600, 3  # of the LLM's 28 layers
HELD_TO = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    }
}


def hold_libraries(isa: str) -> None:
    """Start this program anew with the switches, which the libraries read when they load."""
    switches = HELD_TO.get(isa.removesuffix("-vnni"), {})
    if any(os.environ.get(name) != value for name, value in switches.items()):
        command = [sys.executable, "-m", "recipes.cpu.instruction_sets", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | switches)


def use_set(name: str) -> None:
    """Compile what is loaded from now on for a set; `none`: load nothing compiled."""
    os.environ["PODTTS_ISA"] = name
    library.forget_libraries()


def decoder_of(config: Qwen3Config, kind: Quantization) -> Qwen3:
    """An LLM with random weights and quantized layers, by the set in use."""
    with torch.device("meta"):
        llm = Qwen3(config)
    fill_random(llm, torch.float32, CPU, torch.Generator().manual_seed(0))
    quantize_llm(llm, kind)
    return llm


def reading(llm: Qwen3, rows: int, tokens: int) -> Work:
    """A call that reads tokens behind a context, in every row."""
    caches = llm.new_caches(rows)
    caches.reserve(CONTEXT + tokens)
    for cache in caches.rows:
        llm(torch.arange(CONTEXT)[None], cache)

    def step() -> None:
        if tokens == 1:
            llm.step(torch.arange(rows), caches)
        else:
            llm(torch.arange(tokens)[None], caches.rows[0])
        for cache in caches.rows:
            cache.trim(CONTEXT)

    return step


def llm_works(isa: str) -> dict[str, tuple[Work, Work]]:
    """For each piece of the LLM's work: without the set, and with it."""
    config = replace(PUBLISHED_LLM, layers=LAYERS, vocab_size=8192, speech_token_offset=1000,
                     end_token=900)  # fmt: skip
    works = {}
    kinds: tuple[Quantization, ...] = ("int4", "int8")
    for kind in kinds:
        sides = []
        for name in (NO_COMPILED_CODE, isa):
            use_set(name)
            sides.append(decoder_of(config, kind))
        for words, rows, tokens in (
            ("one row", 1, 1),
            ("eight rows", 8, 1),
            ("64 tokens", 1, 64),
        ):
            without, compiled = (reading(llm, rows, tokens) for llm in sides)
            works[f"{kind}, {words}"] = without, compiled
    return works


def flow_works(isa: str) -> dict[str, tuple[Work, Work]]:
    """For each precision of an evaluation of two rows: without the set, and with it."""
    config = PUBLISHED_FLOW.estimator
    torch.manual_seed(1)
    exact = Estimator(config).eval().requires_grad_(False)
    x, t = torch.randn(2, config.input_channels, FRAMES), torch.rand(2)
    use_set(isa)
    works: dict[str, tuple[Work, Work]] = {}
    precisions: tuple[Precision, ...] = ("float32", "int8")
    for precision in precisions:
        native = NativeEstimator(exact, precision)

        def compiled(native: NativeEstimator = native) -> object:
            return native(x, None, t, 0)

        works[f"an evaluation in {precision}"] = (lambda: exact(x, None, t, 0)), compiled
    return works


def seconds(work: Work) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


@torch.inference_mode()
def main() -> None:
    """Measure, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", dest="isa", default="avx2", help="of PODTTS_ISA")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    hold_libraries(options.isa)
    torch.set_num_threads(1)
    works = llm_works(options.isa) | flow_works(options.isa)
    figures = {}
    for name, sides in works.items():
        for work in sides:
            work()
        pairs = [tuple(map(seconds, sides)) for _ in range(options.repeat)]
        without, compiled = map(median, zip(*pairs, strict=True))
        figures[name] = {"without_s": without, "compiled_s": compiled, "runs_s": pairs}
        ratio = without / compiled
        print(
            f"{name:28} {without * 1e3:9.1f} ms {compiled * 1e3:9.1f} ms {ratio:6.2f}", flush=True
        )
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"set": options.isa, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
