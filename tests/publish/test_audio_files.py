"""Streams; files and parts of an episode are in test_publishing.py."""

from pathlib import Path

import pytest
import soundfile
import torch

from podtts.audio.metadata import AudioMetadata
from podtts.publish.audio_files import open_stream, write_audio
from podtts.publish.publish_options import AudioFormat

WAVE = 0.3 * torch.sin(torch.arange(48_000) * 0.05)
TAGS = AudioMetadata(title="Bridges")


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_a_stream_has_the_samples_of_a_file(
    tmp_path: Path, kind: AudioFormat, rate_hz: int
) -> None:
    with (
        (tmp_path / "stream").open("w+b") as file,
        open_stream(file, kind, rate_hz, TAGS) as sink,
    ):
        for part in torch.split(WAVE, 10_000):
            sink.write(part)
    path = tmp_path / f"file.{kind}"
    write_audio(path, torch.split(WAVE, 20_000), len(WAVE), kind, rate_hz, TAGS)
    with soundfile.SoundFile(tmp_path / "stream") as stream, soundfile.SoundFile(path) as written:
        assert stream.samplerate == written.samplerate == rate_hz
        assert stream.title == written.title == "Bridges"
        streamed, expected = stream.read(dtype="int16"), written.read(dtype="int16")
    assert len(streamed) == len(WAVE) * rate_hz // 24_000
    assert (streamed == expected).all()


def test_an_existing_file_is_not_encoded_over(tmp_path: Path) -> None:
    (tmp_path / "a.flac").touch()
    with pytest.raises(FileExistsError):
        write_audio(tmp_path / "a.flac", [WAVE], len(WAVE), "flac", 24_000, TAGS)
