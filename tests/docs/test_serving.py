"""What docs/serving.md shows is done with a server of the bundled model."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.documents import DOCS, ROOT, blocks
from support.http_server import Server, running_server

pytest.importorskip("fastapi")
PAGE = DOCS / "serving.md"
SHOWN = "http://127.0.0.1:8000"
RUN = "not run: a test runs it against a server"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    flags = ("--preset", "fast", "--cache-dir", folder / "cache")
    with running_server(folder / "log", *flags) as server:
        yield server


def code(server: Server, language: str) -> str:
    """All code of the page in a language that talks to the server, in order."""
    parts = [
        block.text
        for block in blocks(PAGE, language)
        if block.note == RUN or (language == "python" and not block.note)
    ]
    return "".join(parts).replace(SHOWN, server.url)


def test_the_shell_code_works(server: Server, tmp_path: Path) -> None:
    shell = code(server, "sh").replace("curl ", "curl -sS --fail-with-body ")
    assert shell.count("curl ") >= 3
    shutil.copy(ROOT / "examples" / "speakers" / "clara.wav", tmp_path / "maria.wav")
    done = subprocess.run(
        ["bash", "-e", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "event: job.done" in done.stdout
    for name, magic in (
        ("speech.mp3", b"ID3"),
        ("talk.wav", b"RIFF"),
        ("output.wav", b"RIFF"),
        ("episode.mp3", b"ID3"),
    ):
        raw = (tmp_path / name).read_bytes()
        assert raw.startswith(magic)
        assert len(raw) > 5000


def test_the_python_code_works(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code(server, "python"), "serving.md", "exec"), names)
    names["client"].close()  # type: ignore[attr-defined]
    assert (tmp_path / "speech.wav").read_bytes().startswith(b"RIFF")
