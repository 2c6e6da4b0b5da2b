"""The names of all voices that a run can find, without reading them."""

import unicodedata
from pathlib import Path

from podtts.hub.bundled import bundled_cache
from podtts.prompts.recording_files import find_recordings
from podtts.prompts.voices import VoiceStore


def voice_names(root: Path, speakers: Path | None) -> frozenset[str]:
    """Return the names of prepared voices, of those that come with podtts, and of recordings.

    root: of the user's cache. speakers: a folder of recordings; None: there is none.
    Raises InputError for a folder without recordings.
    """
    recordings = find_recordings([speakers]) if speakers is not None else []
    return frozenset(
        [
            *VoiceStore(root).names(),
            *VoiceStore(bundled_cache()).names(),
            *(unicodedata.normalize("NFC", file.name) for file in recordings),
        ]
    )
