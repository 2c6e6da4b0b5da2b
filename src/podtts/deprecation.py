"""Public names that changed: the old ones work for one release and say what to write."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any


def warn_renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn that a name is deprecated.

    stacklevel: of the caller's caller, as for `warnings.warn`.
    """
    warnings.warn(
        f"{old} is now called {new}; the old name goes in the next version",
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """Return a method for the old name `Class.method`, which calls the new one."""

    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        warn_renamed(old, new)
        return getattr(self, new)(*arguments, **keywords)

    call.__doc__ = f"Deprecated name of `{new}`."
    return call


def renamed_property(old: str, new: str) -> property:
    """Return a property for the old name `Class.name`, which reads the new one."""

    def read(self: Any) -> Any:
        warn_renamed(old, new)
        return getattr(self, new)

    return property(read, doc=f"Deprecated name of `{new}`.")
