"""Isolates tests: each has an empty home folder, and none can reach the real hub."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forced_set import SETS_HERE, forced_set

# With tiny models, threads mostly wait for each other, which takes long on a busy machine.
# Set before torch is imported; every process that a test starts inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Without a driver of NVIDIA, Triton's interpreter runs the kernels. Set before triton is imported.
if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")

try:
    from hypothesis import HealthCheck, settings
except ImportError:
    pass  # `make gpu` does without
else:  # on a busy machine every example may take long
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sanitize", action="store_true", help="compile the C with sanitizers: make check-native"
    )
    parser.addoption("--torture", action="store_true", help="kill for ten minutes: make torture")
    parser.addoption("--load", action="store_true", help="measure podtts serve: make load")
    parser.addoption("--soak-minutes", type=float, default=30, help="of tests/load with --load")
    parser.addoption("--recognizer", type=Path, help="folder of a real one: make test-ears")
    parser.addoption("--seed", type=int, help="of the kills of tests/torture")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("sanitize"):
        from support.sanitizers import FLAGS

        from podtts.native import library

        library.add_flags(*FLAGS)


@pytest.fixture(scope="session", autouse=True)
def home_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for shared fixtures, which are set up before a test has a home of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _move_home(monkeypatch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The empty home folder of this test, also for the processes that it starts."""
    folder = tmp_path_factory.mktemp("home")
    _move_home(monkeypatch, folder)
    return folder


@pytest.fixture(params=SETS_HERE)
def each_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The compiled code of every instruction set of this CPU."""
    with forced_set(monkeypatch, request.param):
        yield


@pytest.fixture
def native_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch computes bfloat16, as on a CPU that multiplies it; on others it takes longer."""
    from podtts.device import placement

    monkeypatch.setattr(placement, "cpu_has_native_bfloat16", lambda: True)


@pytest.fixture(autouse=True)
def random_numbers() -> None:
    """What a test draws does not depend on the tests that this process has done before."""
    if (torch := sys.modules.get("torch")) is not None:  # not imported for tests without it
        torch.manual_seed(0)


def _move_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in [*os.environ]:
        if name.startswith("PODTTS_") or name == "HF_ENDPOINT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("HF_HOME", str(home / "huggingface"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # a fixed date
