"""The voices that scripts can use with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from podtts.hub.bundled import bundled_cache, bundled_model
from podtts.prompts.cache import PromptCache
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.voices import VoiceStore
from podtts.weights.files import check_directory, checkpoint_encoders


def checkpoint_voices(
    directory: Path, root: Path, speakers: Path | None, warn: Callable[[str], None]
) -> VoiceSources:
    """Return where a checkpoint's voices are found; loads nothing.

    root:     of the user's cache. The voices that come with the bundled model serve it, too.
    speakers: a folder of recordings, before all prepared voices; None: there is none.
    warn:     is called with one line for a damaged entry of the cache.
    Raises ModelError for a checkpoint that is incomplete.
    """
    check_directory(directory)
    return VoiceSources(
        checkpoint_encoders(directory),
        PromptCache(root, warn),
        VoiceStore(root),
        speakers,
        bundled_cache() if directory == bundled_model() else None,
    )
