"""From a checkpoint folder to models ready to run: strict, memory-mapped where dtypes agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from podtts.device.memory import keep_freed_memory, memory_errors_named
from podtts.device.placement import Placement, dtype_name
from podtts.errors import ModelError
from podtts.flow.decode import Flow
from podtts.llm.generate import prefill
from podtts.llm.qwen3 import Qwen3
from podtts.llm.template import Template
from podtts.llm.tokenizer import load_encode
from podtts.options import SamplingOptions
from podtts.storage.keyed import KeyedStore
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
from podtts.weights.quantized import quantize_kept
from podtts.weights.settings import CheckpointSettings
from podtts.weights.sizes import flow_config, hift_config, llm_config

M = TypeVar("M", bound=nn.Module)

_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


@dataclass(frozen=True, eq=False)
class Models:
    """A loaded checkpoint: one model a stage, all on one device."""

    llm: Qwen3
    template: Template
    flow: Flow
    vocoder: Vocoder
    device: torch.device
    untrained: bool  # random weights: what is spoken is noise
    flow_noise: float = 1.0  # deviation of the noise the flow starts from
    sampling: SamplingOptions = field(default_factory=SamplingOptions)  # its own way to draw

    @property
    def llm_dtype(self) -> torch.dtype:
        return self.llm.embed_tokens.weight.dtype


def load_models(
    directory: Path,
    placement: Placement,
    narrow: Callable[[str], KeyedStore] | None = None,
    *,
    as_stored: bool = False,
) -> Models:
    """Load a checkpoint.

    narrow:    where quantized layers are kept, for an LLM of a given dtype; None: nowhere.
    as_stored: the LLM's layers stay as they are, for `quantize_llm` or to be looked at.
    Raises ModelError naming file and tensor, DeviceError when memory does not suffice.
    """
    check_directory(directory)
    keep_freed_memory()
    settings = CheckpointSettings.read(directory)
    with memory_errors_named(f"loading {directory}"):
        flow = load_flow(directory, settings).to(placement.device)
        vocoder = load_vocoder(directory, settings).to(placement.device)
        llm = load_llm(directory, flow.config.vocabulary, placement)
        quantizes = placement.quantize != "none"
        dtype = dtype_name(llm.embed_tokens.weight.dtype)
        store = narrow(dtype) if narrow and quantizes else None
        if not as_stored:
            quantize_kept(llm, placement.quantize, store)
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
    """Load the flow in float32 on the CPU."""
    tensors = open_part(directory, "flow")
    file = _file(tensors, directory / "flow.pt")
    config = flow_config(tensors, file, settings or CheckpointSettings.read(directory))
    flow = _on_meta(lambda: Flow(config))
    fill(flow, flow_name, tensors, file, torch.float32)
    return flow


def load_vocoder(directory: Path, settings: CheckpointSettings | None = None) -> Vocoder:
    """Load the vocoder in float32 on the CPU, weight norm folded."""
    stored = open_part(directory, "hift")
    file = _file(stored, directory / "hift.pt")
    tensors = hift_tensors(stored)
    config = hift_config(tensors, file, settings or CheckpointSettings.read(directory))
    vocoder = _on_meta(lambda: Vocoder(config))
    blocks = len(config.block_kernels)
    fill(vocoder, lambda name: hift_name(name, blocks), tensors, file, torch.float32)
    return vocoder


def load_llm(directory: Path, speech_vocabulary: int, placement: Placement) -> Qwen3:
    """Load the LLM in the placement's dtype; in its fallback if that dtype is not finite."""
    llm = _read_llm(directory, speech_vocabulary, placement.llm_dtype).to(placement.device)
    if placement.fallback_dtype is None or _is_finite(llm):
        return llm
    return _read_llm(directory, speech_vocabulary, placement.fallback_dtype).to(placement.device)


def _read_llm(directory: Path, speech_vocabulary: int, dtype: torch.dtype) -> Qwen3:
    tensors = open_llm(directory)
    file = _file(tensors, directory / "model.safetensors")
    config = llm_config(
        tensors,
        file,
        read_json(directory / "config.json"),
        read_json(directory / "soulxpodcast_config.json"),
        speech_vocabulary,
    )
    llm = _on_meta(lambda: Qwen3(config))
    fill(llm, llm_name, with_cut_head(tensors, file, llm), file, dtype)
    return llm


def with_cut_head(tensors: Tensors, file: Path, llm: Qwen3) -> Tensors:
    """Replace the output head by the rows that are ever legal, as `model.head.weight`.

    Raises ModelError when an untied head is missing, or a tied one differs from the embedding.
    """
    rest = dict(tensors)
    own = rest.pop(_HEAD, None)
    if own is None and not llm.config.tied_head:
        raise ModelError(f"{file}: tensor {_HEAD} is missing (config.json: it is not tied)")
    whole = own or tensors[_EMBEDDING]
    if own is not None and own.shape != tensors[_EMBEDDING].shape:
        raise ModelError(
            f"{own.file}: tensor {_HEAD} has shape {own.shape}, "
            f"expected {tensors[_EMBEDDING].shape}"
        )
    tied = own is not None and llm.config.tied_head
    if own is not None and tied and not torch.equal(own.read(), tensors[_EMBEDDING].read()):
        raise ModelError(
            f"{own.file}: tensor {_HEAD} differs from {_EMBEDDING}, "
            "but config.json says tie_word_embeddings"
        )
    shape = (llm.config.speech_vocabulary + 1, llm.config.hidden_size)
    rest["model.head.weight"] = StoredTensor(
        whole.file, shape, lambda: whole.read()[llm.legal_rows()]
    )
    return rest


def fill(
    module: nn.Module,
    published: Callable[[str], str],
    tensors: Tensors,
    file: Path,
    dtype: torch.dtype,
) -> None:
    """Give every parameter of a module on the meta device its tensor, converted to dtype.

    published: name of a parameter here to its name in the file.
    Raises ModelError naming file and tensor for one that is missing, misshapen, of a wrong type,
    or left over.
    """
    names = {ours: published(ours) for ours in module.state_dict()}
    for ours, parameter in module.state_dict().items():
        name = names[ours]
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
    values = {ours: _converted(tensors[name], name, dtype) for ours, name in names.items()}
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


def _file(tensors: Tensors, otherwise: Path) -> Path:
    """The file to name when a tensor is missing."""
    return next((tensor.file for tensor in tensors.values()), otherwise)


@torch.inference_mode()
def _is_finite(llm: Qwen3) -> bool:
    """Whether the LLM's logits are finite on a short context of legal ids."""
    ids = llm.legal_rows()[:: max(1, llm.end_index // 32)].tolist()
    return bool(llm.logits(prefill(llm, ids, llm.new_cache())).isfinite().all())
