"""The prompt encoders of a checkpoint, and the voices that scripts can use with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from podtts.errors import ModelError
from podtts.hub.bundled import bundled_cache, bundled_model
from podtts.prompts.cache import PromptCache
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.voices import VoiceStore
from podtts.weights.files import (
    COMPLETE,
    SPEAKER_ENCODER_FILE,
    SPEECH_TOKENIZER_FILE,
    check_directory,
)


def checkpoint_encoders(directory: Path) -> PromptEncoders:
    """Return the prompt encoders of a checkpoint, which are loaded at their first use.

    Raises ModelError naming a file that is missing.
    """
    paths = directory / SPEECH_TOKENIZER_FILE, directory / SPEAKER_ENCODER_FILE
    for path in paths:
        if not path.is_file():
            raise ModelError(f"{path} is missing", COMPLETE)
    return PromptEncoders(*paths)


def checkpoint_voices(
    directory: Path, root: Path, speakers: Path | None, warn: Callable[[str], None]
) -> VoiceSources:
    """Return where a checkpoint's voices are found; loads nothing.

    root:     of the user's cache. The voices that come with the bundled model serve it, too.
    speakers: a folder of recordings, before all prepared voices; None: there is none.
    warn:     is called with one line for a damaged entry of the cache, and for a voice of another
              model that one of podtts' own replaces.
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
