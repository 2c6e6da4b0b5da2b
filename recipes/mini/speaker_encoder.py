"""The speaker encoder: filter bank to 192 numbers, and how it is trained.

Behind the interface of CAM++ stands a small time-delay net with statistics pooling. It learns to
tell the corpus's voices apart, and their pitch and mean spectrum, which places new voices between
known ones.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, SPEAKER_EMBEDDING_SIZE
from recipes.mini.corpus import FEATURE_FRAMES_PER_TOKEN, Corpus
from recipes.mini.sizes import SPEAKER_CHANNELS
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train

_DILATIONS = (1, 2, 3, 4)
_CROP_TOKENS = (30, 90)
_COSINE_SCALE = 20.0
_FBANK_DEVIATION = 3.0
RECIPE = Recipe(learning_rate=2e-3)


class SpeakerEncoder(nn.Module):
    """Filter bank float32 [B, T, 80] to embeddings [B, 192]."""

    def __init__(self) -> None:
        super().__init__()
        size = SPEAKER_CHANNELS
        self.conv = nn.Conv1d(MEL_BINS, size, 5, padding=2)
        self.blocks = nn.ModuleList(
            nn.Conv1d(size, size, 3, padding=dilation, dilation=dilation) for dilation in _DILATIONS
        )
        self.out = nn.Linear(2 * size, SPEAKER_EMBEDDING_SIZE)

    def forward(self, fbank: Tensor) -> Tensor:
        x = F.relu(self.conv(fbank.transpose(1, 2) / _FBANK_DEVIATION))
        for block in self.blocks:
            x = x + F.relu(block(x))
        mean = x.mean(dim=2)
        deviation = ((x - mean[:, :, None]).square().mean(dim=2) + 1e-5).sqrt()
        out: Tensor = self.out(torch.cat((mean, deviation), dim=1))
        return out


class SpeakerTraining(nn.Module):
    """The encoder and what is read from its embeddings while it learns."""

    def __init__(self, voices: int) -> None:
        super().__init__()
        self.encoder = SpeakerEncoder()
        self.voices = nn.Linear(SPEAKER_EMBEDDING_SIZE, voices, bias=False)
        self.traits = nn.Linear(SPEAKER_EMBEDDING_SIZE, 1 + MEL_BINS)

    def loss(
        self, fbank: Tensor, voice: Tensor, traits: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """fbank [B, T, 80], voice int64 [B], traits [B, 81]: octaves of pitch, mean log mel."""
        embedding = F.normalize(self.encoder(fbank), dim=1)
        cosines = embedding @ F.normalize(self.voices.weight, dim=1).T
        which = F.cross_entropy(_COSINE_SCALE * cosines, voice)
        read = self.traits(embedding)
        pitch = F.l1_loss(read[:, 0], traits[:, 0])
        timbre = F.mse_loss(read[:, 1:], traits[:, 1:])
        right = (cosines.argmax(dim=1) == voice).float().mean()
        figures = {"voice": which, "right": right, "pitch": pitch, "timbre": timbre}
        return which + 2 * pitch + 0.5 * timbre, figures


def voice_traits(corpus: Corpus) -> Tensor:
    """Per utterance octaves above 100 Hz and the mean log mel of voiced frames, [N, 81]."""
    rows = []
    for number in range(len(corpus.texts)):
        f0 = corpus.part("f0", number, MEL_FRAMES_PER_TOKEN).float()
        mel = corpus.part("mel", number, MEL_FRAMES_PER_TOKEN).float()
        voiced = f0 > 0
        if not voiced.any():
            voiced = torch.ones_like(voiced)
            f0 = torch.full_like(f0, 100.0)
        octaves = (f0[voiced].median() / 100).log2()
        rows.append(torch.cat((octaves[None], mel[voiced].mean(dim=0))))
    traits = torch.stack(rows)
    by_voice = torch.zeros(int(corpus.voice.max()) + 1, traits.shape[1])
    by_voice.index_add_(0, corpus.voice, traits)
    traits = by_voice / corpus.voice.bincount()[:, None]
    traits[:, 1:] -= traits[:, 1:].mean(dim=0)
    return traits[corpus.voice]


def train_speaker_encoder(
    corpus: Corpus, voices: int, device: torch.device, batch: int, minutes: float, path: Path
) -> dict[str, float]:
    """Train on random crops of single utterances."""
    module = SpeakerTraining(voices).to(device)
    traits = voice_traits(corpus)
    long_enough = (corpus.tokens >= _CROP_TOKENS[0]).nonzero()[:, 0]

    def step(_: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = long_enough[torch.randint(len(long_enough), (batch,))]
        most = min(_CROP_TOKENS[1], int(corpus.tokens[chosen].min()))
        size = int(torch.randint(_CROP_TOKENS[0], most + 1, ()))
        room = corpus.tokens[chosen] - size + 1
        first = corpus.start[chosen] + (torch.rand(batch) * room).long()
        frames = first[:, None] * FEATURE_FRAMES_PER_TOKEN + torch.arange(
            size * FEATURE_FRAMES_PER_TOKEN
        )
        fbank = corpus.fbank[frames].float()
        fbank = fbank - fbank.mean(dim=1, keepdim=True)
        return module.loss(
            fbank.to(device), corpus.voice[chosen].to(device), traits[chosen].to(device)
        )

    return train(module, step, RECIPE, minutes, path)


@torch.inference_mode()
def embed_utterances(encoder: SpeakerEncoder, corpus: Corpus, device: torch.device) -> Tensor:
    """Embedding of every utterance, float32 [N, 192] on the CPU."""
    rows = [
        encoder(corpus.part("fbank", number, FEATURE_FRAMES_PER_TOKEN)[None].float().to(device))
        for number in range(len(corpus.texts))
    ]
    return torch.cat(rows).cpu()
