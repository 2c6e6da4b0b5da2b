"""What comes with podtts itself: a small demonstration model, and voices prepared for it."""

from pathlib import Path

MINI = "mini"

_PACKAGE = Path(__file__).parents[1]


def bundled_model() -> Path:
    """The folder of the small model."""
    return _PACKAGE / "assets" / MINI


def bundled_cache() -> Path:
    """The folder of its prepared voices: packed into the package, or `cache/` of a checkout."""
    packed = _PACKAGE / "assets" / "cache"
    return packed if packed.is_dir() else _PACKAGE.parents[1] / "cache"
