"""What cannot be published for a script, found before any work is done."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from podtts.errors import UsageError
from podtts.publish.episode_files import check_places
from podtts.publish.publish_options import PublishOptions
from podtts.script.model import Script


def check_publishing(options: PublishOptions, output: str, script: Script, *, stream: bool) -> None:
    """Refuse what cannot be written. stream: output is stdout, a pipe or a device.

    Raises UsageError.
    """
    if stream and (option := options.needing_a_file()):
        raise UsageError(f"{option} needs an output file, not -o {output}", "name a file")
    if options.chapters and not script.chapters:
        raise UsageError(
            f"--chapters: {script.source} has no headings", "write them as: # The opening"
        )
    if script.rates:
        _check_stretching(script.source)
    if not stream:
        check_places(Path(output), options, script.source)


def _check_stretching(source: str) -> None:
    """Raises UsageError where the library for rates is missing: it has no wheel everywhere."""
    if find_spec("python_stretch") is None:
        raise UsageError(
            f"{source} asks for rates, which need the package python-stretch",
            "run: pip install python-stretch",
        )
