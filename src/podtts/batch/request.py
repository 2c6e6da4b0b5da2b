"""The request of one episode, and where it is in its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from podtts.errors import InputError
from podtts.options import SynthesisOptions
from podtts.publish.publish_options import PublishOptions
from podtts.script.model import Script
from podtts.script.reading import ReadingOptions
from podtts.script.spoken import SpeechTextOptions


@dataclass(frozen=True)
class EpisodeSettings:
    """How an episode is synthesized and published; a page is beside it, or there is none."""

    options: SynthesisOptions
    # Whether the flow's precision was asked for, and is used on a device that emulates it.
    keeps_precision: bool = False
    voices: Mapping[str, str] = field(default_factory=dict)  # label to voice, before the script's
    speech: SpeechTextOptions = field(default_factory=SpeechTextOptions)
    publishing: PublishOptions = field(default_factory=PublishOptions)
    reading: ReadingOptions = field(default_factory=ReadingOptions)


@dataclass(frozen=True)
class EpisodeRequest:
    """An episode: its script and its settings, which name labels of the script alone."""

    id: str
    script: Script
    settings: EpisodeSettings


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a request is in its source: all that a batch remembers until it reads it again."""

    id: str
    position: int  # for the source alone
    line: int  # in a manifest, 1-based; 0: the request has a file of its own


# One item of a source: a request; a script that fails alone; or a mistake of the source itself, and
# then nothing is begun.
SourceItem = tuple[Entry, EpisodeRequest | InputError] | InputError


class Source(Protocol):
    """A folder or manifest. A request is not stored: it is read again when a worker needs it."""

    name: str

    def scan(self) -> Iterator[SourceItem]:
        """Read everything once, in order."""

    def read(self, entry: Entry) -> EpisodeRequest:
        """Read one request again. Raises InputError: it may have changed since."""
