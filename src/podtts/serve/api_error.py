"""Refusals and failures as clients see them: a status, and an error in OpenAI's shape."""

from __future__ import annotations

import math
from typing import Any

from podtts.errors import DiskError, InputError, OutOfMemoryError, PodttsError, UsageError

INVALID, SERVER, BUSY = "invalid_request_error", "server_error", "rate_limit_error"


class ApiError(Exception):
    """Why a request is not done.

    status:  of HTTP.
    kind:    `type` of the error: invalid_request_error, authentication_error, rate_limit_error or
             server_error.
    param:   the field of the request that is wrong; None: no field alone.
    code:    a word for programs.
    retry_seconds: when to try again; None: that is no use.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.kind, self.param, self.code = kind, param, code
        self.retry_seconds = retry_seconds

    @property
    def body(self) -> dict[str, Any]:
        """The response as JSON values."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response besides its type."""
        if self.retry_seconds is None:
            return {}
        return {"Retry-After": str(max(1, math.ceil(self.retry_seconds)))}

    @classmethod
    def of(cls, error: PodttsError, param: str | None = None) -> ApiError:
        """The answer to a request that podtts cannot do. param: the field that is wrong."""
        message = f"{error.problem} ({error.hint})" if error.hint else error.problem
        if isinstance(error, InputError | UsageError):
            return cls(400, message, param=param, code="invalid_value")
        if isinstance(error, OutOfMemoryError):
            return cls(503, message, kind=SERVER, code="out_of_memory", retry_seconds=10)
        code = "disk_error" if isinstance(error, DiskError) else None
        return cls(507 if code else 500, message, kind=SERVER, code=code)


def refused(message: str, param: str, code: str = "invalid_value") -> ApiError:
    """The refusal of a field of a request."""
    return ApiError(400, message, param=param, code=code)


def stopping(seconds: float) -> ApiError:
    """The refusal of a server that was asked to stop. seconds: until it has stopped."""
    return ApiError(
        503, "the server is stopping", kind=SERVER, code="stopping", retry_seconds=seconds
    )
