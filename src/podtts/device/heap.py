"""How the process's memory is kept between uses."""

from __future__ import annotations

import ctypes

# Names of glibc's mallopt (malloc.h) and their values.
_TRIM_THRESHOLD, _KEPT_BYTES = -1, 512 << 20
_MMAP_THRESHOLD, _LARGEST_KEPT = -3, 32 << 20  # the most that glibc takes


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next tensors, up to half a GB.

    By itself it gives every large buffer back to the system, whose fresh pages cost the flow in
    bfloat16 a fifth of its CPU time (docs/performance.md). Does nothing where there is no glibc.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
