"""Whether a device runs podtts' own Triton kernels, and what their results depend on."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.util import find_spec

import torch

from podtts.device.placement import compiles_kernels

# Raise when the same inputs give other bits.
VERSION = 1


@cache
def why_no_kernels(device: torch.device) -> str | None:
    """Why a device does not run the kernels; None: it does. The first call compiles one."""
    if not compiles_kernels(device):
        return f"{device.type} runs none"
    if find_spec("triton") is None:
        return "the package triton is not installed"
    try:
        from podtts.device.probe_kernel import adds_one

        return None if adds_one(device) else "a kernel computed something wrong"
    # Without a C compiler, for one, Triton cannot make the code that launches a kernel.
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        return next(iter(str(error).splitlines()), type(error).__name__)


def kernels_name(device: torch.device) -> str | None:
    """Name the kernels that run on a device; None: none. Their results depend on all it says."""
    if why_no_kernels(device) is not None:
        return None
    import triton

    return f"kernels {VERSION} by triton {triton.__version__}"
