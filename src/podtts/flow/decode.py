"""Speech tokens to mel: encodes tokens, solves the flow, removes the prompt's frames."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from podtts.device.cancellation import raise_if_cancelled
from podtts.device.cpu_cores import all_cores
from podtts.device.cuda_graph import Recorder
from podtts.device.placement import batches_rows, emulates_bfloat16, has_graphs
from podtts.errors import InputError, UsageError
from podtts.flow.encoder import Encoder, EncoderConfig
from podtts.flow.estimator import Estimator, EstimatorConfig
from podtts.flow.masks import valid_positions
from podtts.flow.native_estimator import NativeEstimator, supports_estimator
from podtts.flow.recorded_chunks import RecordedChunks
from podtts.flow.recorded_estimator import RecordedEstimator
from podtts.flow.solver import Velocity, cosine_grid, guided, solve
from podtts.nn.embedding import TokenEmbedding
from podtts.nn.variants import WeightVariants
from podtts.options import FlowOptions, Precision
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN
from podtts.values import PromptFeatures

CHUNK_TOKENS = 25  # of the chunk-causal mode: one second
M = TypeVar("M", bound=nn.Module)
Field = Callable[..., Tensor]  # the estimator, with the arguments of `Estimator.forward`


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of the flow."""

    vocabulary: int  # speech tokens
    speaker_embedding_size: int
    encoder: EncoderConfig
    estimator: EstimatorConfig


