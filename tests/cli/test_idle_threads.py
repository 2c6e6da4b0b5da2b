"""How threads wait is set for GNU's OpenMP alone, and never against the user."""

import importlib.machinery
import os
from pathlib import Path

import pytest

from podtts.cli import idle_threads
from podtts.cli.idle_threads import has_gnu_openmp, let_idle_threads_sleep

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that what the test sets is undone
        monkeypatch.delenv(name)


def install(site: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch with a library, which is found in place of the real one."""
    (site / "torch").mkdir()
    (site / library).parent.mkdir(exist_ok=True)
    (site / library).touch()
    spec = importlib.machinery.ModuleSpec("torch", None, origin=str(site / "torch/__init__.py"))
    monkeypatch.setattr(idle_threads, "find_spec", {"torch": spec}.__getitem__)
    return site / "torch"


@pytest.mark.parametrize("library", ["torch/lib/libgomp.so.1", "torch.libs/libgomp-6e1a1d1b.so.1"])
def test_threads_of_gnus_openmp_spin_for_a_moment(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are more threads than cores, for which it takes the policy."""
    assert has_gnu_openmp(install(tmp_path, library, monkeypatch))
    let_idle_threads_sleep()
    assert [os.environ[name] for name in VARIABLES] == ["active", "2000"]


@pytest.mark.parametrize("library", ["torch/lib/libomp.dylib", "torch/lib/libiomp5.so"])
def test_others_are_left_as_they_are(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy would make them spin for ever."""
    assert not has_gnu_openmp(install(tmp_path, library, monkeypatch))
    let_idle_threads_sleep()
    assert "OMP_WAIT_POLICY" not in os.environ


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "7")]
)
def test_the_users_own_wait_policy_wins(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    let_idle_threads_sleep()
    assert os.environ[name] == value
    assert {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys() == {name}
