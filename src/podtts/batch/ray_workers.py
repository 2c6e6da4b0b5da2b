"""Workers as actors of a Ray cluster; the only file that imports ray.

Nodes need podtts and the same path for the output folder, unless files go back to the driver.
Voices come with the tasks, from the node's object store; a node that lacks the checkpoint copies
it once, and finds it by its digest.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    OwnerDiedError,
    RayActorError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from podtts.batch.checkpoint_copy import copied_checkpoint, file_sizes, read_chunk
from podtts.batch.memory import MAX_ROWS
from podtts.batch.task import Outcome, Ready, Setup, Task, WorkerFailure
from podtts.batch.transfer import packed, unpack
from podtts.batch.worker_handle import WorkerDiedError
from podtts.batch.worker_process import open_worker
from podtts.episode.fingerprint import speaker_fingerprint
from podtts.episode.journal_choice import remove_journals
from podtts.errors import PodttsError, UsageError
from podtts.hub.bundled import bundled_model
from podtts.publish.episode_files import episode_file
from podtts.publish.publish_options import FORMATS
from podtts.values import SpeakerPrompt

LOCAL = "local"
_REACHED_SECONDS = 10.0
_MAX_VOICES = 256  # of half a megabyte each


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster; `local` starts one on this machine for the time of the block.

    Raises UsageError when there is no cluster at the address.
    """
    try:
        host, colon, port = address.rpartition(":")
        if colon and port.isdecimal() and "/" not in host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), _REACHED_SECONDS).close()
        dashboard = False if address == LOCAL else None
        ray.init(address, include_dashboard=dashboard, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError, OverflowError) as error:
        first = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"--ray {address}: {first}", "give HOST:PORT of its head, auto, or local"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def devices_of_cluster() -> int:
    """How many CUDA devices the cluster has."""
    return int(ray.cluster_resources().get("GPU", 0))


class Cluster:
    """What all actors of a run share: the checkpoint's files and the voices that were sent.

    back_to_driver: actors send files back in place of writing to `setup.output`.
    cpus, gpus: of each actor.
    """

    def __init__(
        self, setup: Setup, digest: str, *, back_to_driver: bool, cpus: int, gpus: int
    ) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        files = ray.remote(_Files).options(num_cpus=0, scheduling_strategy=here)
        self._files = files.remote(setup.directory)
        self._setup, self._digest, self._back = setup, digest, back_to_driver
        calls = 2 * (setup.rows or MAX_ROWS) + 8  # tasks, and other calls
        self._actors = ray.remote(_Actor).options(
            num_cpus=cpus, num_gpus=gpus, max_concurrency=calls
        )
        self._voices: OrderedDict[str, Any] = OrderedDict()

    def start_worker(self) -> RayWorker:
        """Start an actor."""
        actor = self._actors.remote(self._setup, self._digest, self._files, self._back)
        return RayWorker(actor, self)

    def voice(self, prompt: SpeakerPrompt) -> Any:
        """A voice in the object store: it is sent to each node once."""
        name = repr((prompt.name, speaker_fingerprint(prompt)))
        if name not in self._voices:
            self._voices[name] = ray.put(prompt)
        self._voices.move_to_end(name)
        if len(self._voices) > _MAX_VOICES:
            self._voices.popitem(last=False)
        return self._voices[name]

    def unpacked(self, outcome: Outcome, contents: Mapping[str, bytes]) -> Outcome:
        """Write the files that an actor sent back; return the outcome."""
        try:
            unpack(self._setup.output, contents)
        except OSError as error:
            problem = f"{self._setup.output / outcome.id}: cannot be written: {error.strerror}"
            return replace(outcome, state="failed", error=problem, unwritable=True)
        return outcome


class RayWorker:
    """An actor that holds a loaded checkpoint."""

    def __init__(self, actor: Any, cluster: Cluster) -> None:
        self._actor, self._cluster = actor, cluster

    def ready(self) -> Future[Ready]:
        future: Future[Ready] = Future()

        def finish(answer: Future[Ready | WorkerFailure]) -> None:
            if (error := answer.exception()) is not None:
                future.set_exception(_translated(error))
            elif isinstance(ready := answer.result(), WorkerFailure):
                future.set_exception(ready.error())
            else:
                future.set_result(ready)

        self._actor.ready.remote().future().add_done_callback(finish)
        return future

    def submit(self, task: Task) -> Future[Outcome]:
        future: Future[Outcome] = Future()

        def finish(answer: Future[tuple[Outcome, dict[str, bytes]]]) -> None:
            if (error := answer.exception()) is not None:
                future.set_exception(_translated(error))
            else:
                future.set_result(self._cluster.unpacked(*answer.result()))

        voices = [self._cluster.voice(prompt) for prompt in task.prompts]
        sent = self._actor.synthesize.remote(replace(task, prompts=()), *voices)
        sent.future().add_done_callback(finish)
        return future

    def drain(self) -> None:
        self._actor.drain.remote()

    def close(self) -> None:
        with contextlib.suppress(RayActorError):
            ray.kill(self._actor)


# Of an actor that is gone; one is also ended when the memory of its machine runs short.
_DEATHS = (RayActorError, OutOfMemoryError, WorkerCrashedError, NodeDiedError, OwnerDiedError)


def _translated(error: BaseException) -> BaseException:
    return WorkerDiedError() if isinstance(error, (*_DEATHS, WorkerDiedError)) else error


class _Files:
    """An actor beside the driver that hands out the checkpoint's files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def sizes(self) -> dict[str, int]:
        return file_sizes(self._directory)

    def read(self, name: str, offset: int, size: int) -> bytes:
        return read_chunk(self._directory, name, offset, size)


class _Actor:
    """The actor: a worker and its output folder."""

    def __init__(self, setup: Setup, digest: str, files: Any, back_to_driver: bool) -> None:
        self._back = back_to_driver
        output = setup.output
        if back_to_driver:
            self._folder = tempfile.TemporaryDirectory(prefix="podtts-")
            output = Path(self._folder.name)
        self._output = output
        try:
            directory = self._checkpoint(setup, digest, files)
            own = replace(setup, directory=directory, output=output)
            self._worker, self._ready = open_worker(own)
            self._failure: WorkerFailure | None = None
        except PodttsError as error:
            self._failure = WorkerFailure.of(error)

    def ready(self) -> Ready | WorkerFailure:
        return self._failure or self._ready

    def synthesize(self, task: Task, *prompts: SpeakerPrompt) -> tuple[Outcome, dict[str, bytes]]:
        outcome = self._worker.submit(replace(task, prompts=prompts)).result()
        if not self._back or outcome.state != "done":
            return outcome, {}
        contents = packed(self._output, outcome.files)
        remove_journals(episode_file(self._output, task.id, FORMATS[0]), FORMATS)
        return outcome, contents

    def drain(self) -> None:
        self._worker.drain()

    def _checkpoint(self, setup: Setup, digest: str, files: Any) -> Path:
        def read(name: str, offset: int, size: int) -> bytes:
            content: bytes = ray.get(files.read.remote(name, offset, size))
            return content

        candidates = [setup.directory, bundled_model()]
        return copied_checkpoint(
            digest, candidates, setup.root, ray.get(files.sizes.remote()), read
        )
