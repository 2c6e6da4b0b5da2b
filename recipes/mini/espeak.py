"""The teacher: espeak-ng's library, with the time of every phone."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_UTF8, _CHARACTERS = 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME, _LIST_END = 7, 0
_GRID_HZ = 150  # sample rates are rounded to it, so that resampling needs few filters


@dataclass(frozen=True)
class EspeakVoice:
    """A speaker: a variant of en-us and how it is played."""

    variant: str  # empty for en-us itself
    pitch: int = 50  # 0 to 99
    pitch_range: int = 50  # 0 to 99
    words_per_minute: int = 165
    stretch: float = 1.0  # playing speed: above 1 the vocal tract is shorter


CANONICAL = EspeakVoice("")  # whose pace and tokens the language model learns


@dataclass(frozen=True, eq=False)
class Spoken:
    """What espeak-ng said: float32 [S] at rate_hz, and the second each phone begins."""

    wave: Tensor
    rate_hz: int
    phones: tuple[tuple[float, str], ...]


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """One running espeak-ng; the library keeps its state per process, so make only one.

    library: path or name of libespeak-ng. data: folder that holds espeak-ng-data; None: built in.
    """

    def __init__(self, library: str = "libespeak-ng.so.1", data: Path | None = None) -> None:
        self._library = ctypes.CDLL(library)
        place = str(data).encode() if data else None
        self._rate_hz: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, place, _PHONEME_EVENTS
        )
        if self._rate_hz <= 0:
            raise RuntimeError("espeak-ng found no voice data; is espeak-ng-data installed?")
        self._samples: list[bytes] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._hear)  # kept: C holds only its address
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice: EspeakVoice | None = None

    def _hear(self, samples: object, count: int, events: object) -> int:
        if samples and count:
            self._samples.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        number = 0
        while (event := events[number]).type != _LIST_END:  # type: ignore[index]
            if event.type == _PHONEME:
                self._events.append((event.sample, event.id.string.decode("utf-8", "replace")))
            number += 1
        return 0

    def speak(self, text: str, voice: EspeakVoice) -> Spoken:
        """Say `text`."""
        self._become(voice)
        self._samples.clear()
        self._events.clear()
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        wave = torch.frombuffer(bytearray(b"".join(self._samples)), dtype=torch.int16) / 32768
        rate = round(self._rate_hz * voice.stretch / _GRID_HZ) * _GRID_HZ
        phones = tuple((sample / rate, phone) for sample, phone in self._events)
        return Spoken(wave, rate, phones)

    def _become(self, voice: EspeakVoice) -> None:
        if voice == self._voice:
            return
        name = "en-us" + (f"+{voice.variant}" if voice.variant else "")
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise RuntimeError(f"espeak-ng does not know the voice {name}")
        pace = round(voice.words_per_minute / voice.stretch)
        for parameter, value in (
            (_RATE, pace),
            (_PITCH, voice.pitch),
            (_RANGE, voice.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._voice = voice
