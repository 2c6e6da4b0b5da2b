"""One episode as it was asked for, and where that stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from podtts.errors import InputError
from podtts.options import SynthesisOptions
from podtts.publish.publish_options import PublishOptions
from podtts.script.model import Script
from podtts.script.spoken import SpeechTextOptions


@dataclass(frozen=True)
class EpisodeSettings:
    """How an episode is spoken and published; a page is beside it, or there is none."""

    options: SynthesisOptions
    # Whether the flow's precision was asked for, and is kept where a device has none of its own.
    keeps_precision: bool = False
    voices: Mapping[str, str] = field(default_factory=dict)  # label to voice, before the script's
    speech: SpeechTextOptions = field(default_factory=SpeechTextOptions)
    publishing: PublishOptions = field(default_factory=PublishOptions)


@dataclass(frozen=True)
class EpisodeRequest:
    """An episode: what is said, by whom, and how. `settings` names labels of the script alone."""

    id: str
    script: Script
    settings: EpisodeSettings


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a request stands in its source: all that is remembered of it until its turn comes."""

    id: str
    at: int  # for the source alone
    line: int  # in a manifest, 1-based; 0: the request has a file of its own


# What a source holds at one place: a request; a script that fails alone; or a mistake of the source
# itself, for which nothing is begun.
Found = tuple[Entry, EpisodeRequest | InputError] | InputError


class Source(Protocol):
    """A folder or manifest. Requests are read again when their turn comes, not kept."""

    name: str

    def scan(self) -> Iterator[Found]:
        """Read everything once, in order."""

    def read(self, entry: Entry) -> EpisodeRequest:
        """Read one request again. Raises InputError: it may have been changed meanwhile."""
