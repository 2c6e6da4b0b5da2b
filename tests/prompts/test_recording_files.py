import os
import shlex
import unicodedata
from pathlib import Path

import pytest

from podtts.errors import AudioError, InputError, ScriptError
from podtts.prompts.recording_files import (
    RecordingFile,
    RecordingTexts,
    find_recordings,
    read_texts,
)


def make(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("Hello.\n", encoding="utf-8")


def test_recordings_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    make(tmp_path, "zoe.wav", "zoe.txt", "ben.flac", "anna.mp3", "carl.ogg", "dora.opus", "eve.WAV")
    make(tmp_path, ".hidden.wav", "notes.md", "picture.png", "zoe.dialect.txt")
    make(tmp_path / "inside", "fred.wav")
    (tmp_path / "folder.wav").mkdir()
    recordings = find_recordings([tmp_path])
    assert recordings == [
        RecordingFile(tmp_path / name, name.split(".")[0])
        for name in ("anna.mp3", "ben.flac", "carl.ogg", "dora.opus", "eve.WAV", "zoe.wav")
    ]


def test_files_and_folders_keep_their_order_without_duplicates(tmp_path: Path) -> None:
    make(tmp_path / "one", "zoe.wav")
    make(tmp_path / "two", "anna.wav")
    paths = [
        tmp_path / "one" / "zoe.wav",
        tmp_path / "two",
        tmp_path / "one",
        tmp_path / "two" / ".." / "two" / "anna.wav",
    ]
    assert [recording.name for recording in find_recordings(paths)] == ["zoe", "anna"]


def test_a_name_may_contain_dots(tmp_path: Path) -> None:
    make(tmp_path, "anna.v2.wav", "anna.v2.txt")
    recording = find_recordings([tmp_path])[0]
    assert recording.name == "anna.v2"
    assert read_texts(recording) == RecordingTexts("Hello.", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/anna.wav", "a/anna.mp3"),
        ("a/anna.wav", "b/anna.wav"),
        (
            "a/" + unicodedata.normalize("NFC", "José.wav"),
            "b/" + unicodedata.normalize("NFD", "José.wav"),
        ),
    ],
    ids=["formats", "folders", "compositions"],
)
def test_two_recordings_of_one_voice_are_refused(tmp_path: Path, one: str, other: str) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    make(tmp_path, one, other)
    paths = [tmp_path / one, tmp_path / other]
    with pytest.raises(InputError) as caught:
        find_recordings(paths)
    for path in paths:
        assert str(path) in caught.value.problem


def test_paths_without_recordings_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "empty", "notes.txt")
    make(tmp_path, "anna.pdf")
    with pytest.raises(InputError, match="no such file or folder"):
        find_recordings([tmp_path / "missing"])
    with pytest.raises(InputError, match="no recordings in this folder"):
        find_recordings([tmp_path / "empty"])
    with pytest.raises(InputError, match=r"anna\.pdf is not a recording \(.*\.opus, .*\)"):
        find_recordings([tmp_path / "anna.pdf"])


