"""Text files that the user names: `convert -o`, and `--json` and `--picture` of `bench`."""

import os
import stat
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL

BENCH = ("bench", "--model", MODEL, "--workload", "short")
# Each command lacks the name of the file that it writes.
COMMANDS = {
    "convert": ("convert", "talk.txt", "-o"),
    "json": (*BENCH, "--flow-steps", "1", "--repeat", "1", "--json"),
    "picture": (*BENCH, "--sweep", "--batch", "1", "--picture"),
}
writing = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talk.txt").write_text("Anna: Good evening, my friend.\n")
    return tmp_path


@writing
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    command: str, folder: Path
) -> None:
    read_only = folder / "read-only.txt"
    read_only.write_text("kept")
    read_only.chmod(0o444)
    names = {
        str(folder): f"{folder} is a folder; name a file in it",
        str(folder / "no/x.txt"): f"there is no folder {folder / 'no'}; run: mkdir -p",
        str(read_only): f"{read_only} is read-only; name another file",
    }
    for name, words in names.items():
        refused = run(*COMMANDS[command], name, cwd=folder)
        assert refused.code == 2
        assert words in refused.error
    assert run(*COMMANDS[command], "", cwd=folder).code == 2
    assert read_only.read_text() == "kept"
    assert sorted(path.name for path in folder.iterdir()) == ["read-only.txt", "talk.txt"]


@pytest.mark.parametrize("command", ["convert", "json"])
def test_a_full_device_is_named_and_stays_a_device(command: str, folder: Path) -> None:
    full = folder / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        full.write_bytes(b"")
    except (OSError, AttributeError):
        pytest.skip("only root on Linux can make a device")
    result = run(*COMMANDS[command], full, cwd=folder)
    assert result.code == 5
    assert result.said[-1] == (
        f"podtts: {full}: cannot be written: No space left on device; choose another file"
    )
    assert stat.S_ISCHR(full.stat().st_mode)


def test_a_link_stays_and_its_file_is_replaced(folder: Path) -> None:
    (folder / "real.txt").write_text("old")
    (folder / "link.txt").symlink_to("real.txt")
    run("convert", "talk.txt", "-o", "link.txt", cwd=folder).done()
    assert (folder / "link.txt").is_symlink()
    assert "Good evening" in (folder / "real.txt").read_text()


def test_a_script_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "out.txt").touch()
    refused = run("convert", "missing.txt", "-o", "out.txt", cwd=folder)
    assert refused.code == 3
    assert "missing.txt" in refused.error
