"""How long the tests of this folder torment podtts: six kills each, or for minutes."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.hostile_system import hostile_system
from support.killable_commands import KillableCommands, killable_commands

_MINUTES = 10
_TESTS = 4  # that share these minutes


@dataclass
class Torment:
    """What one test may take.

    kills: how many, if there is time. chance: draws when to kill; its seed is in the test's output.
    is_long: whether somebody asked for the long form.
    """

    kills: int
    chance: random.Random
    is_long: bool
    ends: float

    @property
    def goes_on(self) -> bool:
        """Whether there is time for another kill; in the short form, always."""
        return not self.is_long or time.monotonic() < self.ends


@pytest.fixture
def torment(request: pytest.FixtureRequest) -> Torment:
    is_long = bool(request.config.getoption("torture"))
    seed = request.config.getoption("seed")
    seed = random.SystemRandom().randrange(10**6) if seed is None and is_long else seed or 0
    print(f"\n{request.node.name}: --seed {seed}")  # noqa: T201 (shown when the test fails)
    ends = time.monotonic() + 60 * _MINUTES / _TESTS
    return Torment(200 if is_long else 6, random.Random(seed), is_long, ends)


@pytest.fixture(scope="session")
def commands(
    tmp_path_factory: pytest.TempPathFactory, home_of_the_session: None
) -> Iterator[KillableCommands]:
    """A server of commands that can be killed at every change of a file."""
    folder: Path = tmp_path_factory.mktemp("torture")
    with killable_commands(folder / "server", hostile_system()) as server:
        yield server
