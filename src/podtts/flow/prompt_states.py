"""The flow's states behind prompts, kept for the turns that begin there."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from podtts.flow.streaming import FlowState
from podtts.options import DEFAULT_FLOW_CACHE, FlowOptions, Precision
from podtts.values import PromptFeatures

_Key = tuple[str, FlowOptions]
_Entry = tuple[FlowState, Precision]  # and the precision that it is finite in


class PromptStates:
    """States by prompt and options. Any thread may use it.

    megabytes: of all states that are kept; the one that was not used for longest goes first. What
               is not kept is computed again, to the same bits.
    """

    def __init__(self, megabytes: int = DEFAULT_FLOW_CACHE) -> None:
        self._limit_bytes = megabytes * 10**6
        self._lock = threading.Lock()
        self._states: OrderedDict[_Key, _Entry] = OrderedDict()

    @property
    def memory_bytes(self) -> int:
        """The memory of all states that are kept."""
        with self._lock:
            return self._sum()

    def get(
        self,
        prompt: PromptFeatures,
        options: FlowOptions,
        compute: Callable[[], tuple[FlowState, Precision]],
    ) -> tuple[FlowState, Precision]:
        """The state behind a prompt that is solved with these options, and its precision.

        compute: computes both; called if they are not kept.
        """
        key = _digest(prompt), options
        with self._lock:
            if (entry := self._states.get(key)) is not None:
                self._states.move_to_end(key)
                return entry
        entry = compute()
        with self._lock:
            self._states[key] = entry
            while self._states and self._sum() > self._limit_bytes:
                self._states.popitem(last=False)
        return entry

    def clear(self) -> None:
        """Forget all states."""
        with self._lock:
            self._states.clear()

    def _sum(self) -> int:
        return sum(state.memory_bytes for state, _ in self._states.values())


def _digest(prompt: PromptFeatures) -> str:
    digest = hashlib.sha256()
    for tensor in (prompt.speech_tokens, prompt.mel, prompt.speaker_embedding):
        digest.update(str((tensor.dtype, tensor.shape)).encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()
