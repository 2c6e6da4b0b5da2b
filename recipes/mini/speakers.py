"""Recordings of the shipped voices with their transcripts, as `podtts prep` takes them."""

from pathlib import Path

import torch

from podtts.audio.volume_normalization import normalize_volume
from podtts.audio.wav import WavWriter
from podtts.rates import OUTPUT_HZ
from recipes.mini.phones import phones_of
from recipes.mini.teacher import Teacher
from recipes.mini.voices import SHIPPED

_TRANSCRIPTS = {
    "anna": "Hello, my name is Anna. I like long walks by the river, and stories that end well.",
    "clara": "Good morning, this is Clara. The coffee is ready, so let us begin with the news.",
    "ben": "Hi, I am Ben. On most evenings I read old books and listen to the radio.",
    "oscar": "My name is Oscar. When the weather is good, I work in the garden until it gets dark.",
    "mei": "大家好，我是小美。我喜欢在周末的早上去公园散步，听听鸟叫的声音。",
    "jun": "晚上好，这里是小军。今天的节目讲一个老人和他的船，希望你喜欢。",
}
_LEAD_S = 0.1


def write_speakers(directory: Path, teacher_folder: Path) -> dict[str, float]:
    """Write NAME.wav and NAME.txt of every shipped voice; returns their seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(teacher_folder)
    seconds = {}
    for name, voice in SHIPPED.items():
        text = _TRANSCRIPTS[name]
        said = torch.from_numpy(teacher.say(phones_of(text), voice.mix, voice.speed).wave)
        wave = torch.cat((torch.zeros(int(_LEAD_S * OUTPUT_HZ)), said))
        with WavWriter(directory / f"{name}.wav") as file:
            file.write(normalize_volume(wave))
        (directory / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
        seconds[name] = round(len(wave) / OUTPUT_HZ, 2)
    return seconds
