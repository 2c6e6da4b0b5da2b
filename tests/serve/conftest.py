"""A server with the small checkpoint and the voices anna and ben, for all tests of a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL
from support.http_server import Server, running_server

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

SPEAKERS = Path(__file__).parents[1] / "speakers"
# Short turns of one step: 40 tokens are 1.6 s of noise.
SHORT = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "40", "--dtype", "float32")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the voices anna and ben. Do not change it."""
    folder = tmp_path_factory.mktemp("prepared") / "cache"
    run("prep", SPEAKERS, "--model", MODEL, "--cache-dir", folder).done()
    return folder


@pytest.fixture(scope="session")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two rows and a queue of four. Leave it as it is."""
    log = tmp_path_factory.mktemp("server") / "log"
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "2", "--queue", "4")
    with running_server(log, *flags, "--max-characters", "2000", "--max-turns", "20") as server:
        yield server
