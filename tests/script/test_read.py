import os
from pathlib import Path

import pytest

from podtts.errors import InputError, ScriptError
from podtts.script.read import decode_script, read_script

JSON = '{"speakers": {"S1": {"prompt_audio": "a.wav", "prompt_text": "A."}}, "text": [["S1", "x"]]}'


def test_a_text_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes("\ufeff[S1] 你好\r\n世界\r\n".encode())
    script = read_script(path)
    assert script.source == str(path)
    assert [turn.text for turn in script.turns] == ["你好世界"]


def test_audio_paths_are_relative_to_the_json_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.JSON"
    path.write_text("\n  " + JSON)
    assert read_script(path).prompts["S1"].audio == tmp_path / "a.wav"


def test_json_is_detected_by_its_brace() -> None:
    script = decode_script(f"\ufeff \n{JSON}".encode(), "<stdin>", Path("here"))
    assert script.prompts["S1"].audio == Path("here/a.wav")


def test_json_is_detected_by_its_name() -> None:
    with pytest.raises(ScriptError, match=r"a\.json:1: not valid JSON"):
        decode_script(b"[S1] hello", "a.json", Path())


def test_everything_else_is_plain_text() -> None:
    assert decode_script(b"[S1] {x}", "<stdin>", Path()).turns[0].text == "{x}"


@pytest.mark.parametrize("name", ["a.txt", "a.json", "<stdin>"])
@pytest.mark.parametrize("raw", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(name: str, raw: bytes) -> None:
    with pytest.raises(ScriptError, match=f"{name}:1: the script is empty"):
        decode_script(raw, name, Path())


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes("[S1] caf\n[S2] é".encode("latin-1"))
    with pytest.raises(ScriptError) as caught:
        read_script(path)
    assert caught.value.problem == f"{path}:2: byte 0xe9 at offset 14 is not UTF-8"
    assert caught.value.exit_code == 3


def test_a_utf16_file_is_refused_by_name() -> None:
    with pytest.raises(ScriptError, match="the file is UTF-16, not UTF-8"):
        decode_script("[S1] hello".encode("utf-16"), "a.txt", Path())


def test_a_binary_file_is_refused() -> None:
    with pytest.raises(ScriptError, match="a NUL character"):
        decode_script(bytes(range(128)), "a.txt", Path())


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"talk\.txt: no such script"):
        read_script(tmp_path / "talk.txt")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder, not a script"):
        read_script(tmp_path)


def test_a_path_below_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match=r"talk\.txt: cannot be read: Not a directory"):
        read_script(tmp_path / "a" / "talk.txt")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.touch(mode=0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_script(path)
