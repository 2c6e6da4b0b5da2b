"""The Python examples of the pages are run as they stand, each page from its beginning."""

import shutil
from pathlib import Path

import pytest
from support.documents import DOCS, README, ROOT, blocks, page_name
from support.golden_data import MODEL


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(page: Path) -> dict[str, object]:
    """Run a page's examples with the small checkpoint, and return the names they define."""
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        code = block.text.replace("CHECKPOINT", str(MODEL))
        exec(compile(code, page_name(page), "exec"), names)
    return names


@pytest.mark.parametrize("page", [README, DOCS / "library.md"], ids=page_name)
def test_examples_run(page: Path, folder: Path) -> None:
    names = run(page)
    import soundfile

    sound = soundfile.info(folder / "episode.wav")
    assert sound.samplerate == 24_000
    assert sound.duration > 0.3
    if page == DOCS / "library.md":
        assert len(names["wave"]) == 480 * len(names["mel"])  # type: ignore[arg-type]
        assert names["same"] == names["speech"]
        assert all(seconds > 0 for seconds in names["lengths"].values())  # type: ignore[attr-defined]
        assert (folder / "talk.flac").is_file()
        assert (folder / "talk.srt").is_file()
        assert callable(names["fetch"])
