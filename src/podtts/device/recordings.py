"""Recorded functions by their shapes: each is recorded at its first use, and few are kept."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

from podtts.device.recorded_function import NotRecordedError, RecordedFunction, Records, Turns

Function = Callable[..., Sequence[Tensor]]

GROWTH = 1.19  # of a size to the next: a tenth of what is recorded is padding


class Recordings:
    """Calls functions of tensors as recordings. Any thread may use it.

    Where a function cannot be recorded, all are called as they are, and a warning says so once.

    recorder: None on a device without recordings.
    what: which work it is, for the warning.
    kept: how many recordings; the one that was not used for longest goes. Each has memory of its
          own.
    """

    def __init__(
        self, device: torch.device, recorder: Records | None, what: str, kept: int
    ) -> None:
        self._recorder, self._what, self._kept = recorder, what, kept
        self._turns = Turns(device)
        self._recordings: OrderedDict[Hashable, RecordedFunction] = OrderedDict()
        self._refused = False

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._recordings)

    @property
    def are_refused(self) -> bool:
        """Whether the device could not record a function, so that none is recorded any more."""
        return self._refused

    def call(
        self,
        key: Hashable,
        function: Function,
        inputs: Sequence[Tensor],
        fill: Callable[[], None] | None = None,
    ) -> Sequence[Tensor]:
        """Results of a function, which are the caller's.

        key:  calls with the same key have the same function and the same shapes and dtypes.
        fill: writes to memory that the function reads besides its inputs; no other call comes
              between the two.
        """
        with self._turns.taken():
            if fill is not None:
                fill()
            recording = self._recording(key, function, inputs)
            return function(*inputs) if recording is None else recording(*inputs)

    def _recording(
        self, key: Hashable, function: Function, inputs: Sequence[Tensor]
    ) -> RecordedFunction | None:
        if key in self._recordings:
            self._recordings.move_to_end(key)
            return self._recordings[key]
        if self._refused or self._recorder is None:
            return None
        try:
            self._recordings[key] = RecordedFunction(self._recorder, function, inputs)
        except (NotRecordedError, torch.OutOfMemoryError) as error:
            self._refused = True
            reason = str(error).splitlines()[0]
            log = logging.getLogger(__name__)
            log.warning("%s are not recorded, so slower: %s", self._what, reason)
            return None
        if len(self._recordings) > self._kept:  # after a recording the device is done with it
            self._recordings.popitem(last=False)
        return self._recordings[key]


def recorded_size(count: int, first: int, step: int) -> int:
    """The smallest of few sizes that is at least so many, so that few shapes are recorded.

    first: the smallest of the sizes, which all are multiples of step.
    """
    size = first
    while size < count:
        size = -(-int(size * GROWTH) // step) * step
    return size
