"""The application: all endpoints, what guards them, and errors in one shape."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

import podtts
from podtts.serve.api_error import SERVER, ApiError
from podtts.serve.guards import Guard
from podtts.serve.job_runner import JobRunner
from podtts.serve.job_store import JobStore
from podtts.serve.jobs_api import jobs_router
from podtts.serve.pages import pages_router
from podtts.serve.service import Service
from podtts.serve.speech_api import speech_router
from podtts.serve.status_api import status_router
from podtts.serve.streamed_response import error_response
from podtts.serve.voices_api import voices_router


def create_app(
    service: Service,
    store: JobStore,
    runner: JobRunner,
    tokens: Sequence[str],
    origins: Collection[str],
    *,
    loopback: bool,
) -> ASGIApp:
    """The application of a server. For tokens, origins and loopback see `Guard`."""
    app = FastAPI(title="podtts", version=podtts.__version__, docs_url=None, redoc_url=None)
    for router in (
        speech_router(service),
        jobs_router(service, store, runner),
        voices_router(service),
        status_router(service),
        pages_router(app.openapi),
    ):
        app.include_router(router)
    _shape_errors(app, service)
    guarded: ASGIApp = Guard(app, tokens, origins, service.limits, loopback=loopback)
    if origins:
        return CORSMiddleware(
            guarded,
            allow_origins=[*origins],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Range"],
        )
    return guarded


def _shape_errors(app: FastAPI, service: Service) -> None:
    """Give every error OpenAI's shape, and count the requests for speech that are refused."""

    def answer(request: Request, error: ApiError) -> Response:
        route = request.scope.get("route")
        if request.method == "POST" and route is not None:
            outcome = "busy" if error.status in (429, 503) else "refused"
            service.metrics.requests.labels(route.path, outcome).inc()
        return error_response(error)

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, _validation(error))

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, ApiError):  # raised while the body was read
            return answer(request, error.__cause__)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code)
        return answer(request, ApiError(error.status_code, str(error.detail), code=code))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        message = "this is a bug in podtts; the server's log has its traceback"
        return answer(request, ApiError(500, message, kind=SERVER))


def _validation(error: RequestValidationError) -> ApiError:
    """The first thing that is wrong with a body, and the field that it is in."""
    first = error.errors()[0]
    places = [str(part) for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        return ApiError(400, f"the body is no JSON: {first['ctx']['error']}", code="invalid_json")
    code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
    where = f"{'.'.join(places)}: " if places else ""
    return ApiError(400, f"{where}{first['msg']}", param=next(iter(places), None), code=code)
