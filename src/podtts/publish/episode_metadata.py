"""The metadata of an episode's audio files."""

from __future__ import annotations

from pathlib import PurePath

import podtts
from podtts.audio.metadata import MADE_BY_A_MODEL, AudioMetadata
from podtts.publish.publish_options import MAX_TITLE, PublishOptions
from podtts.text.characters import excerpt


def episode_metadata(
    options: PublishOptions, named: str, model: str, seed: int, day: str
) -> AudioMetadata:
    """Return the metadata of an episode's files.

    named: path whose name is the title if the options have none.
    model: name of the checkpoint.
    day:   date if the options have none, YYYY-MM-DD.
    """
    software = f"podtts {podtts.__version__}"
    return AudioMetadata(
        title=options.title or excerpt(PurePath(named).stem, MAX_TITLE),
        artist=options.artist,
        date=options.date or day,
        comment=f"AI-generated speech: {software}, model {excerpt(model)}, seed {seed}",
        software=software,
        source_type=MADE_BY_A_MODEL,
    )
