"""What an episode's files say about themselves."""

from __future__ import annotations

from pathlib import PurePath

import podtts
from podtts.audio.metadata import AudioMetadata
from podtts.publish.publish_options import MAX_TITLE, PublishOptions
from podtts.text.characters import excerpt


def episode_tags(
    options: PublishOptions, named: str, model: str, seed: int, day: str
) -> AudioMetadata:
    """The tags of an episode's files.

    named: a path whose name is the title, where options have none. model: a checkpoint's name.
    """
    software = f"podtts {podtts.__version__}"
    return AudioMetadata(
        title=options.title or excerpt(PurePath(named).stem, MAX_TITLE),
        artist=options.artist,
        date=options.date or day,
        comment=f"AI-generated speech: {software}, model {excerpt(model)}, seed {seed}",
        software=software,
    )
