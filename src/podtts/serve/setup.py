"""What a server is started with."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from podtts.batch.request import EpisodeSettings
from podtts.device.placement import Placement
from podtts.errors import UsageError
from podtts.prompts.lookup import VoiceSources
from podtts.serve.limits import Limits
from podtts.serve.voices import OtherNames


@dataclass(frozen=True)
class ServerSetup:
    """What a server is started with.

    defaults: of all requests. flow_cache: MB for the flow's states behind prompts.
    rows:     None: as memory allows, at most 8.
    jobs:     folder of the jobs; one server at a time uses it.
    """

    directory: Path
    root: Path
    placement: Placement
    sources: VoiceSources
    names: OtherNames
    defaults: EpisodeSettings
    flow_cache: int
    rows: int | None
    limits: Limits
    host: str
    port: int
    jobs: Path
    tokens: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    keeps_prefix: bool = True

    def __post_init__(self) -> None:
        """Raise UsageError for a server that others reach without a token."""
        if not self.is_loopback and not self.tokens:
            raise UsageError(
                f"--host {self.host} lets other machines in",
                "give --token-file FILE with a token a line, or leave out --host",
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass
class Reporting:
    """How a server talks to people. today: the date for the tags of files."""

    say: Callable[[str], None]
    warn: Callable[[str], None]
    today: Callable[[], str]
