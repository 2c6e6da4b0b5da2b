"""How threads that share work wait for one another."""

import os

_SPINS = "2000"


def sleep_when_waiting() -> None:
    """Let torch's threads soon sleep when they wait; to be called before torch is imported.

    By itself GNU's OpenMP spins for milliseconds, on cores that other programs may want just then:
    beside one busy program an episode on two cores took twelve times as long. Whoever sets
    OMP_WAIT_POLICY or GOMP_SPINCOUNT knows better.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = _SPINS
