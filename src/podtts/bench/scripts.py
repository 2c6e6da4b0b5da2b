"""Many short scripts in several ways, in turns: what speaking them side by side is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import podtts
from podtts.bench.workload import prescribed_tokens
from podtts.device.stopwatch import Stopwatch
from podtts.engine.engine import Engine
from podtts.engine.request import Request, RequestFailed, TurnFinished
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.script.model import Script
from podtts.text.length import expected_seconds
from podtts.values import SpeakerPrompt, Turn
from podtts.weights.load import Models

SCHEMA = "podtts-scripts/1"

_OPENINGS = (
    "Did you hear the rain last night?",
    "Why do bridges hum in the wind?",
    "I planted beans behind the house.",
    "The train was late again today.",
    "What are you reading this week?",
    "My neighbour has bought a boat.",
    "Shall we walk along the river?",
    "The old clock has stopped again.",
)
_ANSWERS = (
    "I did, and I lay awake for an hour.",
    "That is a story for a long evening.",
    "Then we should talk about it at dinner.",
    "I thought so when I saw your face.",
    "Tell me more, I have all the time.",
    "Nobody at home would believe that.",
    "It was just the same last summer.",
    "Wait a moment, I will fetch my coat.",
)


def texts(number: int) -> tuple[str, str]:
    """What two speakers say in a script, 0-based; after 64 they begin anew."""
    return _OPENINGS[number % len(_OPENINGS)], _ANSWERS[number // len(_OPENINGS) % len(_ANSWERS)]


def script_text(number: int, speakers: Sequence[str]) -> str:
    """A script as a file has it."""
    lines = zip(speakers, texts(number), strict=True)
    return "".join(f"[{name}] {text}\n" for name, text in lines)


@dataclass(frozen=True)
class Way:
    """A way to speak all scripts, with all that it takes."""

    name: str
    speak: Callable[[], float]  # returns seconds of audio


@dataclass(frozen=True)
class Measured:
    """What a way took, round by round."""

    name: str
    audio_seconds: tuple[float, ...]
    wall_seconds: tuple[float, ...]

    @property
    def rtfs(self) -> tuple[float, ...]:
        """Seconds on the wall per second of audio."""
        pairs = zip(self.wall_seconds, self.audio_seconds, strict=True)
        return tuple(wall / audio for wall, audio in pairs)

    def ratios(self, first: Measured) -> tuple[float, ...]:
        """How many times as long as the first it took, each round with the one beside it."""
        pairs = zip(self.wall_seconds, first.wall_seconds, strict=True)
        return tuple(mine / others for mine, others in pairs)


def measure_ways(
    ways: Sequence[Way], rounds: int, clock: Callable[[], Stopwatch], tell: Callable[[str], None]
) -> list[Measured]:
    """Speak all scripts in every way, round by round; every other round in the opposite order.

    A machine that slows down slows all of them.
    """
    audio: dict[str, list[float]] = {way.name: [] for way in ways}
    wall: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds):
        for way in ways if number % 2 == 0 else ways[::-1]:
            tell(f"round {number + 1} of {rounds}: {way.name}")
            with clock() as watch:
                audio[way.name].append(way.speak())
            wall[way.name].append(watch.seconds)
    return [Measured(way.name, tuple(audio[way.name]), tuple(wall[way.name])) for way in ways]


def ensemble_seconds(
    models: Models, prefixes: PrefixStore, jobs: Sequence[Request], rows: int
) -> float:
    """Speak jobs, so many side by side; return seconds of audio. Raises what ends a job.

    prefixes: where the LLM's state after the prompts is kept, as `podtts batch` keeps it.
    """
    seconds = 0.0
    for event in Engine(models, prefixes, rows=rows).run(jobs):
        if isinstance(event, RequestFailed):
            raise event.error
        if isinstance(event, TurnFinished):
            seconds += event.audio.seconds
    return seconds


def prescribed_jobs(
    count: int, prompts: Sequence[SpeakerPrompt], options: SynthesisOptions
) -> list[Request]:
    """Scripts for random weights: turns get the length that the longest text prescribes."""
    longest = max((*_OPENINGS, *_ANSWERS), key=expected_seconds)
    tokens = prescribed_tokens(longest)
    sampling = replace(options.sampling, min_tokens=tokens, max_tokens=tokens)
    own = replace(options, sampling=sampling, check_length=False)
    jobs = []
    for number in range(count):
        turns = tuple(Turn(speaker, text) for speaker, text in enumerate(texts(number)))
        script = Script(f"script {number}", ("S1", "S2"), turns)
        jobs.append(Request(script.source, script, prompts, own))
    return jobs


def scripts_json(setting: Mapping[str, Any], found: Sequence[Measured]) -> str:
    """The figures as JSON (schema in docs/bench.md)."""
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        **setting,
        "ways": [
            {
                "way": one.name,
                "audio_seconds": list(one.audio_seconds),
                "wall_seconds": list(one.wall_seconds),
                "rtf": median(one.rtfs),
                "ratio": median(one.ratios(found[0])),
            }
            for one in found
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
