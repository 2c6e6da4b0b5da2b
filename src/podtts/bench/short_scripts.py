"""Many short scripts of two turns, as texts for files or as requests for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podtts.bench.workload import prescribed_tokens
from podtts.engine.request import Request
from podtts.options import SynthesisOptions
from podtts.script.model import Script
from podtts.text.length import expected_seconds
from podtts.values import SpeakerPrompt, Turn

_FIRST_TURNS = (
    "Did you hear the rain last night?",
    "Why do bridges hum in the wind?",
    "I planted beans behind the house.",
    "The train was late again today.",
    "What are you reading this week?",
    "My neighbour has bought a boat.",
    "Shall we walk along the river?",
    "The old clock has stopped again.",
)
_SECOND_TURNS = (
    "I did, and I lay awake for an hour.",
    "That is a story for a long evening.",
    "Then we should talk about it at dinner.",
    "I thought so when I saw your face.",
    "Tell me more, I have all the time.",
    "Nobody at home would believe that.",
    "It was just the same last summer.",
    "Wait a moment, I will fetch my coat.",
)


def turn_texts(number: int) -> tuple[str, str]:
    """Return the texts of both turns of a script (0-based); the first 64 scripts differ."""
    first = _FIRST_TURNS[number % len(_FIRST_TURNS)]
    return first, _SECOND_TURNS[number // len(_FIRST_TURNS) % len(_SECOND_TURNS)]


def script_text(number: int, speakers: Sequence[str]) -> str:
    """Return the text of a script file (0-based) with these two labels."""
    lines = zip(speakers, turn_texts(number), strict=True)
    return "".join(f"[{name}] {text}\n" for name, text in lines)


def prescribed_requests(
    count: int, prompts: Sequence[SpeakerPrompt], options: SynthesisOptions
) -> list[Request]:
    """Return requests for random weights: every turn has the length of the longest text."""
    longest = max((*_FIRST_TURNS, *_SECOND_TURNS), key=expected_seconds)
    tokens = prescribed_tokens(longest)
    sampling = replace(options.sampling, min_tokens=tokens, max_tokens=tokens)
    prescribed = replace(options, sampling=sampling, check_length=False)
    requests = []
    for number in range(count):
        turns = tuple(Turn(speaker, text) for speaker, text in enumerate(turn_texts(number)))
        script = Script(f"script {number}", ("S1", "S2"), turns)
        requests.append(Request(script.source, script, prompts, prescribed))
    return requests
