"""The endpoints that tell how a server is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

import podtts
from podtts.serve.api_error import SERVER, ApiError
from podtts.serve.service import Service

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def status_router(service: Service) -> APIRouter:
    """The endpoints of a server."""
    router, reception = APIRouter(tags=["status"]), service.reception

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "alive", "version": podtts.__version__}

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready")
    async def ready() -> dict[str, object]:
        """Whether requests are answered: the model is loaded, and has spoken."""
        if reception.is_stopping or not reception.engine.is_alive:
            raise ApiError(503, "the server is stopping", kind=SERVER, code="stopping")
        if not service.is_ready:
            raise ApiError(503, "the model is not warm yet", kind=SERVER, code="warming")
        return {"status": "ready", "model": service.orders.model, "rows": reception.engine.rows}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.metrics.text(), media_type=_TEXT)

    @router.get("/v1/models")
    async def models() -> JSONResponse:
        """The model of this server, and the other names that it answers to."""
        names = [service.orders.model, *sorted(service.orders.shelf.names.models)]
        values = [
            {"id": name, "object": "model", "created": 0, "owned_by": "podtts"} for name in names
        ]
        return JSONResponse({"object": "list", "data": values})

    return router
