"""The small demonstration model that podtts includes, and the voices prepared for it."""

from pathlib import Path

MINI = "mini"

_PACKAGE = Path(__file__).parents[1]


def bundled_model() -> Path:
    """Return the folder of the small model."""
    return _PACKAGE / "assets" / MINI


def bundled_cache() -> Path:
    """Return the cache with its voices: in the installed package, or `cache/` of a checkout."""
    installed = _PACKAGE / "assets" / "cache"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "cache"
