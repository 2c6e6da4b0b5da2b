"""Check and measure the decode step by podtts' own kernels on a CUDA device.

    python -m recipes.gpu.decode_step --json out/decode.json

Sections: `small`, `draws`, `accuracy`, `steps`, `kernels`. A section that fails prints its
traceback, and the others go on. A short table comes last.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, replace
from functools import partial, partialmethod
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from podtts.bench.decode_step import copy_bandwidth
from podtts.device.cuda_graph import NotRecorded, Recorder
from podtts.device.triton_kernels import why_no_kernels
from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import graph_decode_step
from podtts.llm.decoder import Decoder
from podtts.llm.kernel_step import KernelStep, Plan
from podtts.llm.kernels.attention import PartialSums, attend
from podtts.llm.kernels.drawing import draw_and_embed
from podtts.llm.kernels.projection import Tiling, project
from podtts.llm.kv_cache import CacheRows
from podtts.llm.qwen3 import Qwen3, Qwen3Config
from podtts.llm.sampling import RowOptions, next_tokens
from podtts.options import SamplingOptions
from podtts.weights.published_sizes import PUBLISHED_LLM
from podtts.weights.random import fill_random

SECTIONS = ("small", "draws", "accuracy", "steps", "kernels")
DEVICE = torch.device("cuda")
CONTEXT = 256
REPLAYS = 40
ONE = (
    Tiling(4, 2048, 4), Tiling(2, 2048, 4), Tiling(8, 2048, 8), Tiling(4, 2048, 8),
    Tiling(4, 1024, 4), Tiling(2, 1024, 2),
)  # fmt: skip
PRODUCTS = ("qkv", "out", "gate_up", "down")


def model_of(config: Qwen3Config, dtype: torch.dtype, device: torch.device = DEVICE) -> Qwen3:
    """A model with random weights."""
    with torch.device("meta"):
        llm = Qwen3(config)
    fill_random(llm, dtype, device, torch.Generator().manual_seed(0))
    llm.head.weight.copy_(llm.embed_tokens.weight[llm.legal_rows().to(device)])
    return llm


def relative_rms(value: Tensor, reference: Tensor) -> float:
    """Root mean square of the difference, divided by that of the reference."""
    reference = reference.double()
    difference = (value.double() - reference).square().mean().sqrt()
    return float(difference / reference.square().mean().sqrt())


def begun(llm: Qwen3, rows: int, context: int = CONTEXT) -> tuple[DecodeState, CacheRows]:
    """Rows of turns behind a context, each with its own ids."""
    caches = llm.new_caches(rows)
    caches.reserve(context + 512)
    decoder = Decoder(llm, caches, graphs=True)
    ids = llm.legal_rows()
    options = SamplingOptions(max_tokens=450, min_tokens=450)
    for row, cache in enumerate(caches.rows):
        chosen = ids[(torch.arange(context) * (row + 1)) % llm.end_index].tolist()
        decoder.start(cache, chosen, options, torch.Generator().manual_seed(row))
    state = decoder._state
    with torch.inference_mode():
        state.positions.copy_(torch.tensor([cache.length for cache in caches.rows]))
    return state, caches


def replayed(work: Callable[[], None]) -> float:
    """Median seconds of a recorded piece of work."""
    replay = Recorder(DEVICE).record(work)
    if isinstance(replay, NotRecorded):
        raise RuntimeError(f"not recorded: {replay.reason}")
    seconds = []
    for _ in range(5):
        replay()
    for _ in range(REPLAYS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        replay()
        end.record()
        end.synchronize()
        seconds.append(start.elapsed_time(end) / 1e3)
    return median(seconds)


@torch.inference_mode()
def steps(llm: Qwen3, rows: int, plan: Plan | None) -> float:
    """Seconds of a recorded step; no plan: of torch's."""
    state, caches = begun(llm, rows)
    legal = llm.legal_rows().to(DEVICE)
    keys, values = caches.keys, caches.values
    if plan is None:
        return replayed(lambda: graph_decode_step(llm, legal, state, keys, values))
    kernels = KernelStep(llm, legal, plan)
    return replayed(lambda: kernels.run(state, keys, values))


