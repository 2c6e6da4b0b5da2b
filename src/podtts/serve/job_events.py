"""What happens to a job, a line of JSON each: kept on disk, and read from the start by anybody."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from podtts.storage.appending import append_line, open_to_append
from podtts.storage.disk_errors import disk_error

LAST = frozenset({"job.done", "job.failed", "job.deleted"})  # nothing follows one of these


class JobEvents:
    """The events of one job. Of the event loop alone; `append` waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        self._events: list[Mapping[str, Any]] = _read(self._path)
        self._more = asyncio.Event()  # replaced by another one whenever it is set
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._events)

    @property
    def has_ended(self) -> bool:
        return bool(self._events) and self._events[-1]["type"] in LAST

    @property
    def turns(self) -> set[int]:
        """The numbers (1-based) of the turns that were reported."""
        return {event["turn"] for event in self._events if event["type"] == "job.turn"}

    async def append(self, event: Mapping[str, Any]) -> None:
        """Add an event: it is on the disk before anybody sees it. Raises DiskError."""
        await asyncio.to_thread(self._write, event)
        self.tell(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Add an event for those who listen now, and for nobody later."""
        self._events.append(event)
        self._more.set()
        self._more = asyncio.Event()

    def close(self) -> None:
        """Let nobody wait for more."""
        self._is_closed = True
        self._more.set()

    async def follow(
        self, after: int, silence_seconds: float
    ) -> AsyncIterator[tuple[int, Mapping[str, Any]] | None]:
        """Yield all events behind the first `after` with their numbers, as they come, to the last.

        after: 0: from the start. silence_seconds: after which None says that nothing has happened.
        """
        number = after
        while not self._is_closed:
            more = self._more
            while number < len(self._events):
                event = self._events[number]
                number += 1
                yield number, event
                if event["type"] in LAST:
                    return
            try:
                async with asyncio.timeout(silence_seconds):
                    await more.wait()
            except TimeoutError:
                yield None

    def _write(self, event: Mapping[str, Any]) -> None:
        try:
            with open_to_append(self._path) as file:
                append_line(file, json.dumps(event, ensure_ascii=False).encode())
        except OSError as error:
            raise disk_error(self._path, error, "make room, or choose another --jobs") from error


def _read(path: Path) -> list[Mapping[str, Any]]:
    """The complete lines of a file; a part of a line that a kill has left is cut off."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    events: list[Mapping[str, Any]] = []
    good = 0
    for line in raw.splitlines(keepends=True):
        try:
            event = json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n") or not isinstance(event, dict) or "type" not in event:
            break
        events.append(event)
        good += len(line)
    if good < len(raw):
        os.truncate(path, good)
    return events
