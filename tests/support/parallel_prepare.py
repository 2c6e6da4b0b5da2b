"""Processes for test_many_writers.py that all prepare the same speakers at the same time.

They are forked after all imports, and start together.

usage: python parallel_prepare.py PROCESSES SPEAKERS ROOT MODEL
"""

import multiprocessing
import sys
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from unittest.mock import patch

from podtts.audio.decoder import AudioDecoder
from podtts.prompts.cache import PromptCache
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.prepare import Prepared, prepare_all
from podtts.prompts.recording_files import find_recordings
from podtts.prompts.voices import VoiceStore


def main() -> None:
    processes = int(sys.argv[1])
    forking = multiprocessing.get_context("fork")
    start = forking.Barrier(processes)
    workers = [
        forking.Process(target=_prepare, args=(start, *map(Path, sys.argv[2:])))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(max(abs(worker.exitcode or 0) for worker in workers))


def _prepare(start: Barrier, speakers: Path, root: Path, model: Path) -> None:
    import torch

    torch.set_num_threads(1)
    recordings = find_recordings([speakers])
    encoders = PromptEncoders(model / "speech_tokenizer_v2.onnx", model / "campplus.onnx")
    cache, voices = PromptCache(root, _refuse), VoiceStore(root)
    start.wait()
    # So many decoders start at once that some answer late.
    with patch("podtts.prompts.prepare.AudioDecoder", partial(AudioDecoder, 600.0)):
        outcomes = list(prepare_all(recordings, encoders, cache, voices, workers=2))
    assert all(isinstance(outcome, Prepared) for outcome in outcomes), outcomes


def _refuse(warning: str) -> None:
    raise AssertionError(warning)


if __name__ == "__main__":
    main()
