"""`podtts tags`: what may stand in a text as <|…|>."""

from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS


def tags() -> None:
    """List the tags a script may use."""
    for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS:
        print(f"{tag.token:<20} {tag.meaning}")
