import os

import pytest

from podtts.cli.waiting import sleep_when_waiting


def test_threads_spin_little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    sleep_when_waiting()
    assert os.environ["GOMP_SPINCOUNT"] == "2000"


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "7")]
)
def test_what_the_user_says_holds(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, value)
    sleep_when_waiting()
    assert os.environ[name] == value
    assert {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys() == {name}
