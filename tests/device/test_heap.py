import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from podtts.device.heap import keep_freed_memory
keep_freed_memory()
for start in (0, 1):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(5_000_000), torch.ones(5_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_large_buffers_are_used_again_without_fresh_pages() -> None:
    faults = int(subprocess.check_output([sys.executable, "-c", FAULTS]))
    assert faults < 5_000  # fresh pages for every buffer are 97,000
