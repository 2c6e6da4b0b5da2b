"""podtts and its libraries report to nobody, and leave only podtts' own files in a home folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import environment, run
from support.every_command import CALLS, command_names, command_of, lay_out
from support.golden_data import MODEL
from support.hub_server import LoopbackHub, running_hub
from support.no_network import NoNetwork

from podtts.hub.registry import find_source

OWN = (Path(".cache/podtts"), Path(".local/share/podtts"))  # in a home folder
HUB = "huggingface.co"
# What an ordinary user has not set; importing podtts has set some of them for this process.
UNSET = re.compile(r"TELEMETRY|USAGE_STATS|DO_NOT_TRACK|^XDG_|^HF_")
TURNED_OFF = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
SHOW = f"import os, podtts; print(*(os.environ[name] for name in {[*TURNED_OFF]}))"


@pytest.fixture(autouse=True)
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in filter(UNSET.search, [*os.environ]):
        monkeypatch.delenv(name)


@pytest.fixture
def no_network(tmp_path: Path) -> NoNetwork:
    return NoNetwork(tmp_path)


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with running_hub() as hub:
        yield hub


def test_every_command_is_called() -> None:
    assert sorted(map(command_of, CALLS)) == sorted(command_names())


def test_no_command_calls_home_or_leaves_files_of_others(
    no_network: NoNetwork, home: Path, tmp_path: Path
) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    lay_out(work)
    for call in CALLS:
        result = run(*call.split(), cwd=work, env={**no_network.env, "TMPDIR": str(temporary)})
        is_pull = command_of(call) == "model pull"
        assert result.code == (4 if is_pull else 0), result.stderr
        assert no_network.wanted() == ({HUB} if is_pull else set()), call
        assert others(home) == [], call
        assert [*temporary.iterdir()] == [], call


def test_imports_call_nobody_and_leave_no_files(
    no_network: NoNetwork, home: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = environment({**no_network.env, "TMPDIR": str(temporary)})
    env["PYTHONPATH"] += f"{os.pathsep}{Path(__file__).parents[1]}"
    program = "from support.imported_modules import import_all; import_all()"
    subprocess.run([sys.executable, "-c", program], env=env, check=True)
    assert no_network.wanted() == set()
    assert others(home) == []
    assert [*temporary.iterdir()] == []


def others(home: Path) -> list[Path]:
    """Files in a home folder that are not podtts' own."""
    files = (path.relative_to(home) for path in home.rglob("*") if not path.is_dir())
    return [path for path in files if not any(path.is_relative_to(own) for own in OWN)]


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("import socket; socket.getaddrinfo('some.host', 443)", "some.host"),
        ("import socket; socket.gethostbyname('some.host')", "some.host"),
        ("import socket; socket.create_connection(('192.0.2.1', 443))", "192.0.2.1"),
        ("import socket; socket.socket(type=2).sendto(b'', ('192.0.2.1', 53))", "192.0.2.1"),
        ("import socket; socket.socket(10).connect(('2001:db8::1', 443))", "2001:db8::1"),
    ],
)
def test_an_attempt_to_reach_others_is_seen(
    program: str, wanted: str, no_network: NoNetwork
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(no_network.env), capture_output=True
    )
    assert done.returncode == 1
    assert no_network.wanted() == {wanted}


def test_a_pull_asks_the_hub_for_the_model_alone(hub: LoopbackHub) -> None:
    source = find_source("soulx-podcast-1.7b")
    for repo in (source.repo, source.speech_tokenizer.repo):
        hub.publish(repo, MODEL)
    online = {"HF_ENDPOINT": hub.endpoint, "NO_PROXY": "127.0.0.1"}
    assert run("model", "pull", source.name, env=online).code == 4  # another speech tokenizer
    assert {*hub.asked} == {f"api/{source.repo}", f"api/{source.speech_tokenizer.repo}"}


def test_the_library_turns_telemetry_off_before_anything_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment(None), capture_output=True, text=True
    )
    assert done.stdout.split() == [*TURNED_OFF.values()]


@pytest.mark.parametrize("name", TURNED_OFF)
def test_a_value_of_the_user_stays(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=environment({name: "mine"}),
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [*(TURNED_OFF | {name: "mine"}).values()]
