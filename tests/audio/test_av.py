"""Recordings that soundfile does not read: M4A, video and others, through PyAV."""

from pathlib import Path

import pytest
import torch
from support.media import CODECS, speechlike, tone, write_media

from podtts.audio.decoder import AudioDecoder, Excerpt
from podtts.audio.io import decode_audio
from podtts.audio.m4a_file import m4a_file
from podtts.audio.metadata import NO_METADATA
from podtts.audio.strict_decoding import TooLongError, check_header
from podtts.errors import AudioError


@pytest.mark.parametrize("kind", CODECS)
def test_a_file_is_decoded(kind: str, tmp_path: Path, decoder: AudioDecoder) -> None:
    path, wave = tmp_path / f"anna.{kind}", tone(2.0)
    write_media(path, wave, video=kind in ("mkv", "mov"))
    recording = decode_audio(path.read_bytes(), str(path), decoder)
    assert recording.rate_hz == 48_000
    assert recording.channels_used == ""
    assert 1.95 <= recording.seconds < 2.1  # encoders fill their last block, or leave it out
    heard = recording.wave[9600:86_400]  # they also put up to some blocks before the sound
    frequencies = torch.fft.rfftfreq(len(heard), 1 / 48_000)
    assert frequencies[torch.fft.rfft(heard).abs().argmax()] == pytest.approx(220, abs=1)
    assert heard.square().mean().sqrt() == pytest.approx(0.5**1.5, rel=0.03)
    check_header(path, decoder)


def test_a_part_of_a_file_is_decoded(tmp_path: Path, decoder: AudioDecoder) -> None:
    path, wave = tmp_path / "long.caf", tone(40.0, 8000)
    write_media(path, wave, 8000)
    raw = path.read_bytes()
    part = decode_audio(raw, str(path), decoder, Excerpt(12.5, 24.0))
    assert (part.wave - wave[100_000:192_000]).abs().max() < 1e-4
    with pytest.raises(TooLongError, match=r"is 40\.00 s long, longer than 30 s"):
        decode_audio(raw, str(path), decoder)


def test_a_file_that_states_no_length_is_complete_however_its_bitrate_varies(
    tmp_path: Path, decoder: AudioDecoder
) -> None:
    path = tmp_path / "anna.aac"
    loud, quiet = speechlike(3.0, 48_000), torch.zeros(2 * 48_000)
    for wave in (torch.cat([loud, quiet]), torch.cat([quiet, loud])):
        write_media(path, wave)
        assert 4.95 <= decode_audio(path.read_bytes(), str(path), decoder).seconds < 5.1


@pytest.mark.parametrize("kind", CODECS)
def test_a_file_of_any_kind_that_is_too_long_is_refused(
    kind: str, tmp_path: Path, decoder: AudioDecoder
) -> None:
    """Also where only the end shows how long it is."""
    path = tmp_path / f"long.{kind}"
    write_media(path, tone(31.0))
    with pytest.raises(TooLongError, match=r"longer than 30 s"):
        decode_audio(path.read_bytes(), str(path), decoder)
    assert decode_audio(path.read_bytes(), str(path), decoder, Excerpt(2, 4)).seconds == 2


def test_of_two_channels_the_one_with_sound_is_used(tmp_path: Path, decoder: AudioDecoder) -> None:
    path, wave = tmp_path / "anna.mov", tone(2.0)
    write_media(path, torch.stack([torch.zeros_like(wave), wave], dim=1))
    recording = decode_audio(path.read_bytes(), str(path), decoder)
    assert recording.channels_used == "channel 2 of 2"
    assert recording.wave.abs().max() > 0.4


def test_a_truncated_file_is_refused(tmp_path: Path, decoder: AudioDecoder) -> None:
    """With its index at the end, which is lost, or at the beginning."""
    at_the_end, at_the_beginning = tmp_path / "end.m4a", tmp_path / "beginning.m4a"
    write_media(at_the_end, tone(5.0))
    with m4a_file(at_the_beginning, 48_000, NO_METADATA) as sink:
        sink.write(tone(5.0))
    for path in (at_the_end, at_the_beginning):
        raw = path.read_bytes()
        assert decode_audio(raw, "anna.m4a", decoder).seconds > 4.9
        part = raw[: len(raw) * 3 // 4]
        with pytest.raises(AudioError) as caught:
            decode_audio(part, "anna.m4a", decoder)
        assert caught.value.problem.startswith("anna.m4a: ")


def test_a_file_without_sound_is_refused(decoder: AudioDecoder) -> None:
    with pytest.raises(AudioError, match=r"anna: cannot be read as audio"):
        decode_audio(b"\x1aE\xdf\xa3" + bytes(99), "anna", decoder)


def test_without_pyav_the_refusal_names_it(
    tmp_path: Path, decoder: AudioDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "anna.m4a"
    write_media(path, tone(2.0))
    monkeypatch.setattr("podtts.audio.strict_decoding.find_spec", lambda name: None)
    with pytest.raises(AudioError) as caught:
        decode_audio(path.read_bytes(), str(path), decoder)
    assert caught.value.problem == f"{path}: is MP4 or M4A (AAC), which needs the package av"
    assert caught.value.hint.startswith("run: pip install av, or convert it with: ffmpeg -i ")
