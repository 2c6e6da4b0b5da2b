"""The flow's mels of the corpus: at run time, the vocoder never sees those of a recording.

They are as long as the recordings, which are what the vocoder should make of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.flow.decode import Flow, noise_frames
from podtts.options import FlowOptions
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN
from podtts.values import PromptFeatures
from recipes.mini.corpus import Corpus
from recipes.mini.sizes import FLOW_NOISE

_ROWS = 16
_OPTIONS = FlowOptions(steps=8, guided_start=False)  # as the preset `balanced` has it


@torch.inference_mode()
def flow_mels(flow: Flow, corpus: Corpus, heard: Tensor, embeddings: Tensor) -> Tensor:
    """Mels of all utterances, each with another of the same voice as prompt; like `corpus.mel`.

    heard: what the tokenizer hears in the corpus, int16 [tokens].
    embeddings: of every utterance, [N, 192].
    """
    made = torch.empty_like(corpus.mel)
    generator = torch.Generator().manual_seed(0)
    # Rows of like lengths need little padding.
    order = corpus.tokens.argsort().tolist()
    prompts = _others_of_the_voice(corpus.voice)
    for first in range(0, len(order), _ROWS):
        numbers = order[first : first + _ROWS]
        known = [_features(corpus, heard, embeddings, prompts[number]) for number in numbers]
        tokens = [_of(corpus, corpus.codes, number, 1) for number in numbers]
        noise = [
            FLOW_NOISE * torch.randn(frames, MEL_BINS, generator=generator)
            for frames in map(noise_frames, known, map(len, tokens))
        ]
        for number, mel in zip(numbers, flow.decode(tokens, known, noise, _OPTIONS), strict=True):
            _of(corpus, made, number, MEL_FRAMES_PER_TOKEN).copy_(mel)
    return made


def _others_of_the_voice(voice: Tensor) -> list[int]:
    """For every utterance the next one of its voice; the last one has the first."""
    following = list(range(len(voice)))
    for number in set(voice.tolist()):
        own = (voice == number).nonzero()[:, 0].tolist()
        for here, there in zip(own, own[1:] + own[:1], strict=True):
            following[here] = there
    return following


def _features(corpus: Corpus, heard: Tensor, embeddings: Tensor, number: int) -> PromptFeatures:
    mel = _of(corpus, corpus.mel, number, MEL_FRAMES_PER_TOKEN).float()
    return PromptFeatures(_of(corpus, heard, number, 1), mel, embeddings[number])


def _of(corpus: Corpus, whole: Tensor, number: int, per_token: int) -> Tensor:
    """An utterance's piece of a tensor with so many rows a token."""
    start = int(corpus.start[number]) * per_token
    return whole[start : start + int(corpus.tokens[number]) * per_token]
