"""The first line of a journal: the fingerprint of its run, and what decides who may continue it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import podtts
from podtts.episode.fingerprint_schema import SCHEMA_VERSION, FingerprintSchema, Mismatch

FORMAT = 1  # raise when a journal of the older layout cannot be continued any more
# The version of podtts is for people: nothing is compared with it.
_VERSIONS = {"format": FORMAT, "schema": SCHEMA_VERSION, "podtts": podtts.__version__}
_MIXED = "mixed"  # what computed earlier turns, if it was something else
_NOT_OF_FINGERPRINT = ("format", "day", _MIXED)

Header = Mapping[str, Any]


def new_header(fingerprint: Header, day: str) -> dict[str, Any]:
    """The first line of a run that begins."""
    return {**_VERSIONS, **fingerprint, "day": day}


def mixed_header(former: Header, before: Header, fingerprint: Header, day: str) -> dict[str, Any]:
    """The first line of a run that continues one which something else computed.

    former: the first line so far. before: what differs in it, see `Mismatch.before`.
    """
    earlier = former[_MIXED] if is_mixed(former) else []
    return {**new_header(fingerprint, day), _MIXED: [*earlier, before]}


def is_mixed(header: Header) -> bool:
    """Whether something else computed some of the turns."""
    return isinstance(header.get(_MIXED), list)


def resume_mismatch(header: Header, fingerprint: Header) -> Mismatch | None:
    """Return why a run of this fingerprint cannot continue a journal; header: its first line."""
    if (layout := header.get("format")) != FORMAT:
        return Mismatch(
            f"the journal has layout {layout!r}, and this podtts reads layout {FORMAT}",
            "use the version of podtts that made it",
        )
    recorded = {key: value for key, value in header.items() if key not in _NOT_OF_FINGERPRINT}
    return FingerprintSchema().mismatch(recorded, fingerprint)


def as_json(fingerprint: Header) -> dict[str, Any]:
    """The values as they are when they are read from a file."""
    values: dict[str, Any] = json.loads(json.dumps(fingerprint))
    return values
