"""What travels between stages: frozen values that check themselves when they are made.

Axis letters, here and in every docstring: B batch, T speech tokens (25 per second), F mel frames
(50 per second), S samples (24,000 per second), V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podtts.deprecation import renamed_property
from podtts.errors import InputError
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, OUTPUT_HZ, TOKENS_PER_SECOND

if TYPE_CHECKING:  # values are named by modules that must import without torch
    from torch import Tensor


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue."""

    speaker: int  # 0-based number in the script's cast
    text: str  # its spoken form, tags included
    line: int = 0  # where it starts in its source, 1-based; 0 when made by a program
    # A written turn with pauses in it, or one that is too long, becomes several turns.
    continues: bool = False  # the same written turn goes on: no gap before it
    pause: float = 0.0  # seconds of silence that the script wants right before it
    written: str = ""  # the script's words where `text` differs: 3 dogs, three dogs

    @property
    def shown(self) -> str:
        """The words as the script has them, tags included: for readers, not for the model."""
        return self.written or self.text


@dataclass(frozen=True)
class Chapter:
    """A heading of the script, before the turn of index `turn` (0-based)."""

    title: str
    turn: int
    line: int = 0


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class PromptFeatures:
    """Everything the model needs to know of one speaker's recording.

    Raises InputError when shapes do not belong together: two mel frames stand over every token.
    """

    speech_tokens: Tensor  # int32 [T]
    mel: Tensor  # float32 [2*T, 80], natural log
    speaker_embedding: Tensor  # float32 [192]

    def __post_init__(self) -> None:
        tokens, frames = len(self.speech_tokens), len(self.mel)
        if self.mel.ndim != 2 or self.mel.shape[1] != MEL_BINS:
            raise InputError(f"prompt mel has shape {tuple(self.mel.shape)}, not [frames, 80]")
        if frames != MEL_FRAMES_PER_TOKEN * tokens:
            raise InputError(
                f"prompt has {tokens} speech tokens but {frames} mel frames, not twice"
            )
        if self.speaker_embedding.ndim != 1:
            raise InputError(
                f"speaker embedding has shape {tuple(self.speaker_embedding.shape)}, not [size]"
            )

    @property
    def seconds(self) -> float:
        """Length of the recording as the model sees it."""
        return len(self.speech_tokens) / TOKENS_PER_SECOND


@dataclass(frozen=True, eq=False)
class SpeakerPrompt:
    """A speaker of a script: the features of the recording and what is said in it."""

    name: str
    features: PromptFeatures
    transcript: str
    dialect_prompt: str = ""  # a sentence in dialect, opened by its tag; empty for none


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of work one turn took, by stage."""

    llm: float = 0.0
    flow: float = 0.0
    vocoder: float = 0.0
    hearing: float = 0.0  # listening to what was made, where that is asked for

    @property
    def total(self) -> float:
        return self.llm + self.flow + self.vocoder + self.hearing

    def by_stage(self) -> dict[str, float]:
        """The seconds by the name of the stage; hearing only if there was any."""
        stages = {"llm": self.llm, "flow": self.flow, "vocoder": self.vocoder}
        return stages | ({"hearing": self.hearing} if self.hearing else {})

    def __add__(self, other: StageSeconds) -> StageSeconds:
        return StageSeconds(
            self.llm + other.llm,
            self.flow + other.flow,
            self.vocoder + other.vocoder,
            self.hearing + other.hearing,
        )


@dataclass(frozen=True)
class RunWork:
    """What one run synthesized itself, and the work it took."""

    device: str
    turns: int = 0
    audio_seconds: float = 0.0
    stages: StageSeconds = field(default_factory=StageSeconds)

    def with_turn(self, turn: TurnAudio) -> RunWork:
        """This, and another turn."""
        seconds = self.audio_seconds + turn.seconds
        return RunWork(self.device, self.turns + 1, seconds, self.stages + turn.work)


@dataclass(frozen=True)
class SpeechTokens:
    """What the LLM decoded for one turn."""

    ids: tuple[int, ...]  # values in [0, speech vocabulary), end token not included
    ended: bool  # False when the token limit cut the turn

    @property
    def seconds(self) -> float:
        return len(self.ids) / TOKENS_PER_SECOND


@dataclass(frozen=True)
class Heard:
    """What a speech recognizer heard in a turn, and how far that is from its text."""

    text: str
    error: float  # share of the words, or Chinese characters, that differ; may be more than 1


@dataclass(frozen=True, eq=False)
class TurnAudio:
    """A finished turn, yielded by the pipeline as soon as its audio exists."""

    index: int  # 0-based number in the script
    turn: Turn
    tokens: SpeechTokens
    wave: Tensor  # float32 [S] on the CPU, within [-1, 1]
    work: StageSeconds = field(default_factory=StageSeconds)
    attempt: int = 0  # its number: every attempt and retake of a turn uses other random draws
    problems: tuple[str, ...] = ()  # the checks that this attempt failed; empty: none
    notes: tuple[str, ...] = ()  # what was done in another way than asked for, without a failure
    heard: Heard | None = None  # None: nobody listened, or the turn cannot be judged
    later_attempts: int = 0  # that were made after this one and understood no better

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.wave) / OUTPUT_HZ

    variation = renamed_property("TurnAudio.variation", "attempt")


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """Some samples of a turn, while the rest of it is still being synthesized."""

    index: int  # of the turn in the script, 0-based
    turn: Turn
    first_sample: int  # where in the turn they begin
    samples: Tensor  # float32 [S] on the CPU, within [-1, 1]
    finished: TurnAudio | None = None  # the last chunk has the whole turn
