from dataclasses import replace
from pathlib import Path

import pytest

from podtts.errors import UsageError
from podtts.publish.publish_options import PublishOptions
from podtts.publish.requirements import check_publishing
from podtts.script.model import Script
from podtts.values import Chapter, Turn

SCRIPT = Script("talk.txt", ("anna",), (Turn(0, "Hello."),))


def test_a_stream_cannot_have_other_files() -> None:
    options = PublishOptions(subtitles=("srt",))
    with pytest.raises(UsageError, match="--subtitles needs an output file, not -o -"):
        check_publishing(options, "-", SCRIPT, stream=True)
    check_publishing(PublishOptions(format="mp3"), "-", SCRIPT, stream=True)


def test_chapters_need_headings(tmp_path: Path) -> None:
    output, options = str(tmp_path / "a.wav"), PublishOptions(chapters=True)
    with pytest.raises(UsageError, match=r"talk\.txt has no headings"):
        check_publishing(options, output, SCRIPT, stream=False)
    with_heading = replace(SCRIPT, chapters=(Chapter("One", 0),))
    check_publishing(options, output, with_heading, stream=False)


def test_rates_need_the_stretching_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, with_rate = str(tmp_path / "a.wav"), replace(SCRIPT, rates={"anna": 0.9})
    monkeypatch.setattr("podtts.publish.requirements.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install python-stretch"):
        check_publishing(PublishOptions(), output, with_rate, stream=False)
    check_publishing(PublishOptions(), output, SCRIPT, stream=False)


def test_paths_of_a_file_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(UsageError, match=r"a\.wav is a folder"):
        check_publishing(PublishOptions(), str(tmp_path / "a.wav"), SCRIPT, stream=False)
