"""Recordings of the shipped voices with their transcripts, as `podtts prep` takes them."""

from pathlib import Path

from podtts.audio.volume_normalization import normalize_volume
from podtts.audio.wav import WavWriter
from recipes.mini.corpus import Source, recording_of, worker_espeak
from recipes.mini.voices import SHIPPED

_TRANSCRIPTS = {
    "anna": "Hello, my name is Anna. I like long walks by the river, and stories that end well.",
    "clara": "Good morning, this is Clara. The coffee is ready, so let us begin with the news.",
    "ben": "Hi, I am Ben. On most evenings I read old books and listen to the radio.",
    "oscar": "My name is Oscar. When the weather is good, I work in the garden until it gets dark.",
}
_LEAD_S = 0.1


def write_speakers(directory: Path, source: Source) -> dict[str, float]:
    """Write NAME.wav and NAME.txt of every shipped voice; returns their seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for name, voice in SHIPPED.items():
        text = _TRANSCRIPTS[name]
        recording = recording_of(worker_espeak(source).speak(text, voice), _LEAD_S)
        with WavWriter(directory / f"{name}.wav") as file:
            file.write(normalize_volume(recording.wave))
        (directory / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
        seconds[name] = round(recording.seconds, 2)
    return seconds
