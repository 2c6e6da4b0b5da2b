"""Loads the models of a checkpoint folder: strict, memory-mapped where dtypes agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from podtts.deprecation import warn_renamed
from podtts.device.float32 import exact_float32
from podtts.device.memory import keep_freed_memory, memory_errors_named
from podtts.device.placement import Placement, dtype_name
from podtts.errors import ModelError
from podtts.flow.decode import Flow
from podtts.llm.prefill import prefill
from podtts.llm.qwen3 import Qwen3
from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode
from podtts.options import SamplingOptions
from podtts.storage.keyed_store import KeyedStore
from podtts.vocoder.hift import Vocoder
from podtts.weights.checkpoint import (
    StoredTensor,
    Tensors,
    open_llm,
    open_part,
)
from podtts.weights.files import check_directory, read_json
from podtts.weights.fold import hift_tensors
from podtts.weights.names import flow_name, hift_name, llm_name
from podtts.weights.quantized import quantize_with_store
from podtts.weights.settings import CheckpointSettings
from podtts.weights.sizes import flow_config, hift_config, llm_config

M = TypeVar("M", bound=nn.Module)

_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


@dataclass(frozen=True, eq=False)
class Models:
    """A loaded checkpoint: a model for every stage, all on one device."""

    llm: Qwen3
    template: Template
    flow: Flow
    vocoder: Vocoder
    device: torch.device
    untrained: bool  # random weights: the audio is noise
    flow_noise: float = 1.0  # standard deviation of the flow's noise
    sampling: SamplingOptions = field(default_factory=SamplingOptions)  # the default

    @property
    def llm_dtype(self) -> torch.dtype:
        """Dtype in which the LLM was loaded."""
        return self.llm.embed_tokens.weight.dtype


def load_models(
    directory: Path,
    placement: Placement,
    quantized_store: Callable[[str], KeyedStore] | None = None,
    *,
    torch_layers: bool = False,
    narrow: Callable[[str], KeyedStore] | None = None,
    as_stored: bool | None = None,
) -> Models:
    """Load a checkpoint.

    quantized_store: returns the store of quantized layers for the name of the LLM's dtype.
    torch_layers:    leave the LLM's layers in torch and do not quantize them.
    narrow, as_stored: deprecated names of `quantized_store` and `torch_layers`.
    Raises ModelError naming file and tensor, OutOfMemoryError when memory is too small.
    """
    if narrow is not None:
        warn_renamed("load_models(narrow=...)", "quantized_store")
        quantized_store = narrow
    if as_stored is not None:
        warn_renamed("load_models(as_stored=...)", "torch_layers")
        torch_layers = as_stored
    check_directory(directory)
    keep_freed_memory()
    exact_float32()
    settings = CheckpointSettings.read(directory)
    with memory_errors_named(f"loading {directory}"):
        flow = load_flow(directory, settings).to(placement.device)
        vocoder = load_vocoder(directory, settings).to(placement.device)
        llm = load_llm(directory, flow.config.vocabulary, placement)
        if not torch_layers:
            store = None
            if quantized_store and placement.quantize != "none":
                store = quantized_store(dtype_name(llm.embed_tokens.weight.dtype))
            quantize_with_store(llm, placement.quantize, store)
    template = Template(
        load_encode(directory), llm.config.speech_token_offset, llm.config.end_token
    )
    return Models(
        llm,
        template,
        flow,
        vocoder,
        placement.device,
        settings.untrained,
        settings.flow_noise,
        settings.sampling,
    )


def load_flow(directory: Path, settings: CheckpointSettings | None = None) -> Flow:
    """Load the flow in float32 on the CPU. Raises ModelError."""
    tensors = open_part(directory, "flow")
    file = _file_of(tensors, directory / "flow.pt")
    config = flow_config(tensors, file, settings or CheckpointSettings.read(directory))
    flow = _on_meta(lambda: Flow(config))
    load_tensors(flow, flow_name, tensors, file, torch.float32)
    return flow


def load_vocoder(directory: Path, settings: CheckpointSettings | None = None) -> Vocoder:
    """Load the vocoder in float32 on the CPU, with weight norm folded. Raises ModelError."""
    stored = open_part(directory, "hift")
    file = _file_of(stored, directory / "hift.pt")
    tensors = hift_tensors(stored)
    config = hift_config(tensors, file, settings or CheckpointSettings.read(directory))
    vocoder = _on_meta(lambda: Vocoder(config))
    blocks = len(config.block_kernels)
    load_tensors(vocoder, lambda name: hift_name(name, blocks), tensors, file, torch.float32)
    return vocoder


def load_llm(directory: Path, speech_vocabulary: int, placement: Placement) -> Qwen3:
    """Load the LLM in the placement's dtype; in its fallback dtype if logits are not finite.

    Raises ModelError.
    """
    llm = _load_llm_in(directory, speech_vocabulary, placement.llm_dtype).to(placement.device)
    if placement.fallback_dtype is None or _is_finite(llm):
        return llm
    return _load_llm_in(directory, speech_vocabulary, placement.fallback_dtype).to(placement.device)


def _load_llm_in(directory: Path, speech_vocabulary: int, dtype: torch.dtype) -> Qwen3:
    tensors = open_llm(directory)
    file = _file_of(tensors, directory / "model.safetensors")
    config = llm_config(
        tensors,
        file,
        read_json(directory / "config.json"),
        read_json(directory / "soulxpodcast_config.json"),
        speech_vocabulary,
    )
    llm = _on_meta(lambda: Qwen3(config))
    load_tensors(llm, llm_name, with_legal_head(tensors, file, llm), file, dtype)
    return llm


def with_legal_head(tensors: Tensors, file: Path, llm: Qwen3) -> Tensors:
    """Replace the output head by its rows of legal ids, as `model.head.weight`.

    Raises ModelError when an untied head is missing, or a tied one differs from the embedding.
    """
    replaced, embedding = dict(tensors), tensors[_EMBEDDING]
    head = replaced.pop(_HEAD, None)
    if head is None and not llm.config.tied_head:
        raise ModelError(f"{file}: tensor {_HEAD} is missing (config.json: it is not tied)")
    if head is not None and head.shape != embedding.shape:
        raise ModelError(
            f"{head.file}: tensor {_HEAD} has shape {head.shape}, expected {embedding.shape}"
        )
    tied = head is not None and llm.config.tied_head
    if head is not None and tied and not torch.equal(head.read(), embedding.read()):
        raise ModelError(
            f"{head.file}: tensor {_HEAD} differs from {_EMBEDDING}, "
            "but config.json says tie_word_embeddings"
        )
    full = head or embedding
    shape = (llm.config.speech_vocabulary + 1, llm.config.hidden_size)
    replaced["model.head.weight"] = StoredTensor(
        full.file, shape, lambda: full.read()[llm.legal_rows()]
    )
    return replaced


def load_tensors(
    module: nn.Module,
    published_name: Callable[[str], str],
    tensors: Tensors,
    file: Path,
    dtype: torch.dtype,
) -> None:
    """Assign tensors, converted to dtype, to all parameters of a module on the meta device.

    published_name: name of a parameter to the name of its tensor.
    Raises ModelError naming file and tensor for one that is missing, of a wrong shape or type, or
    of no parameter.
    """
    names = {key: published_name(key) for key in module.state_dict()}
    for key, parameter in module.state_dict().items():
        name = names[key]
        if name not in tensors:
            raise ModelError(f"{file}: tensor {name} is missing")
        if tensors[name].shape != tuple(parameter.shape):
            raise ModelError(
                f"{tensors[name].file}: tensor {name} has shape {tensors[name].shape}, "
                f"expected {tuple(parameter.shape)}"
            )
    if unexpected := sorted(tensors.keys() - set(names.values())):
        raise ModelError(
            f"{tensors[unexpected[0]].file}: unexpected tensor {unexpected[0]}"
            + (f" and {len(unexpected) - 1} more" if unexpected[1:] else "")
        )
    values = {key: _converted(tensors[name], name, dtype) for key, name in names.items()}
    module.load_state_dict(values, strict=True, assign=True)
    module.requires_grad_(False).eval()


def _converted(stored: StoredTensor, name: str, dtype: torch.dtype) -> Tensor:
    tensor = stored.read()
    if not tensor.is_floating_point():
        raise ModelError(f"{stored.file}: tensor {name} holds {dtype_name(tensor.dtype)} numbers")
    return tensor.to(dtype)


def _on_meta(build: Callable[[], M]) -> M:
    with torch.device("meta"):
        return build()


def _file_of(tensors: Tensors, default: Path) -> Path:
    """The file to name when a tensor is missing."""
    return next((tensor.file for tensor in tensors.values()), default)


@torch.inference_mode()
def _is_finite(llm: Qwen3) -> bool:
    """Whether the LLM's logits are finite on a short context of legal ids."""
    ids = llm.legal_rows()[:: max(1, llm.end_index // 32)].tolist()
    return bool(llm.logits(prefill(llm, ids, llm.new_cache())).isfinite().all())