@torch.inference_mode()
def accuracy(llm: Qwen3, wide: Qwen3, rows: int, plan: Plan) -> dict[str, float]:
    """Distance of logits and caches to float32 after one step, of torch's step and the kernels'."""
    state, caches = begun(wide, rows, 64)
    legal = llm.legal_rows().to(DEVICE)
    forced = torch.arange(rows, device=DEVICE) * 17 % llm.end_index
    state.forced[:, 0] = forced
    found: dict[str, Tensor] = {}
    written: dict[str, Tensor] = {}
    for name, model in (("float32", wide), ("torch", llm), ("kernels", llm)):
        dtype = model.head.weight.dtype
        mine = DecodeState(
            **{key: tensor.clone() for key, tensor in state._own().items()}, options=state.options
        )
        mine = replace(mine, hidden=mine.hidden.to(dtype))
        keys, values = caches.keys.to(dtype, copy=True), caches.values.to(dtype, copy=True)
        if name == "kernels":
            KernelStep(model, legal, plan).run(mine, keys, values)
        else:
            graph_decode_step(model, legal, mine, keys, values)
        assert torch.equal(mine.positions, state.positions + 1)
        found[name] = wide.logits(mine.hidden.float())
        at = torch.arange(rows, device=DEVICE)
        written[name] = torch.stack(
            [tensor[:, at, :, state.positions].float() for tensor in (keys, values)]
        )
    return {
        f"{what} {name}": relative_rms(values[name], values["float32"])
        for what, values in (("logits", found), ("cache", written))
        for name in ("torch", "kernels")
    }


def small(plan: Plan) -> dict[str, Any]:
    """Whether 64 steps in float32 draw what the CPU draws, for several numbers of rows."""
    config = replace(
        PUBLISHED_LLM, hidden_size=512, intermediate_size=1024, layers=4, vocab_size=8000,
        speech_token_offset=1000, end_token=7999, heads=8, kv_heads=4,
    )  # fmt: skip
    cpu = model_of(config, torch.float32, torch.device("cpu"))
    device = copy.deepcopy(cpu).to(DEVICE)
    results: dict[str, Any] = {}
    for greedy in (True, False):
        for rows in (1, 2, 5, 20):
            drawn = []
            options = SamplingOptions(max_tokens=64, min_tokens=64, greedy=greedy)
            for llm in (cpu, device):
                caches = llm.new_caches(rows)
                decoder = Decoder(llm, caches)
                if decoder._graphs is not None and decoder._graphs._kernels is not None:
                    decoder._graphs._kernels = KernelStep(llm, decoder._legal, plan)
                for row, cache in enumerate(caches.rows):
                    rng = torch.Generator().manual_seed(row)
                    decoder.start(cache, [449, 450, 456] * (row + 1), options, rng)
                finished: dict[Any, Any] = {}
                while decoder.active:
                    finished |= decoder.step()
                drawn.append([finished[cache].ids for cache in caches.rows])
            same = sum(a == b for a, b in zip(*drawn, strict=True))
            results[f"{'greedy' if greedy else 'drawn'} {rows}"] = f"{same}/{rows} turns equal"
    return results


@contextmanager
def stable_sort() -> Iterator[None]:
    """Let equal logits stay in the order of ids, as in the kernel."""
    sort = torch.Tensor.sort
    torch.Tensor.sort = partialmethod(sort, stable=True)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        torch.Tensor.sort = sort  # type: ignore[method-assign]


