"""`podtts bench`: loads the model, measures the systems on the workloads, and returns a report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from podtts.bench.decode_step import measure_decode_step
from podtts.bench.measure import WorkloadResult, measure
from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.podtts_system import PodttsSystem
from podtts.bench.report import Against, BenchReport, Setting
from podtts.bench.speakers import Speakers
from podtts.bench.workload import Workload
from podtts.device.memory import memory_errors_named
from podtts.device.placement import Placement, device_label, dtype_name
from podtts.flow.prompt_states import PromptStates
from podtts.llm.prefix import PrefixStore
from podtts.llm.quantized import quantize_llm
from podtts.options import DEFAULT_FLOW_CACHE, Quantization, SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.load import Models


@dataclass(frozen=True)
class BenchPlan:
    """What is measured."""

    model: ModelUnderTest
    placement: Placement  # with the LLM's weights as they are stored
    quantize: Quantization  # of podtts' LLM
    options: SynthesisOptions
    preset: str  # what the report calls quantization and options
    workloads: Sequence[Workload]
    repeats: int
    against_published: bool
    flow_cache: int = DEFAULT_FLOW_CACHE  # MB for the flow's states behind prompts


def run_bench(
    plan: BenchPlan, warn: Callable[[str], None], progress: Callable[[str], None]
) -> BenchReport:
    """Measure podtts, and also the published recipe if the plan says so.

    progress: gets a line before every run. Raises ModelError if the published recipe cannot run the
    checkpoint, DeviceError if memory is too small.
    """
    progress(f"loading {plan.model.name}")
    models, loading = plan.model.load(plan.placement)
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        speakers = plan.model.speakers(models, PromptCache(Path(folder), warn))
        prefixes = PrefixStore(Path(folder), {}, warn)
        if plan.against_published:
            results, against = _measure_both(plan, models, speakers, prefixes, progress)
        else:
            podtts = _podtts(plan, models, speakers, prefixes)
            [results] = measure([podtts], plan.workloads, plan.repeats, progress)
            against = None
        step = measure_decode_step(models.llm)
    return BenchReport(_setting(plan, models), loading, tuple(results), against, step)


def _measure_both(
    plan: BenchPlan,
    models: Models,
    speakers: Speakers,
    prefixes: PrefixStore,
    progress: Callable[[str], None],
) -> tuple[list[WorkloadResult], Against]:
    import transformers

    from podtts.bench.published_recipe import LLM_DTYPE, PublishedRecipe

    with memory_errors_named("running the published recipe"):
        # It takes the weights as they are stored; only then are those of podtts quantized.
        published = PublishedRecipe(models, speakers, plan.options, plan.model.is_random)
        podtts = _podtts(plan, models, speakers, prefixes)
        ours, theirs = measure([podtts, published], plan.workloads, plan.repeats, progress)
    return ours, Against(
        recipe=published.name,
        llm_dtype=dtype_name(LLM_DTYPE),
        flow_steps=published.options.flow.steps,
        own_weights=models.llm_dtype != LLM_DTYPE,
        transformers=transformers.__version__,
        results=tuple(theirs),
    )


def _podtts(
    plan: BenchPlan, models: Models, speakers: Speakers, prefixes: PrefixStore
) -> PodttsSystem:
    quantize_llm(models.llm, plan.quantize)
    states = PromptStates(plan.flow_cache)
    return PodttsSystem(models, speakers, plan.options, plan.model.is_random, prefixes, states)


def _setting(plan: BenchPlan, models: Models) -> Setting:
    return Setting(
        model=plan.model.name,
        random_weights=plan.model.is_random,
        untrained=models.untrained,
        device=device_label(models.device),
        llm_dtype=dtype_name(models.llm_dtype),
        preset=plan.preset,
        quantize=plan.quantize,
        flow_steps=plan.options.flow.steps,
        flow_solver=plan.options.flow.solver,
        flow_precision=plan.options.flow.precision,
        flow_guided_start=plan.options.flow.guided_start,
        flow_mode=plan.options.flow.mode,
        threads=torch.get_num_threads(),
        seed=plan.options.seed,
        repeats=plan.repeats,
        torch=torch.__version__,
    )
