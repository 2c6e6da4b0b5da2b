"""Many processes and threads use one cache at once, without locks."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import podtts
from podtts.prompts import maintenance
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.prepare import prepare_all
from podtts.prompts.recording_files import find_recordings
from podtts.prompts.voices import VoiceStore
from podtts.values import PromptFeatures

SOURCE = Path(podtts.__file__).parents[1]
PROCESSES, SPEAKERS = 16, 8


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}


def test_sixteen_processes_prepare_the_same_speakers(
    tmp_path: Path, golden: Path, encoders: PromptEncoders
) -> None:
    speakers = tmp_path / "speakers"
    speakers.mkdir()
    for number in range(SPEAKERS):
        noise = np.random.default_rng(number).normal(0, 0.1, 16_000)
        soundfile.write(speakers / f"voice-{number}.wav", noise, 16_000)
        (speakers / f"voice-{number}.txt").write_text("Hello.")
    program = Path(__file__).parents[1] / "support" / "parallel_prepare.py"
    done = subprocess.run(
        [sys.executable, program, str(PROCESSES), speakers, tmp_path / "shared", golden / "model"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    alone = PromptCache(tmp_path / "alone", pytest.fail)
    recordings = find_recordings([speakers])
    list(prepare_all(recordings, encoders, alone, VoiceStore(tmp_path / "alone")))
    assert len(contents(tmp_path / "alone")) == 2 * SPEAKERS  # an entry and a voice each
    assert contents(tmp_path / "shared") == contents(tmp_path / "alone")


def test_readers_get_complete_entries_or_none_while_others_prune_and_write(
    tmp_path: Path, make_features: Callable[[int], PromptFeatures]
) -> None:
    cache = PromptCache(tmp_path, pytest.fail)
    keys = [PromptKey(digit * 64, "e" * 64, 1) for digit in "1234"]
    features = make_features(50)
    hits = misses = 0
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for key in keys:
                cache.put(key, features)

    def prune() -> None:
        while not stop.is_set():
            list(maintenance.prune(tmp_path, max_bytes=0))

    workers = [threading.Thread(target=work) for work in (write, prune)]
    for worker in workers:
        worker.start()
    try:
        while hits < 50 or misses < 50:
            for key in keys:
                tensors = cache.find(key)
                hits, misses = hits + bool(tensors), misses + (not tensors)
                assert not tensors or np.array_equal(tensors["mel"], features.mel.numpy())
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not (tmp_path / "quarantine").exists()
