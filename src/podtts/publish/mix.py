"""The mix: all turns in order, with the silence between them, written turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from podtts.audio.mix_reader import silence
from podtts.audio.silence_trimming import trim_silence
from podtts.audio.sink import Sink
from podtts.audio.wav import round_to_pcm16
from podtts.publish.publish_options import MAX_GAP_SECONDS, LayoutOptions
from podtts.publish.timeline import Timeline, lay_out, silence_before
from podtts.rates import OUTPUT_HZ, SAMPLES_PER_TOKEN
from podtts.script.model import Script
from podtts.values import Turn


def tempos(script: Script) -> dict[int, float]:
    """Return the tempo by speaker number, for speakers with a tempo other than 1."""
    rates = ((number, script.rates.get(label, 1.0)) for number, label in enumerate(script.labels))
    return {number: tempo for number, tempo in rates if tempo != 1.0}


def longest_mix(turns: Sequence[Turn], max_tokens: int, tempos: Mapping[int, float]) -> int:
    """Return the maximum length of a mix in samples: all turns at the token limit, all gaps."""
    slowest = min([1.0, *tempos.values()])
    speech = len(turns) * max_tokens * SAMPLES_PER_TOKEN / slowest
    silence_samples = sum(turn.pause + MAX_GAP_SECONDS for turn in turns) * OUTPUT_HZ
    return round(speech + silence_samples)


class Mix:
    """Writes turns to a sink of 24 kHz and records the length of each.

    tempos: by speaker number; turns of other speakers keep their tempo.
    """

    def __init__(
        self, sink: Sink, options: LayoutOptions, tempos: Mapping[int, float] | None = None
    ) -> None:
        self._sink, self._options, self._tempos = sink, options, tempos or {}
        self._turns: list[Turn] = []
        self._lengths: list[int] = []

    def add(self, turn: Turn, wave: Tensor) -> None:
        """Append a turn; `wave` is the synthesized wave, float32 [S]."""
        self._begin(turn)
        self._write(self._shape(turn, round_to_pcm16(wave)))

    def takes_parts(self, turn: Turn) -> bool:
        """Whether `add_part` can append a turn: nothing is done to its wave as a whole."""
        return not self._options.trim_silence and turn.speaker not in self._tempos

    def add_part(self, turn: Turn, samples: Tensor, *, first: bool) -> None:
        """Append some samples of a turn, float32 [S]; first: they are its first."""
        if first:
            self._begin(turn)
        self._write(round_to_pcm16(samples))

    @property
    def samples(self) -> int:
        """Length of the mix so far."""
        return self._sink.samples

    def timeline(self, script: Script, speakers: Sequence[str]) -> Timeline:
        """Return the positions of all turns that were added, and of the chapters."""
        return lay_out(self._turns, self._lengths, self._options, speakers, script.chapters)

    def _begin(self, turn: Turn) -> None:
        previous = self._turns[-1] if self._turns else None
        for block in silence(silence_before(previous, turn, self._options)):
            self._sink.write(block)
        self._turns.append(turn)
        self._lengths.append(0)

    def _write(self, samples: Tensor) -> None:
        self._sink.write(samples)
        self._lengths[-1] += len(samples)

    def _shape(self, turn: Turn, wave: Tensor) -> Tensor:
        if self._options.trim_silence:
            wave = trim_silence(wave)
        if (tempo := self._tempos.get(turn.speaker, 1.0)) != 1.0:
            from podtts.audio.stretch import stretch

            wave = stretch(wave, tempo)
        return wave
