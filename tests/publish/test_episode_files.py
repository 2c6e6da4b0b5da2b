from pathlib import Path

import pytest

from podtts.errors import UsageError
from podtts.publish.episode_files import check_output_paths, part_name, split_folder, subtitles_file
from podtts.publish.publish_options import PublishOptions


def test_files_are_named_after_the_episode(tmp_path: Path) -> None:
    output = tmp_path / "talk.v2.mp3"
    assert subtitles_file(output, "srt").name == "talk.v2.srt"
    assert subtitles_file(output, "json").name == "talk.v2.subtitles.json"
    assert split_folder(output, "turns").name == "talk.v2.turns"


@pytest.mark.parametrize(
    ("name", "file"),
    [("anna", "0001-anna.wav"), ("../b", "0001-___b.wav"), ("小希", "0001-小希.wav")],
)
def test_names_of_speakers_are_safe_in_file_names(name: str, file: str) -> None:
    assert part_name(1, 4, name, "wav") == file
    assert len(part_name(1, 4, "a" * 300, "wav")) < 100


def test_the_script_is_not_overwritten(tmp_path: Path) -> None:
    script = tmp_path / "talk.srt"
    script.touch()
    with pytest.raises(UsageError, match=r"talk\.srt is the script itself"):
        check_output_paths(tmp_path / "talk.wav", PublishOptions(subtitles=("srt",)), str(script))
    check_output_paths(tmp_path / "talk.wav", PublishOptions(subtitles=("vtt",)), str(script))
    check_output_paths(tmp_path / "talk.wav", PublishOptions(), "<stdin>")


def test_one_path_for_two_files_is_refused(tmp_path: Path) -> None:
    options = PublishOptions(subtitles=("srt",))
    with pytest.raises(UsageError, match="both audio and text"):
        check_output_paths(tmp_path / "talk.srt", options, "talk.txt")


def test_foreign_files_are_not_replaced(tmp_path: Path) -> None:
    options = PublishOptions(splits=("turns",), transcript=True)
    check_output_paths(tmp_path / "a.wav", options, "talk.txt")
    (tmp_path / "a.turns").mkdir()
    (tmp_path / "a.turns" / "0001-anna.wav").touch()
    check_output_paths(tmp_path / "a.wav", options, "talk.txt")
    (tmp_path / "a.turns" / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"a\.turns contains notes\.txt, which is not part"):
        check_output_paths(tmp_path / "a.wav", options, "talk.txt")
    (tmp_path / "b.turns").touch()
    with pytest.raises(UsageError, match=r"b\.turns is not a folder"):
        check_output_paths(tmp_path / "b.wav", options, "talk.txt")
    (tmp_path / "c.transcript.md").mkdir()
    with pytest.raises(UsageError, match=r"c\.transcript\.md is a folder"):
        check_output_paths(tmp_path / "c.wav", options, "talk.txt")


def test_the_path_of_a_page_must_be_free(tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    check_output_paths(output, PublishOptions(page=tmp_path / "a.html"), "talk.txt")
    for page, words in (
        (tmp_path / "a.transcript.md", "would be written twice"),
        (tmp_path / "x" / ".." / "a.transcript.md", "would be written twice"),
        (tmp_path / "none" / "a.html", r"there is no folder .*none; run: mkdir -p|no folder"),
        (output, "both audio and text"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(UsageError, match=words):
            check_output_paths(output, PublishOptions(page=page, transcript=True), "talk.txt")
