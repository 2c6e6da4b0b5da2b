"""Imports all of podtts at once, for servers that fork a process for every command.

Neither podtts nor what it imports here reads a variable of the environment on the way, but for
those that `turn_off_telemetry` sets.
"""

import pkgutil
from importlib import import_module

import podtts

_LEFT_OUT = {  # programs, and what needs an extra
    "podtts.__main__",
    "podtts.audio.decode_worker",
    "podtts.batch.ray_workers",
    "podtts.bench.published_recipe",  # imports transformers' models, for seconds
    "podtts.bench.recognizer",
}


def import_all() -> None:
    """Import every module, and with them the libraries. It starts no threads: they do not fork."""
    for module in pkgutil.walk_packages(podtts.__path__, "podtts."):
        if module.name not in _LEFT_OUT:
            import_module(module.name)
