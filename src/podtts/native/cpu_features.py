"""The instructions beyond the basic ones that this CPU and its operating system have."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# By the names of Linux, which are used everywhere here: the names of macOS.
_OF_MACOS = {
    "avx2": "hw.optional.avx2_0",
    "fma": "hw.optional.fma",
    "f16c": "hw.optional.f16c",
    "avx512f": "hw.optional.avx512f",
    "avx512bw": "hw.optional.avx512bw",
    "avx512vl": "hw.optional.avx512vl",
    "avx512_vnni": "hw.optional.avx512vnni",
    "asimddp": "hw.optional.arm.FEAT_DotProd",
    "bf16": "hw.optional.arm.FEAT_BF16",
}


def cpu_features() -> frozenset[str]:
    """Names of what this CPU has, as Linux lists them; empty where the system does not say it."""
    if sys.platform == "darwin":
        return frozenset(name for name, system in _OF_MACOS.items() if _sysctl(system))
    try:
        return parse_cpuinfo(_CPUINFO.read_text())
    except OSError:
        return frozenset()


def parse_cpuinfo(text: str) -> frozenset[str]:
    """Names of what every CPU of a machine has that /proc/cpuinfo describes."""
    each = []
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):  # of x86-64, of ARM
            each.append(frozenset(value.split()))
    return frozenset.intersection(*each) if each else frozenset()


def _sysctl(name: str) -> bool:
    value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    result = ctypes.CDLL(None).sysctlbyname(
        name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)
    )
    return result == 0 and value.value != 0
