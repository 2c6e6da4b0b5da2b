"""The pages for people: one to try the server, and one that shows all endpoints with examples.

Both come from this server alone: nothing is loaded from elsewhere.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

Schema = Mapping[str, Any]
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; media-src blob:; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


def pages_router(schema: Callable[[], Schema]) -> APIRouter:
    """The pages of a server. schema: its OpenAPI document."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> Response:
        return HTMLResponse(_asset("page.html"), headers=_POLICY)

    @router.get("/page.js")
    async def script() -> Response:
        return Response(_asset("page.js"), media_type="text/javascript", headers=_POLICY)

    @router.get("/page.css")
    async def style() -> Response:
        return Response(_asset("page.css"), media_type="text/css", headers=_POLICY)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        server = str(request.base_url).rstrip("/")
        return HTMLResponse("".join(_docs(schema(), server)), headers=_POLICY)

    return router


def example_call(method: str, path: str, operation: Schema, document: Schema, server: str) -> str:
    """A curl line for an endpoint, with the example of its body, if it has one."""
    words = ["curl"]
    if method != "get":
        words += ["-X", method.upper()]
    words.append(f"{server}{path}")
    body = body_of(operation, document)
    if body and body.get("examples"):
        text = json.dumps(body["examples"][0], ensure_ascii=False).replace("'", "'\\''")
        words += ["-H", "'Content-Type: application/json'", "-d", f"'{text}'"]
    return " ".join(words)


def body_of(operation: Schema, document: Schema) -> Schema | None:
    """The schema of the body of an endpoint; None: it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = next((each["schema"] for each in content.values()), None)
    if schema is not None and "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _docs(document: Schema, server: str) -> Iterator[str]:
    yield "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
    yield "<title>podtts: endpoints</title>"
    yield "<meta name='viewport' content='width=device-width, initial-scale=1'>"
    yield "<link rel='stylesheet' href='page.css'></head><body><main><h1>Endpoints</h1>"
    yield "<p>For programs: <a href='openapi.json'>openapi.json</a>. A server with tokens wants "
    yield "<code>Authorization: Bearer TOKEN</code> in every request. <a href='./'>Try it</a></p>"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<h2>{method.upper()} {html.escape(path)}</h2>"
            yield f"<p>{html.escape(operation.get('description', ''))}</p>"
            yield from _fields(operation, document)
            call = example_call(method, path, operation, document, server)
            yield f"<pre><code>{html.escape(call)}</code></pre>"
    yield "</main></body></html>\n"


def _fields(operation: Schema, document: Schema) -> Iterator[str]:
    """The fields of an endpoint's body, and its other parameters, as a table."""
    rows = [
        (each["name"], each.get("description", ""), each.get("required", False))
        for each in operation.get("parameters", [])
    ]
    body = body_of(operation, document) or {}
    rows += [
        (name, field.get("description", ""), name in body.get("required", []))
        for name, field in body.get("properties", {}).items()
    ]
    if rows:
        yield "<table><tr><th>field</th><th>meaning</th></tr>"
        for name, meaning, required in rows:
            words = f"{meaning} Required." if required else meaning
            yield f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(words)}</td></tr>"
        yield "</table>"


def _asset(name: str) -> str:
    return (files("podtts") / "assets" / "serve" / name).read_text(encoding="utf-8")
