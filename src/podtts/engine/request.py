"""What an engine is asked for, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from podtts.errors import PodttsError
from podtts.options import SynthesisOptions
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, SpeechTokens, TurnAudio


@dataclass(frozen=True, eq=False)
class Request:
    """A script to synthesize.

    id:       names it in reports; the engine compares requests by identity, not by id.
    prompts:  one per label of the script, in the script's order.
    finished: turns (by 0-based index) that an earlier run finished. They are context for the turns
              after them; they are not synthesized again and not reported.
    attempts: the number of the first attempt, for turns (by 0-based index) that do not begin with
              attempt 0. Every attempt number stands for other random draws.
    draws:    the number of the random draws, for turns (both 0-based) where it is not the turn's: a
              turn that an edit of the script has moved keeps its number, and others get a new one.
    reports_tokens: whether `TokensDecoded` reports the speech tokens of a turn as they come.
    """

    id: str
    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    finished: Mapping[int, SpeechTokens] = field(default_factory=dict)
    attempts: Mapping[int, int] = field(default_factory=dict)
    draws: Mapping[int, int] = field(default_factory=dict)
    reports_tokens: bool = False


@dataclass(frozen=True, eq=False)
class TokensDecoded:
    """More speech tokens of an attempt of a turn.

    The attempt may still fail a check. Then this turn, and perhaps the turn before it, is decoded
    again: position 0 takes back all tokens of the turn that were reported before.
    """

    request: Request
    index: int  # of the turn, 0-based
    attempt: int
    position: int  # of the first of these tokens in the turn, 0-based
    ids: tuple[int, ...]  # values as in SpeechTokens


@dataclass(frozen=True, eq=False)
class TurnFinished:
    """A turn is accepted, or no attempts are left. Turns come in the script's order."""

    request: Request
    audio: TurnAudio


@dataclass(frozen=True, eq=False)
class RequestFinished:
    """All turns of a request were reported."""

    request: Request


@dataclass(frozen=True, eq=False)
class RequestFailed:
    """A request cannot be synthesized any further; the others go on."""

    request: Request
    error: PodttsError


Event = TokensDecoded | TurnFinished | RequestFinished | RequestFailed
