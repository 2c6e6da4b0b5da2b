"""Speech to learn from: the teacher's words in many voices, in small files, made one by one.

A file holds a few utterances of one voice. Its number decides voice and texts, so that a stopped
run continues, several processes share the work, and more hours only add files.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.mini.breath import with_breath
from recipes.mini.languages import Languages
from recipes.mini.phones import phones_of
from recipes.mini.teacher import RATE_HZ, Teacher
from recipes.mini.voices import Voice

UTTERANCES_PER_FILE = 10
INT16 = 32767
_PHRASE_SHARE = 0.1
_BREATH_SHARE = 0.15  # of the utterances
_MOST_PHONES = 300
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Sources:
    """Where texts and teacher are, and where it speaks."""

    teacher: Path
    wordnet: Path
    dictionary: Path  # jieba's
    device: torch.device = _CPU


_Job = tuple[Path, int, int, Voice, Sources, bool]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Utterance:
    """A sentence as the teacher said it."""

    text: str
    voice: int
    wave: NDArray[np.int16]  # [S] at 24 kHz
    f0: NDArray[np.float16]  # [S / 300], hertz, 0 where unvoiced
    phones: str
    samples: NDArray[np.int32]  # of every phone


def make_speech(
    folder: Path, voices: list[Voice], hours: float, sources: Sources, workers: int, held_out: bool
) -> None:
    """Make files of these voices in turn until they hold so many hours."""

    def job(number: int, path: Path) -> _Job:
        voice = number % len(voices)
        return path, number, voice, voices[voice], sources, held_out

    fill(folder, hours, workers, _speak, job)


def fill(
    folder: Path,
    hours: float,
    workers: int,
    speak: Callable[[T], float],
    job: Callable[[int, Path], T],
) -> None:
    """Make files of speech until they hold so many hours; go on where an earlier run stopped.

    speak: writes the file of a job in another process, and returns its seconds.
    job: of the file with this number at this path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = 3600 * hours - _seconds(folder)
    number = 0
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        while missing > 0:
            jobs: list[T] = []
            while len(jobs) < 4 * workers:
                path = folder / f"{number:06d}.npz"
                if not path.is_file():
                    jobs.append(job(number, path))
                number += 1
            missing -= sum(pool.imap_unordered(speak, jobs))


def read_speech(folder: Path) -> Iterator[Utterance]:
    """All utterances, in the order of their files."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            fields = dict(file)
        waves = _split(fields["wave"], fields["wave_sizes"])
        pitches = _split(fields["f0"], fields["f0_sizes"])
        samples = _split(fields["samples"], fields["phone_sizes"])
        texts, phones = fields["texts"].tolist(), fields["phones"].tolist()
        voice = int(fields["voice"])
        for some in zip(texts, waves, pitches, phones, samples, strict=True):
            text, wave, f0, its_phones, its_samples = some
            yield Utterance(text, voice, wave, f0, its_phones, its_samples)


def _split(values: NDArray[Any], sizes: NDArray[Any]) -> list[NDArray[Any]]:
    return np.split(values, np.cumsum(sizes)[:-1])


def _seconds(folder: Path) -> float:
    total = 0
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            total += int(file["wave_sizes"].sum())
    return total / RATE_HZ


@functools.cache
def _speaking(sources: Sources) -> tuple[Teacher, Languages]:
    """What a worker process keeps."""
    torch.set_num_threads(1)
    teacher = Teacher(sources.teacher, sources.device)
    return teacher, Languages.read(sources.wordnet, sources.dictionary)


def _speak(job: _Job) -> float:
    """Write one file; returns its seconds."""
    path, number, voice_number, voice, sources, held_out = job
    teacher, languages = _speaking(sources)
    rng = random.Random(10_000_019 * held_out + number)
    made: list[Utterance] = []
    while len(made) < UTTERANCES_PER_FILE:
        mandarin = voice.speaks_mandarin and rng.random() < 0.5
        if held_out:
            said = languages.held_out(rng, mandarin)
        else:
            said = languages.learnt(rng, mandarin, rng.random() < _PHRASE_SHARE)
        if len(phones := phones_of(said)) > _MOST_PHONES:
            continue
        spoken = teacher.say(phones, voice.mix, voice.speed * rng.uniform(0.95, 1.05))
        if rng.random() < _BREATH_SHARE:
            spoken = with_breath(spoken, np.random.default_rng(rng.randrange(2**32)))
        wave = as_int16(spoken.wave)
        f0 = spoken.f0.astype(np.float16)
        made.append(Utterance(said, voice_number, wave, f0, spoken.phones, spoken.samples))
    write_speech(path, made)
    return sum(len(utterance.wave) for utterance in made) / RATE_HZ


def as_int16(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """A wave [S] as it is kept."""
    return (wave.clip(-1, 1) * INT16).astype(np.int16)


def write_speech(path: Path, utterances: list[Utterance]) -> None:
    """Write utterances of one voice, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        np.savez(
            file,
            voice=utterances[0].voice,
            texts=np.array([utterance.text for utterance in utterances]),
            phones=np.array([utterance.phones for utterance in utterances]),
            wave=np.concatenate([utterance.wave for utterance in utterances]),
            f0=np.concatenate([utterance.f0 for utterance in utterances]),
            samples=np.concatenate([utterance.samples for utterance in utterances]),
            wave_sizes=np.array([len(utterance.wave) for utterance in utterances]),
            f0_sizes=np.array([len(utterance.f0) for utterance in utterances]),
            phone_sizes=np.array([len(utterance.samples) for utterance in utterances]),
        )
    fresh.replace(path)
