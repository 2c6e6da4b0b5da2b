"""Texts in both languages, and which of them nothing may be learnt from."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from recipes.mini.mandarin import MandarinTexts
from recipes.mini.text import Texts, is_held_out

_MOST_JOINED = 3
_CLAUSE_SHARE = 0.5
_CLAUSE_BREAKS = (", ", ", ", ", ", ", and ", ", but ", "; ")
_ENDS = ".?!。？！"
_FIRST_PERSON = re.compile(r"I\b")


@dataclass(frozen=True)
class Languages:
    """English and Mandarin to draw from."""

    english: Texts
    mandarin: MandarinTexts

    @staticmethod
    def read(wordnet: Path, dictionary: Path) -> Languages:
        """Read WordNet's data files and jieba's dictionary."""
        return Languages(Texts.read(wordnet), MandarinTexts.read(dictionary))

    def learnt(self, rng: random.Random, mandarin: bool, phrase: bool = False) -> str:
        """A sentence or a phrase to learn from."""
        language = self.mandarin if mandarin else self.english
        draw = language.phrase if phrase else language.sentence
        while is_held_out(text := draw(rng)):
            pass
        return text

    def long(self, rng: random.Random, mandarin: bool) -> str:
        """Two to four sentences to learn from as one text; some become clauses of one sentence.

        WordNet's have 6 words in the mean, and 2 % a comma, unlike what people say.
        """
        text = self.learnt(rng, mandarin)
        for _ in range(rng.randint(1, _MOST_JOINED)):
            following = self.learnt(rng, mandarin)
            if rng.random() < _CLAUSE_SHARE:
                text = text.rstrip(_ENDS)
                text += "，" if mandarin else rng.choice(_CLAUSE_BREAKS)
                following = following if mandarin else _inside_a_sentence(following)
            elif not mandarin:
                text += " "
            text += following
        return text

    def held_out(self, rng: random.Random, mandarin: bool) -> str:
        """A sentence that nothing is learnt from."""
        if not mandarin:
            return rng.choice(self.english.held_out)
        while not is_held_out(text := self.mandarin.sentence(rng)):
            pass
        return text

    def mixed(self, rng: random.Random) -> str:
        """A Mandarin sentence with an English word in it, for changes within a sentence."""
        word = rng.choices(self.english.words, cum_weights=self.english.practice)[0]
        while is_held_out(text := self.mandarin.around(rng, f" {word} ")):
            pass
        return text


def _inside_a_sentence(text: str) -> str:
    return text if _FIRST_PERSON.match(text) else text[:1].lower() + text[1:]
