"""A benchmark as a whole: the sides are built, measured in turns, and reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from podtts.bench.cast import Cast
from podtts.bench.chain import PodttsChain
from podtts.bench.floor import measure_floor
from podtts.bench.measure import measure
from podtts.bench.report import Against, BenchReport, Loading, Setting
from podtts.bench.workload import WORKLOADS, Workload
from podtts.device.memory import memory_errors_named
from podtts.device.placement import device_label, dtype_name
from podtts.llm.prefix import PrefixStore
from podtts.llm.quantized import quantize_llm
from podtts.options import Quantization, SynthesisOptions
from podtts.weights.load import Models


@dataclass(frozen=True)
class BenchPlan:
    """What is to be measured."""

    model: str  # what the report calls it
    random_weights: bool  # turns then get the length that their text prescribes
    workloads: tuple[Workload, ...] = WORKLOADS
    repeats: int = 3
    against_published: bool = False
    preset: str = "faithful"  # what the report calls the options
    quantize: Quantization = "none"
    options: SynthesisOptions = field(default_factory=SynthesisOptions)


def run_bench(
    plan: BenchPlan,
    models: Models,
    cast: Cast,
    prefixes: PrefixStore,
    loading: Loading,
    tell: Callable[[str], None],
) -> BenchReport:
    """Measure podtts, and the published recipe beside it if the plan says so.

    prefixes: where podtts keeps the LLM's state after the prompts, as `synth` does.
    tell:     is told of every run before it begins.
    Raises ModelError when the published recipe cannot run the checkpoint, DeviceError when memory
    does not suffice.
    """
    if not plan.against_published:
        quantize_llm(models.llm, plan.quantize)
        ours = PodttsChain(models, cast, plan.options, plan.random_weights, prefixes)
        (rows,) = measure([ours], plan.workloads, plan.repeats, tell)
        floor = measure_floor(models.llm)
        return BenchReport(_setting(plan, models), loading, tuple(rows), floor=floor)

    import transformers

    from podtts.bench.published_recipe import LLM_DTYPE, PublishedRecipe

    with memory_errors_named("running the published recipe"):
        # It keeps the weights as they are before ours get fewer bits.
        theirs = PublishedRecipe(models, cast, plan.options, plan.random_weights)
        quantize_llm(models.llm, plan.quantize)
        ours = PodttsChain(models, cast, plan.options, plan.random_weights, prefixes)
        rows, their_rows = measure([ours, theirs], plan.workloads, plan.repeats, tell)
    against = Against(
        recipe=theirs.name,
        llm_dtype=dtype_name(LLM_DTYPE),
        flow_steps=theirs.options.flow.steps,
        own_weights=models.llm_dtype != LLM_DTYPE,
        transformers=transformers.__version__,
        rows=tuple(their_rows),
    )
    return BenchReport(
        _setting(plan, models), loading, tuple(rows), against, measure_floor(models.llm)
    )


def _setting(plan: BenchPlan, models: Models) -> Setting:
    return Setting(
        model=plan.model,
        random_weights=plan.random_weights,
        untrained=models.untrained,
        device=device_label(models.device),
        llm_dtype=dtype_name(models.llm_dtype),
        preset=plan.preset,
        quantize=plan.quantize,
        flow_steps=plan.options.flow.steps,
        flow_solver=plan.options.flow.solver,
        flow_precision=plan.options.flow.precision,
        flow_guided_start=plan.options.flow.guided_start,
        threads=torch.get_num_threads(),
        seed=plan.options.seed,
        repeats=plan.repeats,
        torch=torch.__version__,
    )
