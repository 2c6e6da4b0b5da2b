"""The two published prompt encoders, ONNX models on the CPU.

Source: FunAudioLLM/CosyVoice cosyvoice/cli/frontend.py; S3 tokenizer v2 (CosyVoice 2 paper) and
CAM++ (Wang et al., 2023).
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from podtts.device.onnx_run import cancellable_load, cancellable_run
from podtts.errors import ModelError
from podtts.rates import SPEAKER_EMBEDDING_SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from torch import Tensor

_HINT = "pull the model again: podtts model pull NAME"


class PromptEncoders:
    """Speech tokenizer and speaker encoder of a model; each is loaded on first use.

    Several threads may use it at once. Every method raises ModelError, naming the file, when a file
    is missing, damaged, or not the expected encoder; and Cancelled.
    """

    def __init__(self, speech_tokenizer: Path, speaker_encoder: Path) -> None:
        self._speech_tokenizer = _OnnxFile(speech_tokenizer, inputs=2)
        self._speaker_encoder = _OnnxFile(speaker_encoder, inputs=1)
        self._digest: str | None = None
        self._digesting = threading.Lock()

    @property
    def digest(self) -> str:
        """Return the digest of this pair of encoders in a cache key, hexadecimal.

        It is the SHA-256 over the SHA-256 of both files (32 bytes each), speech tokenizer first,
        and is computed once per process.
        """
        with self._digesting:
            if self._digest is None:
                both = self._speech_tokenizer.sha256() + self._speaker_encoder.sha256()
                self._digest = hashlib.sha256(both).hexdigest()
            return self._digest

    def speech_tokens(self, log_mel: Tensor) -> Tensor:
        """Return int32 [T], 25 per second and not negative, of mel.log_mel_16k [128, frames]."""
        import torch

        frames = np.array([log_mel.shape[1]], dtype=np.int32)
        ids = self._speech_tokenizer.run(log_mel[None].numpy(), frames)
        if not np.issubdtype(ids.dtype, np.integer) or ids.size == 0 or ids.min() < 0:
            raise self._speech_tokenizer.error("its output is not speech tokens")
        return torch.from_numpy(ids.reshape(-1).astype(np.int32))

    def speaker_embedding(self, fbank: Tensor) -> Tensor:
        """Return float32 [192] of mel.fbank_16k [frames, 80]."""
        import torch

        embedding = self._speaker_encoder.run(fbank[None].numpy())
        if embedding.size != SPEAKER_EMBEDDING_SIZE or not np.isfinite(embedding).all():
            raise self._speaker_encoder.error("its output is not 192 finite numbers")
        return torch.from_numpy(embedding.reshape(-1).astype(np.float32))


class _OnnxFile:
    """An ONNX file of which the first output is used; inputs are passed by position."""

    def __init__(self, path: Path, inputs: int) -> None:
        self._path = path
        self._inputs = inputs
        self._session: InferenceSession | None = None
        self._loading = threading.Lock()

    def sha256(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise self.error(f"cannot be read: {error.strerror}") from error

    def run(self, *arrays: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the first output for inputs in the order of the file."""
        from onnxruntime.capi import onnxruntime_pybind11_state as failures

        session = self._loaded()
        names = [node.name for node in session.get_inputs()]
        inputs = dict(zip(names, arrays, strict=True))
        try:
            with cancellable_run() as options:
                output: NDArray[np.generic] = session.run(None, inputs, options)[0]
        except (failures.InvalidArgument, failures.RuntimeException, failures.Fail) as error:
            raise self.error(f"cannot be run: {_first_line(error)}") from error
        return output

    def error(self, problem: str) -> ModelError:
        return ModelError(f"{self._path}: {problem}", _HINT)

    def _loaded(self) -> InferenceSession:
        with self._loading:
            if self._session is None:
                self._session = self._load()
            return self._session

    def _load(self) -> InferenceSession:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures

        if not self._path.is_file():
            raise self.error("there is no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # as published; files are prepared in parallel instead
        options.log_severity_level = 4  # errors are raised, so the log would repeat them
        try:
            with cancellable_load(options):
                session = onnxruntime.InferenceSession(
                    str(self._path), options, providers=["CPUExecutionProvider"]
                )
        except (
            failures.Fail,
            failures.InvalidArgument,
            failures.InvalidGraph,
            failures.InvalidProtobuf,
            failures.NoSuchFile,
            failures.NotImplemented,
            failures.RuntimeException,
        ) as error:
            raise self.error(f"cannot be loaded: {_first_line(error)}") from error
        if len(session.get_inputs()) != self._inputs:
            raise self.error(f"has {len(session.get_inputs())} inputs, not {self._inputs}")
        return session


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
