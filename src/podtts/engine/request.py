"""What an engine is asked for, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from podtts.errors import PodttsError
from podtts.options import SynthesisOptions
from podtts.script.model import Script
from podtts.values import AudioChunk, Heard, SpeakerPrompt, SpeechTokens, Turn, TurnAudio


class Listener(Protocol):
    """Hears turns after they were made. The same wave always gives the same answer."""

    def hear(self, turn: Turn, prompt: SpeakerPrompt, wave: Tensor) -> Heard | None:
        """Return what was heard in a turn, float32 [S] at 24 kHz; None: it cannot be judged.

        May raise a PodttsError, which ends the request alone.
        """


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
    listener: hears every attempt that was rendered; `options.verify_limit` says which of them fail.
              If all attempts of a turn fail, the one that was understood best is accepted.
              None: nobody listens.
    reports_sound:  whether `SoundRendered` reports the samples of a turn as they come. The flow's
              mode must be streaming, and every turn has one attempt: `options.retries` has no
              effect.
    """

    id: str
    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    finished: Mapping[int, SpeechTokens] = field(default_factory=dict)
    attempts: Mapping[int, int] = field(default_factory=dict)
    draws: Mapping[int, int] = field(default_factory=dict)
    reports_tokens: bool = False
    listener: Listener | None = None
    reports_sound: bool = False


@dataclass(frozen=True, eq=False)
class TokensDecoded:
    """More speech tokens of an attempt of a turn.

    The attempt may still fail a check. Then this turn, and perhaps the turn before it, is decoded
    again: position 0 takes back all tokens of the turn that were reported before. With a listener,
    an earlier attempt may be accepted in the end: `TurnFinished` has the tokens that count.
    """

    request: Request
    index: int  # of the turn, 0-based
    attempt: int
    position: int  # of the first of these tokens in the turn, 0-based
    ids: tuple[int, ...]  # values as in SpeechTokens


@dataclass(frozen=True, eq=False)
class SoundRendered:
    """The next samples of a turn; turns and samples come in order.

    `TurnFinished` follows the last chunk of a turn.
    """

    request: Request
    chunk: AudioChunk


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


Event = TokensDecoded | SoundRendered | TurnFinished | RequestFinished | RequestFailed