@torch.inference_mode()
def draws(rounds: int = 40, rows: int = 64, vocabulary: int = 6562) -> dict[str, Any]:
    """How many draws of the kernel differ from torch's, of random logits and options."""
    rng = torch.Generator(DEVICE).manual_seed(1)
    legal = torch.arange(vocabulary, device=DEVICE)
    embedding = torch.randn(vocabulary, 64, device=DEVICE)
    wrong = 0
    for number in range(rounds):
        hidden = torch.zeros(64, device=DEVICE)
        state = DecodeState.empty(rows, hidden, vocabulary, max_tokens=4, window=25)
        options = [
            SamplingOptions(
                temperature=(0.3, 0.6, 1.0, 3.0)[row % 4], top_k=(1, 10, 100, 7000)[row // 4 % 4],
                top_p=(0.1, 0.9, 1.0)[row % 3], greedy=row % 7 == 0, repeat_limit=1 + row % 3,
            )
            for row in range(rows)
        ]  # fmt: skip
        logits = torch.randn(rows, vocabulary, device=DEVICE, generator=rng) * (1 + number % 4)
        if number % 2:
            logits = logits.bfloat16().float()  # ties
        state.uniforms.uniform_(generator=rng)
        state.seen.copy_(torch.rand(state.seen.shape, device=DEVICE, generator=rng) < 0.1)
        likeliest = logits.topk(25).indices
        state.recent.copy_(likeliest)
        state.in_window.fill_(True)
        state.done.fill_(False)
        state = replace(state, options=RowOptions.of(options, DEVICE))
        seen = state.seen.clone()
        with stable_sort():
            expected = next_tokens(logits, seen, likeliest, state.uniforms[:, 0], state.options)
        x = torch.empty(rows, 64, device=DEVICE)
        goes_on = torch.empty(rows, dtype=torch.int64, device=DEVICE)
        draw_and_embed(logits, state, legal, embedding, x, goes_on)
        got = state.tokens[:, 0]
        wrong += int((got != expected).sum())
        assert torch.equal(x, embedding[got])
    return {"draws": rounds * rows, "differ": wrong}


def products(kernels: KernelStep, name: str, x: Tensor, tiling: Tiling, overlap: bool) -> None:
    """One product of every layer."""
    scratch = kernels._scratch_of(len(x))
    for layer in kernels._layers:
        weight: Tensor = getattr(layer, name)
        if name == "qkv":
            norm, out = layer.input_norm, scratch.qkv
            project(x, weight, out, tiling, norm=norm, eps=1e-6, overlap=overlap)
        elif name == "gate_up":
            norm, out = layer.post_norm, scratch.gated
            project(x, weight, out, tiling, norm=norm, eps=1e-6, gated=True, overlap=overlap)
        else:
            inputs = scratch.attended if name == "out" else scratch.gated
            project(inputs, weight, x, tiling, add=True, overlap=overlap)


def plain_products(kernels: KernelStep, name: str, inputs: Tensor) -> None:
    """What torch needs for the products alone."""
    for layer in kernels._layers:
        torch.mm(inputs, getattr(layer, name).T)


def drawing(kernels: KernelStep, state: DecodeState, overlap: bool) -> None:
    """As many draws as layers."""
    scratch = kernels._scratch_of(len(state.done))
    weight = kernels.model.embed_tokens.weight
    for _ in kernels._layers:
        draw_and_embed(
            scratch.logits, state, kernels.legal, weight, scratch.x, scratch.goes_on,
            overlap=overlap,
        )  # fmt: skip


def heads(kernels: KernelStep, hidden: Tensor, tiling: Tiling, overlap: bool) -> None:
    """As many output heads as layers."""
    out = kernels._scratch_of(1).logits
    for _ in kernels._layers:
        project(hidden, kernels.model.head.weight, out, tiling, overlap=overlap)


def each_kernel(llm: Qwen3, overlap: bool, deadline: float) -> list[dict[str, Any]]:
    """Seconds of every kernel of a step at one row, and of the products at 8, by tiling.

    deadline: of `time.perf_counter`; what would begin later is left out.
    """
    legal = llm.legal_rows().to(DEVICE)
    kernels = KernelStep(llm, legal, Plan())
    layers, eps, config = kernels._layers, 1e-6, llm.config
    found: list[dict[str, Any]] = []

    def measure(
        name: str, rows: int, tiling: object, nbytes: int, work: Callable[[], None]
    ) -> None:
        if time.perf_counter() > deadline:
            print(f"  {name} {rows} {tiling}: left out, no time")
            return
        try:
            with torch.inference_mode():
                seconds = replayed(work) / len(layers)
        except Exception as error:
            print(f"  {name} {rows} {tiling}: {type(error).__name__}: {str(error)[:200]}")
            return
        found.append({
            "kernel": name, "rows": rows, "tiling": str(tiling), "us": seconds * 1e6,
            "GB/s": nbytes / seconds / 1e9,
        })  # fmt: skip

    for rows, tilings in ((1, ONE), (8, ())):
        x = torch.randn(rows, config.hidden_size, device=DEVICE)
        for name in PRODUCTS:
            weight: Tensor = getattr(layers[0], name)
            for tiling in tilings:
                work = partial(products, kernels, name, x, tiling, overlap)
                measure(name, rows, astuple(tiling), weight.nbytes, work)
            if rows > 1:
                inputs = torch.randn(rows, weight.shape[1], device=DEVICE, dtype=weight.dtype)
                work = partial(plain_products, kernels, name, inputs)
                measure(name, rows, "torch alone", weight.nbytes, work)

    for rows in (1, 8, 64):
        for positions in (300, 1000, 4000):
            if rows == 64 and positions == 4000:
                continue
            shape = (rows, config.kv_heads, 4096, config.head_size)
            keys = [torch.randn(shape, device=DEVICE, dtype=torch.bfloat16) for _ in range(4)]
            group = config.heads // config.kv_heads
            sums = PartialSums(keys[0], rows, config.kv_heads, group, config.head_size)
            size = config.heads * config.head_size
            qkv = torch.randn(rows, size * (group + 2) // group, device=DEVICE)
            out = torch.empty(rows, size, device=DEVICE, dtype=torch.bfloat16)
            angles = kernels._angles_of(4096)
            at = torch.full((rows,), positions - 1, device=DEVICE)

            def attention(
                keys: list[Tensor] = keys, qkv: Tensor = qkv, out: Tensor = out,
                sums: PartialSums = sums, at: Tensor = at, angles: Tensor = angles,
            ) -> None:  # fmt: skip
                for number, layer in enumerate(layers):
                    attend(
                        qkv, layer.q_norm, layer.k_norm, eps, angles, at, keys[number % 2],
                        keys[2 + number % 2], sums, out, overlap=overlap,
                    )  # fmt: skip

            nbytes = 2 * rows * config.kv_heads * positions * config.head_size * 2
            measure("attention", rows, positions, nbytes, attention)
            del keys

    for rows in (1, 16):
        state, _ = begun(llm, rows, 16)
        work = partial(drawing, kernels, state, overlap)
        measure("drawing", rows, "", rows * len(legal) * 5, work)
    for tiling in ONE[:3]:
        work = partial(heads, kernels, begun(llm, 1, 16)[0].hidden, tiling, overlap)
        measure("head, in L2", 1, astuple(tiling), llm.head.weight.nbytes, work)
    return found


def main() -> int:
    """See the module; the exit code is 1 if a section failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write all results there")
    parser.add_argument("--rows", default="1,2,4,8,16,64", help="of the steps that are timed")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, by commas")
    parser.add_argument("--no-overlap", action="store_true", help="kernels wait for the one before")
    parser.add_argument("--torch-draws", action="store_true", help="draw with torch")
    parser.add_argument("--torch-products", action="store_true", help="multiply with torch")
    for name in ("qkv", "out", "gate-up", "down", "head"):
        parser.add_argument(f"--{name}", help="tiling: outputs,inputs,warps")
    parser.add_argument("--seconds", type=float, default=80.0, help="begin no section after these")
    arguments = parser.parse_args()
    tilings = {
        name: Tiling(*map(int, value.split(",")))
        for name in ("qkv", "out", "gate_up", "down", "head")
        if (value := getattr(arguments, name))
    }
    plan = Plan(
        overlap=not arguments.no_overlap, draws=not arguments.torch_draws,
        products=not arguments.torch_products, **tilings,
    )  # fmt: skip
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    results: dict[str, Any] = {"plan": str(asdict(plan)), "torch": torch.__version__}
    table: list[str] = []
    wanted = arguments.only.split(",")

    def section(name: str, work: Callable[[], Any]) -> Any:
        spent = time.perf_counter() - began
        if name.split()[0] not in wanted or spent > arguments.seconds:
            return None
        try:
            results[name] = work()
            torch.cuda.synchronize()
        except Exception:
            traceback.print_exc()
            results[name] = traceback.format_exc()
            table.append(f"{name}: FAILED")
            return None
        print(
            f"[{time.perf_counter() - began:5.1f} s] {name}: {str(results[name])[:300]}", flush=True
        )
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1))
        return results[name]

    if not torch.cuda.is_available():
        print("no CUDA device on this machine: nothing to measure")
        return 1
    results["kernels run"] = why_no_kernels(DEVICE) or "yes"
    results["device"] = torch.cuda.get_device_name(DEVICE)
    print(results["device"], "kernels:", results["kernels run"])
    bandwidth = copy_bandwidth(DEVICE)
    results["copy GB/s"] = bandwidth / 1e9
    llm = model_of(PUBLISHED_LLM, torch.bfloat16)
    step_bytes = llm.step_weight_bytes()
    table.append(f"copy {bandwidth / 1e9:.0f} GB/s, weights {step_bytes / 1e9:.3f} GB a step")

    for name, value in (section("small", lambda: small(plan)) or {}).items():
        table.append(f"float32, {name}: {value}")
    if found := section("draws", draws):
        table.append(f"draws: {found['differ']} of {found['draws']} differ from torch's")
    if "accuracy" in wanted:
        wide = copy.deepcopy(llm).float()
        for rows in (1, 8, 32):
            found = section(f"accuracy {rows}", lambda rows=rows: accuracy(llm, wide, rows, plan))
            for name, value in (found or {}).items():
                table.append(f"to float32, {rows} rows, {name}: {value:.2e}")
        del wide
        torch.cuda.empty_cache()
    for rows in map(int, arguments.rows.split(",")):
        seconds = section(f"steps kernels {rows}", lambda rows=rows: steps(llm, rows, plan))
        plain = section(f"steps torch {rows}", lambda rows=rows: steps(llm, rows, None))
        cached = 2 * 28 * 8 * 128 * 2 * (CONTEXT + 20) * rows
        for name, value in (("kernels", seconds), ("torch", plain)):
            if value:
                ratio = value * bandwidth / (step_bytes + cached)
                table.append(f"{rows:3} rows, {name:8} {value * 1e3:7.3f} ms  {ratio:5.2f} x bytes")
    if 1 in map(int, arguments.rows.split(",")):
        for name, other in (
            ("no overlap", replace(plan, overlap=False)),
            ("torch draws", replace(plan, draws=False)),
            ("torch's products", replace(plan, products=False)),
        ):
            value = section(f"steps 1 {name}", lambda other=other: steps(llm, 1, other))
            if value:
                table.append(f"  1 rows, {name}: {value * 1e3:.3f} ms")
    for entry in (
        section("kernels", lambda: each_kernel(llm, plan.overlap, began + arguments.seconds)) or []
    ):
        table.append(
            f"{entry['kernel']:14} {entry['rows']:3} {entry['tiling']:>18} "
            f"{entry['us']:8.2f} us {entry['GB/s']:7.0f} GB/s"
        )
    print("\n".join(table))
    if arguments.json:
        results["table"] = table
        arguments.json.write_text(json.dumps(results, indent=1))
    return int(any("FAILED" in line for line in table))


if __name__ == "__main__":
    sys.exit(main())
