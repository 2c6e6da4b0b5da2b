"""The small demonstration model that podtts includes, its prepared voices and their recordings."""

from pathlib import Path

MINI = "mini"

_PACKAGE = Path(__file__).parents[1]


def bundled_model() -> Path:
    """Return the folder of the small model."""
    return _PACKAGE / "assets" / MINI


def bundled_cache() -> Path:
    """Return the cache with its voices: in the installed package, or `cache/` of a checkout."""
    return _installed_or_checkout("cache", "cache")


def bundled_recordings() -> Path:
    """Return the recordings of these voices: in the installed package, or those of a checkout."""
    return _installed_or_checkout("speakers", "examples/speakers")


def _installed_or_checkout(installed: str, checkout: str) -> Path:
    folder = _PACKAGE / "assets" / installed
    return folder if folder.is_dir() else _PACKAGE.parents[1] / checkout
