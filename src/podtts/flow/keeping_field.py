"""The estimator of a flow that keeps its state, evaluation by evaluation.

Compiled code, or recordings of a device, compute it where they compute whole turns, too; else
torch. A sequence stays with what began it, because each keeps keys and values in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from podtts.device.cpu_cores import all_cores
from podtts.flow.decode import Flow
from podtts.flow.native_estimator import KeptRow
from podtts.flow.recorded_chunks import KeptByRecordings, RecordedChunks
from podtts.nn.carried import Carried, States, state_bytes
from podtts.options import FlowOptions


@dataclass(frozen=True, eq=False)
class KeptByTorch:
    """What torch keeps of an evaluation."""

    states: States

    @property
    def memory_bytes(self) -> int:
        return state_bytes(self.states)


@dataclass(frozen=True, eq=False)
class KeptByCompiledCode:
    """What compiled code keeps of an evaluation: of each row of the guidance."""

    rows: tuple[KeptRow, ...]

    @property
    def memory_bytes(self) -> int:
        return sum(row.memory_bytes for row in self.rows)


Kept = KeptByTorch | KeptByCompiledCode | KeptByRecordings


class KeepingField:
    """The estimator with the arguments of `Estimator.forward`: each call is the next evaluation.

    before: what was kept of each evaluation; None: the sequence begins.
    after:  what is kept of each evaluation so far.
    last:   no part of the sequence follows.
    """

    def __init__(
        self, flow: Flow, before: Sequence[Kept] | None, options: FlowOptions, *, last: bool
    ) -> None:
        self._flow, self._precision, self._last = flow, options.precision, last
        self._before: Iterator[Kept] | None = None if before is None else iter(before)
        self.after: list[Kept] = []

    def __call__(self, x: Tensor, valid: None, t: Tensor, chunk_frames: int) -> Tensor:
        before = None if self._before is None else next(self._before)
        recorded = self._flow.recorded_chunks(self._precision)
        if isinstance(before, KeptByRecordings) or (before is None and recorded):
            assert recorded is not None
            return self._extend_recorded(recorded, x, t, before or KeptByRecordings())
        compiled = self._flow.runs_compiled(self._precision)
        if isinstance(before, KeptByCompiledCode) or (before is None and compiled):
            return self._extend_compiled(x, t, before)
        return self._extend_torch(x, t, before)

    def _extend_compiled(self, x: Tensor, t: Tensor, before: KeptByCompiledCode | None) -> Tensor:
        rows = [None] * len(x) if before is None else before.rows
        velocity, after = self._flow.native_estimator(self._precision).extend(x, t, rows)
        self.after.append(KeptByCompiledCode(after))
        return velocity

    def _extend_recorded(
        self, chunks: RecordedChunks, x: Tensor, t: Tensor, before: KeptByRecordings
    ) -> Tensor:
        velocity, after = chunks.extend(x, t, before, last=self._last)
        self.after.append(after)
        return velocity

    def _extend_torch(self, x: Tensor, t: Tensor, before: KeptByTorch | None) -> Tensor:
        carried = Carried(None if before is None else before.states)
        estimator = self._flow.estimator_in(self._precision)
        with all_cores(self._flow.device):  # torch's threads would wait for those of compiled code
            velocity: Tensor = estimator.extend(x, t, carried)
        self.after.append(KeptByTorch(carried.after))
        return velocity
