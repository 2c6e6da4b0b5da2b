"""A run that is stopped from outside."""

import signal


class Stopped(BaseException):
    """SIGINT or SIGTERM: unwinds, so that temporary files go and nothing half-done stays.

    Not KeyboardInterrupt for Ctrl-C: typer's versions make different things of that.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        self.exit_code = 128 + number
        super().__init__(f"stopped ({self.signal.name})")
