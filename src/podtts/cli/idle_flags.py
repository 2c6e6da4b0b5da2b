"""Flags that do nothing without another one. They are refused: who gives them expects something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from podtts.errors import UsageError
from podtts.publish.option_names import without_effect

if TYPE_CHECKING:
    from podtts.cli.publish_flags import PublishFlags
    from podtts.cli.speed_flags import SpeedFlags
    from podtts.options import FlowOptions
    from podtts.publish.publish_options import PublishOptions


def idle_flags(
    publish: PublishFlags, speed: SpeedFlags, publishing: PublishOptions, flow: FlowOptions
) -> dict[str, str]:
    """Return the flags that do nothing for an episode, each with what it needs."""
    idle = {
        f"--{name.replace('_', '-')}": f"--{needed}"
        for name, needed in without_effect(publish.given(), publishing)
    }
    if speed.flow_cache is not None and flow.mode != "streaming":
        idle["--flow-cache"] = "--flow-mode streaming"
    return idle


def refuse_idle(idle: Mapping[str, str]) -> None:
    """Raise UsageError for the first of these flags."""
    for flag, needed in idle.items():
        raise UsageError(f"{flag} needs {needed}", f"add {needed}, or leave {flag} out")


class IdleInBatch:
    """The flags of a batch that have done nothing for any of its episodes so far.

    An episode's own options, in its line of a manifest, may give such a flag an effect.
    """

    def __init__(self, publish: PublishFlags, speed: SpeedFlags) -> None:
        self._publish, self._speed = publish, speed
        self._idle: dict[str, str] | None = None

    def see(self, publishing: PublishOptions, flow: FlowOptions) -> None:
        """Take the options of one episode into account."""
        idle = idle_flags(self._publish, self._speed, publishing, flow)
        known = idle if self._idle is None else self._idle
        self._idle = {flag: needed for flag, needed in known.items() if flag in idle}

    def refuse(self) -> None:
        """Raise UsageError for a flag that did nothing for all that was seen."""
        refuse_idle(self._idle or {})
