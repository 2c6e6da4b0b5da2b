"""Training of the flow: podtts' own module, its stages called with gradients."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.flow import chunks
from podtts.flow.decode import CHUNK_TOKENS, Flow
from podtts.flow.encoder import ConformerLayer
from podtts.flow.estimator import TransformerBlock
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN
from recipes.mini.corpus import Corpus
from recipes.mini.factorised import DigitRows
from recipes.mini.mels import MEL_MEAN
from recipes.mini.sizes import MINI_FLOW
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train
from recipes.mini.vocal_tract import scalings

_UNCONDITIONAL = 0.2
_MODES, _MODE_SHARES = ("full", "published chunks", "own chunks"), (0.65, 0.1, 0.25)
_NO_PROMPT = 0.2
_PROMPT_SHARE = (0.1, 0.6)
_WINDOWS = (32, 64, 64, 128, 256)  # tokens; every step draws one
_STEP_TOKENS = 512
_HEARD_SHARE = (
    0.05  # of the windows: all tokens are as the tokenizer heard them, not the prompt's alone
)
# Half of the windows are spoken by other vocal tracts, of which no speaker embedding is known.
# Otherwise the encoder recognises what it has heard, and knows by heart who said it.
_OWN_TRACT_SHARE = 0.5
_TRACTS = (1.0, *(0.84 * 1.42 ** (number / 15) for number in range(16)))
RECIPE = Recipe(
    learning_rate=1e-3,
    layers=(
        "encoder.",
        *(f"estimator.{part}" for part in ("time", "down", "middle", "up", "final")),
    ),
    recorded=True,
)


class FlowTraining(nn.Module):
    """The flow with what makes it learn."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = Flow(MINI_FLOW)
        nn.init.normal_(self.flow.token_embedding.weight, std=0.02)
        self.digits = DigitRows(MINI_FLOW.encoder.input_size, 0.3)
        start_as_identity(self.flow)
        for output in (self.flow.mu_projection, self.flow.estimator.out):
            assert output.bias is not None
            nn.init.constant_(output.bias, MEL_MEAN)

    def token_rows(self) -> Tensor:
        """The token embedding with the digits' rows in it."""
        rows: Tensor = self.flow.token_embedding.weight + self.digits()
        return rows

    def loss(
        self, ids: Tensor, mel: Tensor, speaker: Tensor, prompt: Tensor, visible: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """ids int64 [B, T], mel [B, 2*T, 80], speaker [B, 192], prompt int64 [B] in tokens.

        visible: bool [B or 1, T, T], the keys that a query sees; None: all.
        """
        flow = self.flow
        batch, frames, _ = mel.shape
        seen = None if visible is None else visible[:, None]
        finely = None if seen is None else _by_frames(seen)
        tokens = flow.encoder.embed(F.embedding(ids, self.token_rows()))
        mu = flow.mu_projection(flow.encoder.encode(tokens, seen, finely))
        positions = torch.arange(frames, device=mel.device)
        known = (positions < MEL_FRAMES_PER_TOKEN * prompt[:, None])[:, :, None]
        voice = flow.speaker_projection(F.normalize(speaker, dim=1))[:, None]
        conditions = torch.cat((mu, voice.expand(-1, frames, -1), mel * known), dim=2)
        kept = torch.rand(batch, 1, 1, device=mel.device) >= _UNCONDITIONAL
        t = 1 - torch.cos(torch.rand(batch, 1, 1, device=mel.device) * math.pi / 2)
        noise = torch.randn_like(mel)
        x = torch.cat(((1 - t) * noise + t * mel, conditions * kept), dim=2).transpose(1, 2)
        velocity = flow.estimator.velocity(x, None, t[:, 0, 0], finely)
        # Of the turn alone: what it makes of the prompt is thrown away at run time.
        error = (velocity.transpose(1, 2).float() - (mel - noise)).square().mean(dim=2)
        turn = (~known[:, :, 0]).float()
        matching = (error * turn).sum() / turn.sum()
        # The encoder alone is asked for the mel too: without it the first minutes learn little.
        mean = F.mse_loss(mu.float(), mel)
        return matching + 0.5 * mean, {"matching": matching, "mean": mean}

    def exported(self) -> Flow:
        """The flow with its token embedding written out; done once."""
        self.flow.token_embedding.weight.data.copy_(self.token_rows())
        return self.flow


def _by_frames(visible: Tensor) -> Tensor:
    """Bool [B, 1, 2*T, 2*T] for [B, 1, T, T]."""
    for dim in (2, 3):
        visible = visible.repeat_interleave(MEL_FRAMES_PER_TOKEN, dim)
    return visible


def published_chunks(size: int, device: torch.device) -> Tensor:
    """What tokens see in the published chunk-causal mode: bool [1, size, size]."""
    at = torch.arange(size, device=device)
    return at < ((at // CHUNK_TOKENS + 1) * CHUNK_TOKENS)[None, :, None]


def own_chunks(prompt: Tensor, size: int) -> Tensor:
    """What tokens see in podtts' streaming mode, behind prompts int64 [B]: bool [B, size, size].

    docs/streaming.md: the prompt sees itself, without the tokens that look ahead to the turn; they
    belong to the first chunk.
    """
    at = torch.arange(size, device=prompt.device)
    block = (prompt - MINI_FLOW.encoder.lookahead).clamp(min=0)[:, None]
    first = prompt[:, None] + chunks.RAMP[0]
    later = first + ((at - first) // chunks.CHUNK_TOKENS + 1) * chunks.CHUNK_TOKENS
    ends = torch.where(at < block, block, torch.where(at < first, first, later))
    return at < ends[:, :, None]


def start_as_identity(flow: Flow) -> None:
    """Let every attention and feed-forward add nothing at first."""
    for module in flow.modules():
        if isinstance(module, (ConformerLayer, TransformerBlock)):
            for linear in (module.attention.out, module.feed_forward.contract):
                nn.init.zeros_(linear.weight)
                nn.init.zeros_(linear.bias)


class Windows:
    """Draws stretches of one voice's speech on the device: utterances end to end, cut anywhere."""

    def __init__(self, corpus: Corpus, device: torch.device, largest: int = max(_WINDOWS)) -> None:
        order = corpus.voice.argsort(stable=True)
        tokens, starts = corpus.tokens[order], corpus.start[order]
        within = torch.arange(int(tokens.sum())) - (tokens.cumsum(0) - tokens).repeat_interleave(
            tokens
        )
        self.places = (starts.repeat_interleave(tokens) + within).to(device)
        self.order = order.to(device)
        voices = corpus.voice[order]
        counts = voices.bincount()
        sizes = torch.zeros_like(counts).index_add(0, voices, tokens)
        enough = sizes >= largest  # of other voices there is too little
        first = [(some.cumsum(0) - some)[enough].to(device) for some in (sizes, counts)]
        self.first_place, self.first_utterance = first
        self.sizes, self.counts = sizes[enough].to(device), counts[enough].to(device)

    def draw(self, size: int, batch: int) -> tuple[Tensor, Tensor]:
        """Places int64 [B, size] in the corpus, and numbers [B] of utterances of their voices."""
        device = self.places.device
        voice = torch.randint(len(self.sizes), (batch,), device=device)
        start, one = torch.rand(2, batch, device=device)
        spare = self.sizes[voice] - size + 1
        start = self.first_place[voice] + (start * spare).long().minimum(spare - 1)
        counts = self.counts[voice]
        one = self.first_utterance[voice] + (one * counts).long().minimum(counts - 1)
        return self.places[start[:, None] + torch.arange(size, device=device)], self.order[one]


def train_flow(
    corpus: Corpus,
    heard: Tensor,
    embeddings: Tensor,
    device: torch.device,
    batch: int,
    minutes: float,
    path: Path,
) -> dict[str, float]:
    """Train on windows of single voices, whose first part is given as prompt.

    Behind the prompt, tokens are what was said, as from the language model.
    heard: what the tokenizer hears in the corpus, int16 [tokens].
    embeddings: of every utterance, [N, 192].
    """
    module = FlowTraining().to(device)
    windows = Windows(corpus, device)
    tracts = scalings(MEL_BINS, _TRACTS).to(device)
    mels, codes, heard, embeddings = (
        some.to(device) for some in (corpus.mel, corpus.codes, heard, embeddings)
    )

    def draw(progress: float) -> Sample:
        rng = random.Random(int(torch.randint(2**31, ())))  # as seeded for this step
        return Sample(progress, (rng.choice(_WINDOWS), *rng.choices(_MODES, _MODE_SHARES)))

    def step(sample: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        size, mode = cast(tuple[int, str], sample.kind)
        batch_size = batch * _STEP_TOKENS // size
        places, utterances = windows.draw(size, batch_size)
        frames = (
            places[:, :, None] * MEL_FRAMES_PER_TOKEN + torch.arange(2, device=device)
        ).flatten(1)
        share = torch.empty(batch_size, device=device).uniform_(*_PROMPT_SHARE)
        share = share * (torch.rand(batch_size, device=device) >= _NO_PROMPT)
        prompt = (share * size).long()
        visible = None
        if mode != "full":
            published = mode == "published chunks"
            visible = published_chunks(size, device) if published else own_chunks(prompt, size)
        listens = torch.rand(batch_size, 1, device=device) < _HEARD_SHARE
        listens = listens | (torch.arange(size, device=device) < prompt[:, None])
        other = torch.rand(batch_size, device=device) >= _OWN_TRACT_SHARE
        tract = torch.randint(1, len(tracts), (batch_size,), device=device) * other
        with torch.autocast(device.type, torch.bfloat16):
            return module.loss(
                torch.where(listens, heard[places], codes[places]).long(),
                torch.bmm(mels[frames].float(), tracts[tract]),
                embeddings[utterances] * ~other[:, None],
                prompt,
                visible,
            )

    return train(module, step, RECIPE, minutes, path, draw=draw)
