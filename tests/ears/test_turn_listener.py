from dataclasses import replace

import pytest
import torch
from support.golden_data import golden_prompt

from podtts.ears.turn_listener import TurnListener
from podtts.ears.whisper import Whisper
from podtts.values import Heard, SpeakerPrompt, Turn

WAVE = 0.1 * torch.randn(24_000, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def prompt() -> SpeakerPrompt:
    return golden_prompt("a_24k_mono", "I am anna.")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Hello there, my friend!", 0.0),
        ("<|laughter|> Hello there my friend.", 0.0),
        ("Hello there, my dear friend.", 0.2),
        ("Goodbye to all of you.", 1.0),
    ],
)
def test_a_turn_is_compared_with_its_text(
    tiny: Whisper, prompt: SpeakerPrompt, text: str, error: float
) -> None:
    heard = TurnListener(tiny).hear(Turn(0, text), prompt, WAVE)
    assert heard == Heard("Hello there, my friend.", error)


@pytest.mark.parametrize("text", ["<|laughter|>", "Hmm.", "<|Yue|>你好朋友"])
def test_a_turn_without_words_or_in_a_dialect_is_not_judged(
    tiny: Whisper, prompt: SpeakerPrompt, text: str
) -> None:
    assert TurnListener(tiny).hear(Turn(0, text), prompt, WAVE) is None


def test_a_voice_that_speaks_a_dialect_is_not_judged(tiny: Whisper, prompt: SpeakerPrompt) -> None:
    dialect = replace(prompt, dialect_prompt="<|Yue|>你好")
    assert TurnListener(tiny).hear(Turn(0, "你好朋友"), dialect, WAVE) is None