class Flow(nn.Module):
    """Turns speech tokens into mel spectrograms in the voice of a prompt."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = TokenEmbedding(config.vocabulary, config.encoder.input_size)
        self.speaker_projection = nn.Linear(config.speaker_embedding_size, MEL_BINS)
        self.encoder = Encoder(config.encoder)
        self.mu_projection = nn.Linear(config.encoder.size, MEL_BINS)
        self.estimator = Estimator(config.estimator)
        # Parts in other precisions, computed at their first use.
        self._bfloat16: WeightVariants[str, nn.Module] = WeightVariants()
        self._native: WeightVariants[Precision, NativeEstimator] = WeightVariants()
        self._recorded: WeightVariants[Precision, RecordedEstimator] = WeightVariants()
        self._recorded_chunks: WeightVariants[Precision, RecordedChunks] = WeightVariants()
        # Whether to use compiled code, or recorded evaluations, where they run.
        self.compiled = True

    @property
    def device(self) -> torch.device:
        return self.token_embedding.weight.device

    @property
    def lookahead(self) -> int:
        """How many later tokens the encoder sees."""
        return self.config.encoder.lookahead

    def runs_compiled(self, precision: Precision) -> bool:
        """Whether compiled code computes the velocity of rows without padding, and of chunks."""
        return self.compiled and supports_estimator(self.config.estimator, self.device, precision)

    @torch.inference_mode()
    def decode(
        self,
        tokens: Sequence[Tensor],
        prompts: Sequence[PromptFeatures],
        noise: Sequence[Tensor],
        options: FlowOptions,
    ) -> list[Tensor]:
        """Turn speech tokens into mel spectrograms, row i in the voice of prompts[i].

        tokens:  per row integers [T], 25 per second, values in [0, vocabulary).
        noise:   per row float32 [2*(prompt tokens + T), 80], standard normal (see `noise_frames`).
        returns: per row float32 [2*T, 80], natural-log mel, the prompt's frames removed.
        Raises InputError for tokens outside the vocabulary, UsageError for a mode other than full.
        Other rows do not change a row's result, whatever their lengths.
        """
        mels = self.decode_with_prompt(tokens, prompts, noise, options)
        return [mel[len(prompt.mel) :] for mel, prompt in zip(mels, prompts, strict=True)]

    @torch.inference_mode()
    def decode_with_prompt(
        self,
        tokens: Sequence[Tensor],
        prompts: Sequence[PromptFeatures],
        noise: Sequence[Tensor],
        options: FlowOptions,
    ) -> list[Tensor]:
        """Like `decode`, but keeps the prompt's frames at the start."""
        if batches_rows(self.device):
            return self.decode_padded(tokens, prompts, noise, options)
        return [
            self.decode_padded([row], [prompt], [row_noise], options)[0]
            for row, prompt, row_noise in zip(tokens, prompts, noise, strict=True)
        ]

    @torch.inference_mode()
    def decode_padded(
        self,
        tokens: Sequence[Tensor],
        prompts: Sequence[PromptFeatures],
        noise: Sequence[Tensor],
        options: FlowOptions,
    ) -> list[Tensor]:
        """Like `decode_with_prompt`, with all rows in one padded batch on every device."""
        if options.mode != "full":
            raise UsageError(
                f"whole turns cannot be solved in the flow's mode {options.mode}",
                "use podtts.flow.streaming, or the mode full",
            )
        ids = [
            torch.cat((prompt.speech_tokens.long().cpu(), turn.long().cpu()))
            for prompt, turn in zip(prompts, tokens, strict=True)
        ]
        self.check_range(ids)
        device = self.device
        lengths = torch.tensor([len(row) for row in ids])
        with all_cores(device):
            mu = self.encode(pad_sequence(ids, batch_first=True).to(device), lengths, options)
        frames = lengths * MEL_FRAMES_PER_TOKEN
        recorded = self._recorded_in(options.precision)
        size = mu.shape[1] if recorded is None else recorded.size(len(ids), mu.shape[1])
        mu = F.pad(mu, (0, 0, 0, size - mu.shape[1]))
        valid = valid_positions(frames, size, device)
        field = recorded or self._field(options.precision, valid is not None)
        condition = _padded([prompt.mel for prompt in prompts], size, device)
        embedding = torch.stack([prompt.speaker_embedding for prompt in prompts]).to(device)
        speaker = self.speaker_projection(F.normalize(embedding, dim=1))
        conditions = torch.cat(
            (mu, speaker[:, None].expand(-1, size, -1), condition), dim=2
        ).transpose(1, 2)
        chunk = CHUNK_TOKENS * MEL_FRAMES_PER_TOKEN if options.chunk_causal else 0
        x = solve(
            options.solver,
            self.velocity(field, conditions, valid, chunk, options),
            _padded(noise, size, device).transpose(1, 2),
            cosine_grid(options.steps),
        )
        return [row[:, :count].T for row, count in zip(x, frames.tolist(), strict=True)]

    @torch.inference_mode()
    def encode(self, ids: Tensor, lengths: Tensor, options: FlowOptions) -> Tensor:
        """Expected mel (mu) of ids int64 [B, T]: float32 [B, 2*T, 80].

        lengths: integers [B] on the CPU.
        """
        chunk = CHUNK_TOKENS if options.chunk_causal else 0
        x = self.token_embedding(ids)
        encoder = self.encoder_in(options.precision)
        x = encoder(x.to(encoder.norm.weight.dtype), lengths, chunk).float()
        mu: Tensor = self.mu_projection(x)
        return mu

    def velocity(
        self,
        field: Field,
        conditions: Tensor,
        valid: Tensor | None,
        chunk: int,
        options: FlowOptions,
    ) -> Velocity:
        """The guided velocity field under `conditions` [B, 240, F].

        field: the estimator; valid and chunk are arguments of it.
        """
        # The unconditional pass sees zeros; both passes go through the estimator together.
        both = torch.cat((conditions, torch.zeros_like(conditions)))
        both_valid = None if valid is None else torch.cat((valid, valid))

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            raise_if_cancelled()
            # Filled in, not copied: a copy from the host would wait for the device.
            now = float(t)
            time = torch.full((2 * len(x),), now, dtype=x.dtype, device=x.device)
            if not options.guidance or (now == 0 and not options.guided_start):
                return field(torch.cat((x, conditions), dim=1), valid, time[: len(x)], chunk)
            inputs = torch.cat((torch.cat((x, x)), both), dim=1)
            conditional, unconditional = field(inputs, both_valid, time, chunk).chunk(2)
            return guided(conditional, unconditional, options.guidance)

        return velocity

    def _recorded_in(self, precision: Precision) -> RecordedEstimator | None:
        """The estimator with recorded evaluations in a precision; None: the device has none."""
        if not (self.compiled and has_graphs(self.device)):
            return None
        if precision not in self._recorded:
            estimator, recorder = (
                self.estimator_in(precision),
                Recorder(self.device),
            )
            self._recorded[precision] = RecordedEstimator(estimator, recorder)
        return self._recorded[precision]

    def recorded_chunks(self, precision: Precision) -> RecordedChunks | None:
        """The same for parts of sequences."""
        # What follows a part says that it is not the last one.
        if not (self.compiled and has_graphs(self.device) and self.lookahead):
            return None
        if precision not in self._recorded_chunks:
            estimator, recorder = (
                self.estimator_in(precision),
                Recorder(self.device),
            )
            self._recorded_chunks[precision] = RecordedChunks(estimator, recorder)
        return self._recorded_chunks[precision]

    def _field(self, precision: Precision, padded: bool) -> Field:
        """The estimator in a precision, with the arguments of `Estimator.forward`."""
        if not padded and self.runs_compiled(precision):
            return self.native_estimator(precision)
        return self.estimator_in(precision)

    def native_estimator(self, precision: Precision) -> NativeEstimator:
        """The estimator as compiled code runs it in a precision, see `runs_compiled`."""
        if precision not in self._native:
            self._native[precision] = NativeEstimator(self.estimator, precision)
        return self._native[precision]

    def encoder_in(self, precision: Precision) -> Encoder:
        """The encoder in a precision, int8 as bfloat16; float32 where torch emulates that."""
        emulated = emulates_bfloat16(self.device)
        return self._in("encoder", self.encoder, "float32" if emulated else precision)

    def estimator_in(self, precision: Precision) -> Estimator:
        """The estimator as torch runs it in a precision, int8 as bfloat16."""
        return self._in("estimator", self.estimator, precision)

    def _in(self, name: str, part: M, precision: Precision) -> M:
        if precision == "float32":
            return part
        if name not in self._bfloat16:
            self._bfloat16[name] = copy.deepcopy(part).to(torch.bfloat16)
        return cast(M, self._bfloat16[name])

    def check_range(self, rows: Sequence[Tensor]) -> None:
        """Raise InputError for tokens outside the vocabulary."""
        for row in rows:
            if len(row) and not 0 <= int(row.min()) <= int(row.max()) < self.config.vocabulary:
                raise InputError(
                    f"speech tokens reach from {int(row.min())} to {int(row.max())}, "
                    f"outside the flow's 0 to {self.config.vocabulary - 1}",
                    "the speech tokenizer of another checkpoint may have computed them",
                )


def noise_frames(prompt: PromptFeatures, tokens: int) -> int:
    """Frames of noise that `decode` needs for a turn of so many tokens."""
    return MEL_FRAMES_PER_TOKEN * (len(prompt.speech_tokens) + tokens)


def _padded(rows: Sequence[Tensor], size: int, device: torch.device) -> Tensor:
    """Stack rows [frames, 80] into [B, size, 80]; the padding is 0."""
    together = pad_sequence(list(rows), batch_first=True)  # on the host: one copy to the device
    return F.pad(together.to(device), (0, 0, 0, size - together.shape[1]))
