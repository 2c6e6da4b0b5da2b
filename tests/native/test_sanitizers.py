"""`make check-native` finds errors: seeded ones end the process."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from support.sanitizers import FLAGS

from podtts.native.choice import Unavailable
from podtts.native.library import layers_library

START = """
import ctypes, sys
from podtts.native import build, library

library.add_flags(*sys.argv[1:])
layers = library.layers_library()
model = layers.podtts_layers_new(1, 32, 1, 1, 16, 16, 8, 1e-6, 1)
buffer = ctypes.create_string_buffer
print("started", flush=True)
"""
# QKV has 48 outputs with 32 inputs: 48 * 32 bytes of weights, 48 * 2 of scales.
READS_PAST_THE_END = """
weights, scales = buffer(48 * 32 - 1), buffer(48 * 2)
layers.podtts_layers_pack_matrix(model, 0, 0, ctypes.addressof(weights), ctypes.addressof(scales))
"""
# Of a source that is compiled in the same way: podtts' own refuses what would overflow.
OVERFLOWS = """
import pathlib, tempfile
folder = tempfile.mkdtemp()
pathlib.Path(folder, "layers.c").write_text(
    "int podtts_layers_takes(int x) { return x * x; }"
)
build.FOLDER = pathlib.Path(folder)
library._UNITS = {"layers": {"takes": library._UNITS["layers"]["takes"]}}
library.forget_libraries()
seeded = library.layers_library().podtts_layers_takes
seeded.argtypes = [ctypes.c_int]
seeded(1 << 16)
"""


@pytest.fixture
def stderr_of(pytestconfig: pytest.Config) -> Callable[[str], str]:
    """Run code that must end its process, and return what that wrote to stderr."""
    if not pytestconfig.getoption("sanitize"):
        pytest.skip("make check-native compiles the C with sanitizers")
    library = layers_library()
    if isinstance(library, Unavailable):
        pytest.skip(library.reason)

    def run(code: str) -> str:
        process = subprocess.run(
            [sys.executable, "-c", START + code, *FLAGS],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.stdout == "started\n"
        assert process.returncode != 0
        return process.stderr

    return run


def test_a_read_past_the_end_of_a_buffer_is_found(stderr_of: Callable[[str], str]) -> None:
    assert "heap-buffer-overflow" in stderr_of(READS_PAST_THE_END)


def test_an_overflow_of_a_signed_integer_is_found(stderr_of: Callable[[str], str]) -> None:
    assert "signed integer overflow" in stderr_of(OVERFLOWS)
