"""`podtts tags`: lists the tags and pauses that a script may contain."""

from podtts.text.pauses import PAUSE_SPELLINGS
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS


def tags() -> None:
    """List the tags and pauses that a script may contain."""
    for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS:
        print(f"{tag.token:<20} {tag.meaning}")
    for spelling, meaning in PAUSE_SPELLINGS:
        print(f"{spelling:<20} {meaning}")