def test_without_pyav_its_formats_are_refused_with_the_conversion_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "anna's.m4a")
    assert find_recordings([tmp_path / "anna's.m4a"])[0].name == "anna's"
    monkeypatch.setattr("podtts.audio.strict_decoding.find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        find_recordings([tmp_path / "anna's.m4a"])
    assert caught.value.problem == (f"{tmp_path}/anna's.m4a: a .m4a file needs the package av")
    m4a, wav = (shlex.quote(f"{tmp_path}/anna's.{suffix}") for suffix in ("m4a", "wav"))
    convert = f"convert it with: ffmpeg -i {m4a} -ac 1 -ar 24000 {wav}"
    assert caught.value.hint == f"run: pip install av, or {convert}"


def test_files_for_pyav_with_a_transcript_are_found(tmp_path: Path) -> None:
    make(tmp_path, "anna.m4a", "anna.txt", "ben.m4a", "ben.txt", "ben.wav", "film.mp4")
    names = [recording.path.name for recording in find_recordings([tmp_path])]
    assert names == ["anna.m4a", "ben.wav"]  # converted already; without transcript


def test_texts_must_be_regular_files_of_limited_size(tmp_path: Path) -> None:
    recording = RecordingFile(tmp_path / "anna.wav", "anna")
    os.mkfifo(tmp_path / "anna.txt")  # reading it would wait
    with pytest.raises(InputError, match=r"anna\.txt: cannot be read: it is not a regular file"):
        read_texts(recording)
    (tmp_path / "anna.txt").unlink()
    (tmp_path / "anna.txt").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(InputError, match=r"anna\.txt: cannot be read: it is larger than 1 MiB"):
        read_texts(recording)


def test_a_name_too_long_for_a_text_file_is_accepted(
    tmp_path: Path,
) -> None:
    path = tmp_path / f"{'n' * 251}.wav"
    assert read_texts(RecordingFile(path, "anna", "Hello.")) == RecordingTexts("Hello.", "")


def test_text_files_are_read_and_stripped(tmp_path: Path) -> None:
    (tmp_path / "anna.txt").write_bytes(b"\xef\xbb\xbf \r\n Hello, <|sigh|> I am\r\nAnna. \n")
    (tmp_path / "anna.dialect.txt").write_text("\n<|Sichuan|>要得。\n", encoding="utf-8")
    texts = read_texts(RecordingFile(tmp_path / "anna.wav", "anna"))
    assert texts == RecordingTexts("Hello, <|sigh|> I am\nAnna.", "<|Sichuan|>要得。")


def test_given_texts_take_precedence_over_files(tmp_path: Path) -> None:
    make(tmp_path, "anna.txt", "anna.dialect.txt")  # the latter is no dialect prompt
    given = RecordingFile(tmp_path / "anna.wav", "eva", transcript=" Given. ", dialect_prompt="")
    assert read_texts(given) == RecordingTexts("Given.", "")
    spoken = RecordingFile(tmp_path / "anna.wav", "eva", dialect_prompt="<|Henan|>中。")
    assert read_texts(spoken) == RecordingTexts("Hello.", "<|Henan|>中。")


def test_a_missing_or_empty_transcript_is_refused_with_its_file_name(tmp_path: Path) -> None:
    recording = RecordingFile(tmp_path / "anna.wav", "anna")
    with pytest.raises(AudioError, match=r"anna\.wav: has no transcript") as missing:
        read_texts(recording)
    assert str(tmp_path / "anna.txt") in missing.value.hint
    (tmp_path / "anna.txt").write_text(" \n\t\n")
    with pytest.raises(AudioError, match=r"anna\.wav: has an empty transcript"):
        read_texts(recording)
    (tmp_path / "anna.txt").unlink()
    (tmp_path / "anna.txt").mkdir()
    with pytest.raises(InputError, match=r"anna\.txt: cannot be read"):
        read_texts(recording)


@pytest.mark.parametrize(
    ("raw", "line", "problem"),
    [
        ("Grüße".encode("latin-1"), 1, "not UTF-8"),
        ("Hello".encode("utf-16"), 1, "UTF-16"),
        (b"Hello\0", 1, "NUL"),
        (b"\n\nHello\n<|laughing|> you\n", 4, "laughter"),
        (b"Hello <|text_end|>", 1, "text_end"),
    ],
)
def test_an_invalid_transcript_is_refused_with_its_line(
    tmp_path: Path, raw: bytes, line: int, problem: str
) -> None:
    (tmp_path / "anna.txt").write_bytes(raw)
    with pytest.raises(ScriptError) as caught:
        read_texts(RecordingFile(tmp_path / "anna.wav", "anna"))
    assert caught.value.problem.startswith(f"{tmp_path / 'anna.txt'}:{line}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "要得。", "<|laughter|>要得。", "<|Sichuan>要得。", "x<|Yue|>"]
)
def test_a_dialect_prompt_without_its_tag_is_refused(tmp_path: Path, text: str) -> None:
    make(tmp_path, "anna.txt")
    (tmp_path / "anna.dialect.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=r"anna\.dialect\.txt:1: .*<\|Sichuan\|>"):
        read_texts(RecordingFile(tmp_path / "anna.wav", "anna"))


def test_a_given_text_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"text of .*anna\.wav:1: "):
        read_texts(RecordingFile(tmp_path / "anna.wav", "anna", transcript="<|laughing|>"))
