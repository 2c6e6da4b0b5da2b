"""Numbers of things in messages."""


def counted(count: int, what: str) -> str:
    """Return a number of things in words: `1 turn`, `2 turns`, `0 files`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
