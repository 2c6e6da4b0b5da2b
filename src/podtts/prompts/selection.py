"""What of a recording becomes the prompt: a part of it, and which of its channels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from podtts.audio.container import has_one_channel
from podtts.errors import UsageError
from podtts.rates import MAX_PROMPT_SECONDS
from podtts.text.clock_times import written_time

LONGEST_SOURCE_SECONDS = 600.0  # of a recording whose best stretch is looked for


@dataclass(frozen=True)
class Selection:
    """A part of a recording. Raises UsageError for a part that cannot be one.

    Of several channels, the one with sound is used, or the mean of those with sound.
    """

    start_seconds: float = 0.0
    stop_seconds: float | None = None  # None: the end
    trims: bool = False  # without the silence at both ends
    takes_best: bool = False  # if it is longer than a prompt may be: its best stretch

    def __post_init__(self) -> None:
        if self.stop_seconds is not None and self.stop_seconds <= self.start_seconds:
            raise UsageError(
                f"--to {written_time(self.stop_seconds)} is not behind "
                f"--from {written_time(self.start_seconds)}"
            )

    @property
    def longest_seconds(self) -> float:
        """The longest part that can be decoded for this."""
        return LONGEST_SOURCE_SECONDS if self.takes_best else MAX_PROMPT_SECONDS

    def digest(self, raw: bytes) -> str:
        """Return the digest of what is selected from the bytes of a file, as hexadecimal.

        It names everything that the selected sound depends on. That of a whole file with one
        channel is the SHA-256 of the file.
        """
        whole = hashlib.sha256(raw).hexdigest()
        if self == WHOLE and has_one_channel(raw):
            return whole
        stop = "end" if self.stop_seconds is None else repr(self.stop_seconds)
        rule = (
            f"{whole} selection 1: channels with sound, {self.start_seconds!r} to {stop}, "
            f"trims {self.trims}, takes best {self.takes_best}"
        )
        return hashlib.sha256(rule.encode()).hexdigest()


WHOLE = Selection()
