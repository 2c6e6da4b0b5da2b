"""`podtts doctor`: shows what this machine has, and what podtts misses."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import podtts
from podtts.cli.flags import CacheDirOption, named_path
from podtts.cli.locations import cache_root, model_directory, models_dir
from podtts.cli.serve_flags import read_tokens
from podtts.errors import PodttsError
from podtts.hub.store import list_models

_PACKAGES = (
    "torch",
    "torchaudio",
    "transformers",
    "onnxruntime",
    "safetensors",
    "soundfile",
    "soxr",
    "pyloudnorm",
    "pysubs2",
    "huggingface_hub",
    "typer",
    "rich",
)


def doctor(
    cache_dir: CacheDirOption = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Ask a running podtts serve how it is, and let it speak, instead.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            parser=named_path,
            help="The tokens of that server; the first is sent.",
        ),
    ] = None,
) -> None:
    """Show devices, number types, versions and folders, and what is missing."""
    if server is not None:
        from podtts.cli.doctor_server import server_facts

        for label, value in server_facts(server, next(iter(read_tokens(token_file)), "")):
            print(f"{label:<14} {value}", flush=True)
        return
    missing: list[str] = []
    for label, value in _facts(cache_root(cache_dir), missing):
        print(f"{label:<14} {value}")
    for problem in missing:
        print(f"{'missing':<14} {problem}")
    if not missing:
        print("nothing is missing")


def _facts(root: Path, missing: list[str]) -> Iterator[tuple[str, str]]:
    yield "podtts", podtts.__version__
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    yield "packages", ", ".join(_versions(missing))
    yield from _devices()
    yield "cache", f"{root} ({_state(root, missing)})"
    yield "models", f"{models_dir()} ({_state(models_dir(), missing)})"
    for row in list_models(models_dir()):
        yield "model", f"{row.name}: {row.state}" + (f", {row.path}" if row.path else "")
    model = os.environ.get("PODTTS_MODEL")
    yield "PODTTS_MODEL", model or "not set"
    missing.extend(_problems(model))


def _versions(missing: list[str]) -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    for package in _PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            missing.append(f"the package {package}: {sys.executable} -m pip install {package}")


def _devices() -> Iterator[tuple[str, str]]:
    import torch

    from podtts.device.cuda_graph import why_not_recorded
    from podtts.device.placement import (
        available_devices,
        cpu_has_native_bfloat16,
        device_label,
        has_graphs,
        place,
    )
    from podtts.device.triton_kernels import kernels_name, why_no_kernels
    from podtts.native.build import UNITS
    from podtts.native.library import load_problem

    for name in available_devices():
        placement = place(name)
        yield "device", f"{device_label(placement.device)}, LLM {placement.dtype_name} by default"
        if has_graphs(placement.device):
            reason = why_not_recorded(placement.device)
            yield "CUDA graphs", f"no, so decoding is slower: {reason}" if reason else "yes"
            reason = why_no_kernels(placement.device)
            kernels = kernels_name(placement.device)
            yield "decoding", f"by torch, so slower: {reason}" if reason else f"by {kernels}"
    native = "yes" if cpu_has_native_bfloat16() else "no"
    yield "cpu", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, bfloat16: {native}"
    yield "auto", str(place())
    yield "compiled", f"the LLM's layers: {_compiled('layers')}"
    yield "compiled", f"the flow: {_compiled('estimator')}"
    yield "compiled", f"the vocoder: {_compiled('vocoder')}"
    for unit in UNITS:
        if problem := load_problem(unit):
            yield "compiled", problem


def _compiled(unit: str) -> str:
    """The instruction set of a unit and what it was chosen from, or why there is none."""
    from podtts.native.choice import Unavailable, cpu_sets, forced_set, set_names
    from podtts.native.library import compiled_for, instructions_of

    isa = instructions_of(unit)
    if isinstance(isa, Unavailable):
        return f"no, so slower on the CPU: {isa.reason}"
    if forced_set():
        return f"{isa.name}, because of PODTTS_ISA"
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    chosen = f"{isa.name}, of {set_names(sets)} on this CPU"
    best = compiled_for(unit, sets[0])
    return f"{chosen}; not the first: {best.reason}" if isinstance(best, Unavailable) else chosen


def _problems(model: str | None) -> Iterator[str]:
    """What does not work: torchaudio with this torch, or the model of PODTTS_MODEL."""
    from podtts.audio.lazy_torchaudio import functional
    from podtts.weights.files import check_directory

    try:
        functional()
    except PodttsError as error:
        yield f"{error.problem}; {error.hint}"
    try:
        if model:
            check_directory(model_directory(model))
    except PodttsError as error:
        yield f"{error.problem}; {error.hint}"


def _state(folder: Path, missing: list[str]) -> str:
    """Whether a folder can be written; it is not created for that."""
    parents = folder.absolute().parents
    existing = next(path for path in (folder, *parents) if path.exists())
    if not existing.is_dir():
        missing.append(f"the folder {folder}: {existing} is a file")
        return "cannot be created"
    if not os.access(existing, os.W_OK):
        missing.append(f"permission to write {folder}")
        return "cannot be written"
    return "exists" if folder.is_dir() else "will be created when needed"
