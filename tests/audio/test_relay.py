"""A pipe for C code, which is never full."""

import os

from podtts.audio.relay import Relay


def test_what_is_written_is_taken_in_order() -> None:
    relay = Relay()
    os.write(relay.descriptor, b"first")
    assert relay.take() == b"first"
    assert relay.take() == b""
    os.write(relay.descriptor, b"second")
    os.write(relay.descriptor, b"third")
    assert relay.close() == b"secondthird"


def test_a_pipe_takes_more_than_a_pipe_holds() -> None:
    relay = Relay()
    content = os.urandom(2**21)
    assert os.write(relay.descriptor, content) == len(content)
    assert relay.close() == content
