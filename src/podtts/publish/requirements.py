"""Checks before any work that a script can be published with these options."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from podtts.errors import UsageError
from podtts.publish.episode_files import check_output_paths
from podtts.publish.publish_options import WITH_PYAV, PublishOptions
from podtts.script.model import Script


def check_publishing(options: PublishOptions, output: str, script: Script, *, stream: bool) -> None:
    """Raise UsageError when the options are impossible for this output and script.

    stream: the output is stdout, a pipe or a device.
    """
    if stream and (option := options.option_that_needs_a_file()):
        raise UsageError(f"{option} needs an output file, not -o {output}", "use -o FILE")
    if options.chapters and not script.chapters:
        raise UsageError(
            f"--chapters: {script.source} has no headings", "write one as: # The opening"
        )
    if script.rates:
        _check_stretching(script.source)
    if options.format in WITH_PYAV:
        _check_package("av", f"--format {options.format}", "av")
    if options.credentials is not None:
        _check_package("c2pa", "--c2pa", "c2pa-python")
        from podtts.publish.content_credentials import check_credentials  # imports torch

        check_credentials(options.credentials)
    if not stream:
        check_output_paths(Path(output), options, script.source)


def _check_package(module: str, what: str, package: str) -> None:
    """Raise UsageError when the package of an extra is missing."""
    if find_spec(module) is None:
        raise UsageError(f"{what} needs the package {package}", f"run: pip install {package}")


def _check_stretching(source: str) -> None:
    """Raise UsageError when python-stretch is missing: it is not available on all systems."""
    if find_spec("python_stretch") is None:
        raise UsageError(
            f"{source} uses rates, which need the package python-stretch",
            "run: pip install python-stretch",
        )
