"""Training of the language model on dialogues in the published layout."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from podtts.llm.qwen3 import Qwen3
from podtts.llm.template import Template
from podtts.rates import MAX_SPEAKERS
from podtts.text.normalize import normalize_text
from recipes.mini.ahead import Ahead
from recipes.mini.corpus import Corpus
from recipes.mini.factorised import DigitRows
from recipes.mini.layout import HAN, HAN_IDS, TEXT_IDS
from recipes.mini.sizes import CODES, MINI_LLM
from recipes.mini.spoken_text import SpokenText
from recipes.mini.steps import Sample
from recipes.mini.tags import SOUNDS, joined
from recipes.mini.training import Recipe, train

_SYLLABLE_PARTS = 4
_PHRASES_FIRST = 0.2  # of the training: single short turns without prompts
_LENGTHS = (512,) * 12 + (1024,) * 5 + (2048,) * 2 + (4096,)  # one a step
_RARE_CODES = 256  # beside the codes that occur, so many others are compared with in a step
_STEP_IDS = 2048
_UNSEEN = 16  # stretches of dialogue that are not learnt from
_NO_PROMPT = 0.3
_PHRASE_TURNS = 0.35
_TEXT_ONLY = 0.15  # dialogues that begin with turns kept as text alone, as after a rebuild
_LONGEST_PROMPT = 200  # tokens
_CASTS = (1, 2, 2, 2, 3, 4)
_MANDARIN = (0.0, 0.0, 0.0, 0.1, 0.9, 1.0, 1.0)  # of a dialogue's turns; a dialogue draws one
_JOINED_TURNS = 0.25
_JOINED_TEXTS = 6000  # different ones in each language
_MOST_JOINED = 4  # sentences
_LONGEST_JOINED = 150  # tokens; what is longer is several sentences already
_TAGGED_SHARE = 0.25  # of joined ones; and all turns of one sentence among them
_TEXT_WEIGHT = 0.05
# Draws the logits' normaliser to 0. Logits are then log-probabilities, all below 0, and the
# published repetition penalty, which multiplies them, spares ids that are nearly certain.
_NORMALISER_WEIGHT = 0.01
_MISHEARD = 0.1  # of a turn's speech
_NONE = -100  # nothing is learnt here
RECIPE = Recipe(
    learning_rate=2e-3, betas=(0.9, 0.95), weight_decay=0.05, layers=("layers.",), recorded=True
)

Ids = NDArray[np.int64]


class LlmTraining(nn.Module):
    """The language model with what makes it learn.

    syllables: int64 [parts, characters], numbers of the syllable of every Chinese character and of
    its parts: those of `syllable_parts`, whenever what was learnt with them is used.
    used: bool [6561], the codes that occur; None: all do. Others are never right, so that a few
    of them, drawn anew every step, are enough to keep them unlikely.
    recorded: steps may be recorded, so that all tensors have fixed shapes; this takes longer.
    """

    def __init__(
        self,
        syllables: Tensor,
        used: Tensor | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        super().__init__()
        self.recorded = recorded
        self.llm = Qwen3(MINI_LLM)
        nn.init.normal_(self.llm.embed_tokens.weight, std=0.02)
        self.llm.head.requires_grad_(False)  # tied: the embedding's rows are used in its place
        self.digits = DigitRows(MINI_LLM.hidden_size, 0.05)
        self.register_buffer("syllables", syllables, persistent=False)
        shape = (_SYLLABLE_PARTS, len(HAN), MINI_LLM.hidden_size)
        self.readings = nn.Parameter(0.05 * torch.randn(shape))
        used = torch.ones(CODES, dtype=torch.bool) if used is None else used
        self.register_buffer("used", used.nonzero()[:, 0], persistent=False)
        self.register_buffer("rare", (~used).nonzero()[:, 0], persistent=False)

    def rows(self) -> Tensor:
        """The embedding with the rows of digits and of syllables in it, [vocabulary, H]."""
        syllables: Tensor = self.syllables  # type: ignore[assignment]
        parts = [table[some] for table, some in zip(self.readings, syllables, strict=False)]
        read = torch.stack(parts).sum(dim=0)
        read = F.pad(read, (0, 0, HAN_IDS.start, TEXT_IDS - HAN_IDS.stop))
        return self.llm.embed_tokens.weight + torch.cat((read, self.digits()))

    def loss(self, ids: Tensor, learnt: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """ids int64 [B, T]; learnt int8 [B, T]: 1 for speech and end of a turn, 2 for text.

        While it learns, some of the speech that it has heard is wrong, as its own will be: so it
        looks at the text and does not only go on with what it knows by heart.
        """
        rows = self.rows()
        heard = self._misheard(ids, learnt) if self.training else ids
        hidden = functional_call(self.llm, {"embed_tokens.weight": rows}, (heard[:, :-1],))
        compared = self.compared()
        place = torch.full((rows.shape[0],), _NONE, device=ids.device)
        place[compared] = torch.arange(len(compared), device=ids.device)
        kinds, following = learnt[:, 1:].flatten(), ids[:, 1:].flatten()
        target = torch.where(kinds == 1, place[following], _NONE)
        everywhere = hidden.flatten(0, 1)
        hidden, target = self._learnt(everywhere, target)
        logits = (hidden @ rows[compared].T).float()
        speech = (target != _NONE).float()
        said = F.cross_entropy(logits, target, ignore_index=_NONE)
        normaliser = (logits.logsumexp(dim=1).square() * speech).sum() / speech.sum()
        right = (logits.argmax(dim=1) == target).float().sum() / speech.sum()
        before, letters = self._learnt(everywhere, torch.where(kinds == 2, following, _NONE))
        read = F.cross_entropy((before @ rows[:TEXT_IDS].T).float(), letters, ignore_index=_NONE)
        loss = said + _NORMALISER_WEIGHT * normaliser + _TEXT_WEIGHT * read
        return loss, {"speech": said, "right": right, "normaliser": normaliser, "text": read}

    def _misheard(self, ids: Tensor, learnt: Tensor) -> Tensor:
        """The ids with some of a turn's speech replaced by codes that occur."""
        used: Tensor = self.used  # type: ignore[assignment]
        other = used[torch.randint(len(used), ids.shape, device=ids.device)]
        wrong = (learnt == 1) & (ids >= MINI_LLM.speech_token_offset)
        wrong &= torch.rand(ids.shape, device=ids.device) < _MISHEARD
        return torch.where(wrong, other + MINI_LLM.speech_token_offset, ids)

    def _learnt(self, hidden: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Positions where something is learnt; all of them if steps are recorded."""
        if self.recorded:
            return hidden, target
        wanted = target != _NONE
        return hidden[wanted], target[wanted]

    def compared(self) -> Tensor:
        """Ids among which the next one is told, int64 [used codes + some rare ones + 1]."""
        used: Tensor = self.used  # type: ignore[assignment]
        rare: Tensor = self.rare  # type: ignore[assignment]
        some = rare[torch.rand(len(rare), device=rare.device).argsort()[:_RARE_CODES]]
        end = used.new_full((1,), MINI_LLM.end_token)
        return torch.cat((torch.cat((used, some)) + MINI_LLM.speech_token_offset, end))

    def exported(self) -> Qwen3:
        """The model with its embedding written out; done once."""
        self.llm.embed_tokens.weight.data.copy_(self.rows())
        return self.llm


@dataclass(frozen=True)
class Piece:
    """A prompt's or a turn's ids, as of the first speaker without the opening of a dialogue."""

    text: Ids
    speech: Ids  # with the end token


class Dialogues:
    """Draws dialogues: prompts of other voices, then turns."""

    def __init__(
        self, template: Template, spoken: SpokenText, corpus: Corpus, codes: Tensor
    ) -> None:
        self.task = np.array(template.task())
        self.speakers = [template.turn(number, "")[0] for number in range(MAX_SPEAKERS)]
        pieces = _pieces(template, spoken.texts, spoken.codes, spoken.tokens)
        self.turns: dict[tuple[bool, bool], list[Piece]] = {
            (mandarin, phrase): [] for mandarin in (False, True) for phrase in (False, True)
        }
        kinds = zip(spoken.is_mandarin.tolist(), spoken.is_phrase.tolist(), strict=True)
        for kind, piece in zip(kinds, pieces, strict=True):
            self.turns[kind].append(piece)
        self.joined = {
            mandarin: _joined_pieces(template, spoken, mandarin) for mandarin in (False, True)
        }
        both = self.turns[True, False] and self.turns[True, True]
        self.mandarin_shares = _MANDARIN if both else (0.0,)
        self.used = torch.zeros(CODES, dtype=torch.bool)
        self.used[spoken.codes.long()] = True
        for piece in (*self.joined[False], *self.joined[True]):
            self.used[torch.from_numpy(piece.speech[:-1]) - template.speech_token_offset] = True
        prompts = _pieces(template, corpus.texts, codes, corpus.tokens)
        self.prompts = [one for one in prompts if len(one.speech) <= _LONGEST_PROMPT]

    def draw(self, rng: random.Random, size: int, simple: bool) -> tuple[Ids, NDArray[np.int8]]:
        """Ids [size] and what is learnt of them (see LlmTraining.loss)."""
        ids: list[Ids] = []
        learnt: list[NDArray[np.int8]] = []

        def add(part: Ids, kind: int) -> None:
            ids.append(part)
            learnt.append(np.full(len(part), kind, np.int8))

        cast, mandarin = rng.choice(_CASTS), rng.choice(self.mandarin_shares)
        if not simple and rng.random() >= _NO_PROMPT:
            for speaker in range(cast):
                prompt = rng.choice(self.prompts)
                if speaker == 0:
                    add(self.task, 0)
                add(self._said_by(speaker, prompt.text), 0)
                add(prompt.speech, 0)
            if rng.random() < _TEXT_ONLY:
                for _ in range(rng.randint(1, 2)):
                    text = rng.choice(self.turns[rng.random() < mandarin, False]).text
                    add(self._said_by(rng.randrange(cast), text)[:-1], 0)
        while sum(map(len, ids)) < size:
            turn = rng.choice(self._turns(rng, rng.random() < mandarin, simple))
            add(self._said_by(rng.randrange(cast), turn.text), 2)
            add(turn.speech, 1)
        return np.concatenate(ids)[:size], np.concatenate(learnt)[:size]

    def _turns(self, rng: random.Random, mandarin: bool, simple: bool) -> list[Piece]:
        if simple:
            return self.turns[mandarin, True]
        if self.joined[mandarin] and rng.random() < _JOINED_TURNS:
            return self.joined[mandarin]
        return self.turns[mandarin, rng.random() < _PHRASE_TURNS]

    def _said_by(self, speaker: int, text: Ids) -> Ids:
        return np.concatenate(([self.speakers[speaker]], text[1:]))


def _pieces(template: Template, texts: Sequence[str], codes: Tensor, tokens: Tensor) -> list[Piece]:
    ends = tokens.cumsum(0).tolist()
    return [
        Piece(
            np.array(template.turn(0, normalize_text(text))),
            np.array(template.speech(codes[end - count : end].tolist())),
        )
        for text, end, count in zip(texts, ends, tokens.tolist(), strict=True)
    ]


def _joined_pieces(template: Template, spoken: SpokenText, mandarin: bool) -> list[Piece]:
    """Turns of several sentences, some with a tag in them.

    Without those that have none, a second sentence would be taken for a reason to laugh.
    """
    kinds = (spoken.is_mandarin == mandarin) & ~spoken.is_phrase
    kinds &= spoken.tokens <= _LONGEST_JOINED
    numbers = kinds.nonzero()[:, 0].tolist()
    if not numbers:
        return []
    ends = spoken.tokens.cumsum(0).tolist()
    rng = random.Random(int(mandarin))

    def one(number: int) -> tuple[str, NDArray[np.int16]]:
        first = ends[number] - int(spoken.tokens[number])
        return normalize_text(spoken.texts[number]), spoken.codes[first : ends[number]].numpy()

    made = []
    for _ in range(_JOINED_TEXTS):
        said = [one(number) for number in rng.choices(numbers, k=rng.randint(1, _MOST_JOINED))]
        tagged = len(said) == 1 or rng.random() < _TAGGED_SHARE
        made.append(joined(said, rng.choice(list(SOUNDS)) if tagged else None, rng))
    texts, codes = zip(*made, strict=True)
    tokens = torch.tensor(list(map(len, codes)))
    return _pieces(template, texts, torch.from_numpy(np.concatenate(codes)), tokens)


def train_llm(
    dialogues: Dialogues,
    unseen: Dialogues,
    syllables: Tensor,
    device: torch.device,
    batch: int,
    minutes: float,
    path: Path,
) -> dict[str, float]:
    """Train on drawn dialogues, short phrases first; syllables as in `LlmTraining`.

    unseen: of texts that nothing is learnt from. What understands them best is the result.
    """
    module = LlmTraining(syllables, dialogues.used, recorded=device.type == "cuda").to(device)

    def drawn(progress: float) -> Sample:
        rng = random.Random(int(torch.randint(2**31, ())))
        simple = progress < _PHRASES_FIRST
        size = _LENGTHS[0] if simple else rng.choice(_LENGTHS)
        drawn = [
            dialogues.draw(rng, size, simple) for _ in range(max(1, batch * _STEP_IDS // size))
        ]
        columns = (torch.from_numpy(np.stack(column)) for column in zip(*drawn, strict=True))
        return Sample(progress, size, tuple(columns))

    def step(sample: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        ids, learnt = (tensor.to(device) for tensor in sample.tensors)
        with torch.autocast(device.type, torch.bfloat16):
            return module.loss(ids, learnt)

    kept = [unseen.draw(random.Random(number), _LENGTHS[0], False) for number in range(_UNSEEN)]
    ids, learnt = (torch.from_numpy(np.stack(some)).to(device) for some in zip(*kept, strict=True))

    def loss() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return module.loss(ids, learnt)[1]["speech"]

    return train(module, step, RECIPE, minutes, path, loss, Ahead(drawn, device))
