"""What is said: WordNet's examples and definitions, dialogue from templates, words, numbers.

Held-out sentences are chosen by a checksum of their letters, so no list of them is kept.
"""

from __future__ import annotations

import random
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from recipes.mini.chat import chat_line
from recipes.mini.number_words import number_words

WORDNET = Path("/usr/share/wordnet")  # where Debian's wordnet-base puts it
_PARTS = ("noun", "verb", "adj", "adv")
_SPEAKABLE = re.compile(r"[A-Za-z][A-Za-z ,;:'!?.-]*[A-Za-z!?.]")
_ACRONYM = re.compile(r"\b[A-Z][A-Z.]+\b|\b[b-hj-z]\b", re.ASCII)
_QUOTED = re.compile(r'"([^"]+)"')
_HELD_OUT_SHARE = 40  # one sentence in so many
_WORD = re.compile(r"[a-z]{2,14}(?:'[a-z]{1,2})?")
_UNREAD = 0.1  # a word that no sentence holds counts as read so often


@dataclass(frozen=True)
class Texts:
    """Sentences to learn from, sentences never learnt from, and single words."""

    examples: tuple[str, ...]
    definitions: tuple[str, ...]
    held_out: tuple[str, ...]  # of the examples
    words: tuple[str, ...]
    # How often each word is to be practised, cumulative: as the root of how often it is read.
    # Sentences alone show most words once, and WordNet's own words are mostly names of species.
    practice: tuple[float, ...]

    @staticmethod
    def read(wordnet: Path) -> Texts:
        """Read WordNet's data files."""
        examples: set[str] = set()
        definitions: set[str] = set()
        words: set[str] = set()
        for lemmas, gloss in _entries(wordnet):
            words.update(lemma for lemma in lemmas if re.fullmatch(r"[a-z]{2,14}", lemma))
            definition = gloss.split('"')[0].split(";")[0].split("(")[0].strip()
            if _speakable(definition, 4, 14):
                definitions.add(as_sentence(definition))
            for example in _QUOTED.findall(gloss):
                if _speakable(example.strip(), 3, 16):
                    examples.add(as_sentence(example.strip()))
        learnt = sorted(text for text in examples if not is_held_out(text))
        defined = sorted(text for text in definitions if not is_held_out(text))
        read = Counter(word for text in learnt + defined for word in _WORD.findall(text.lower()))
        practised = sorted(words | read.keys())
        return Texts(
            tuple(learnt),
            tuple(defined),
            tuple(sorted(text for text in examples if is_held_out(text))),
            tuple(practised),
            tuple(accumulate((read[word] + _UNREAD) ** 0.5 for word in practised)),
        )

    def sentence(self, rng: random.Random) -> str:
        """A sentence or two to learn from."""
        kind = rng.random()
        if kind < 0.64:
            return rng.choice(self.examples)
        if kind < 0.74:
            return f"{rng.choice(self.examples)} {rng.choice(self.examples)}"
        if kind < 0.9:
            return rng.choice(self.definitions)
        while is_held_out(line := chat_line(rng)):
            pass
        return line

    def phrase(self, rng: random.Random) -> str:
        """A few words without much sense, for how words are pronounced."""
        if rng.random() < 0.05:
            return as_sentence(number_words(int(10 ** rng.uniform(0, 6))))
        if rng.random() < 0.25:
            words = rng.choice(self.examples).rstrip(".?!").split()
            start = rng.randrange(len(words))
            return as_sentence(" ".join(words[start : start + rng.randint(1, 4)]).strip(" ,;:-"))
        words = rng.choices(self.words, cum_weights=self.practice, k=rng.randint(1, 4))
        return as_sentence(" ".join(words))


def _entries(wordnet: Path) -> Iterator[tuple[list[str], str]]:
    for part in _PARTS:
        path = wordnet / f"data.{part}"
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):  # the licence
                continue
            fields, _, gloss = line.partition(" | ")
            columns = fields.split()
            yield [columns[4 + 2 * number] for number in range(int(columns[3], 16))], gloss


def _speakable(text: str, fewest: int, most: int) -> bool:
    return (
        fewest <= len(text.split()) <= most
        and _SPEAKABLE.fullmatch(text) is not None
        and _ACRONYM.search(text) is None
    )


def as_sentence(text: str) -> str:
    """Begin with a capital and end with a mark."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def is_held_out(text: str) -> bool:
    """Whether nothing may be learnt from this sentence; case and punctuation do not matter."""
    letters = re.sub(r"[^a-z\u4e00-\u9fff]", "", text.lower())
    return zlib.crc32(letters.encode()) % _HELD_OUT_SHARE == 0
