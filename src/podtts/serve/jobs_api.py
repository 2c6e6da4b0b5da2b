"""The endpoints for jobs: episodes that are made whether or not somebody waits."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import FileResponse, JSONResponse, Response

from podtts.batch.manifest_keys import OPTION_KEYS
from podtts.batch.task import Task
from podtts.errors import PodttsError
from podtts.publish.option_names import MUSIC
from podtts.publish.requirements import check_publishing
from podtts.serve.api_error import BUSY, ApiError, refused, stopping
from podtts.serve.bodies import JobBody, voice_name
from podtts.serve.job import EPISODE
from podtts.serve.job_runner import JobRunner
from podtts.serve.job_store import JobStore, StoredJob, body_digest
from podtts.serve.order import Order, OrderBuilder, check_length
from podtts.serve.service import MARK, Service
from podtts.serve.speech_api import check_options, found_voices, read_script
from podtts.serve.streamed_response import EVENT_STREAM, StreamedResponse, sse
from podtts.serve.texts import turns_script
from podtts.values import SpeakerPrompt

JOB_OPTIONS = tuple(key for key in OPTION_KEYS if key not in (*MUSIC, "music_below"))
_SILENCE_SECONDS = 15.0  # proxies give up on connections that say nothing for a minute
_RETRY_SECONDS = 60.0


def jobs_router(service: Service, store: JobStore, runner: JobRunner) -> APIRouter:
    """The endpoints of a server."""
    router, orders = APIRouter(prefix="/v1/jobs", tags=["jobs"]), service.orders
    creating = asyncio.Lock()

    @router.post("", status_code=202)
    async def create(body: JobBody, idempotency_key: Annotated[str, Header()] = "") -> JSONResponse:
        """Take a job. It is on the disk when this is answered."""
        request = body.model_dump(mode="json", exclude_unset=True)
        async with creating:
            earlier = store.same(idempotency_key, body_digest(request))
            if earlier is not None:
                return JSONResponse(_shown(earlier), 200)
            if service.reception.is_stopping:
                raise stopping(service.limits.stop_seconds)
            if len(store.waiting) >= service.limits.jobs:
                raise ApiError(
                    429,
                    f"{service.limits.jobs} jobs wait or run",
                    kind=BUSY,
                    code="queue_full",
                    retry_seconds=_RETRY_SECONDS,
                )
            order = await service.check(lambda: job_order(orders, request))
            job = await asyncio.to_thread(
                store.write_new,
                request,
                order.prompts,
                len(order.script.turns[: order.options.limit_turns]),
                orders.today(),
                idempotency_key,
            )
            stored = store.add(job)
            await stored.events.append({"type": "job.queued", "turns": job.turns})
            runner.run(stored)
        return JSONResponse(_shown(stored), 202, {"Location": f"/v1/jobs/{job.id}"})

    @router.get("")
    async def jobs(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        """The latest jobs, the newest first."""
        latest = [*reversed(store.jobs.values())][:limit]
        return {"object": "list", "data": [_shown(stored) for stored in latest]}

    @router.get("/{job}")
    async def one(job: str) -> dict[str, Any]:
        """A job, with what was asked for and what has come of it."""
        stored = store.find(job)
        return {**_shown(stored), "request": stored.job.request}

    @router.get("/{job}/events", response_class=Response)
    async def events(job: str, last_event_id: Annotated[str, Header()] = "") -> StreamedResponse:
        """All events of a job from its first, then those to come. Last-Event-ID skips some."""
        after = int(last_event_id) if last_event_id.isdecimal() else 0
        parts = _follow(store.find(job), after)
        return StreamedResponse(
            parts,
            EVENT_STREAM,
            _nothing,
            service.limits.stall_seconds,
            {"Cache-Control": "no-store"},
        )

    @router.get("/{job}/files/{name:path}", response_class=FileResponse)
    async def file(job: str, name: str) -> FileResponse:
        """A file of a job that is done; ranges are answered."""
        stored = store.find(job)
        known = next((each for each in stored.job.files if each == name), None)
        if known is None:
            raise ApiError(404, "the job has no such file", code="file_not_found")
        kind = mimetypes.guess_type(known)[0] or "application/octet-stream"
        return FileResponse(stored.folder.path / known, media_type=kind, headers=MARK)

    @router.delete("/{job}")
    async def delete(job: str) -> dict[str, Any]:
        """End a job, and delete its text, its sound and all else of it."""
        await runner.delete(store.find(job))
        return {"id": job, "object": "job.deleted", "deleted": True}

    return router


def job_order(
    orders: OrderBuilder,
    request: Mapping[str, Any],
    prompts: tuple[SpeakerPrompt, ...] | None = None,
) -> Order:
    """What a job's request asks for. prompts: those it began with. Raises ApiError."""
    body = JobBody.model_validate(request)
    if body.model is not None:
        orders.check_model(body.model)
    check_options(body.options, JOB_OPTIONS)
    voices = found_voices(orders, body.voices) if prompts is None else {}
    settings = orders.settings(body.options, body.preset, streams=False)
    if (body.script is None) == (body.turns is None):
        raise refused("give either script or turns", "script")
    try:
        if body.turns is not None:
            text = "\n".join(turn[1] for turn in body.turns)
            check_length(text, "turns", orders.limits.job)
            script = turns_script(body.turns, body.voices, "turns", settings.reading)
        else:
            named = {label: voice_name(voice) for label, voice in body.voices.items()}
            script = read_script(body.script, settings.reading, named, orders.limits.job)
        output = f"{EPISODE}.{settings.publishing.format}"
        check_publishing(settings.publishing, output, script, stream=False)
    except PodttsError as error:
        raise ApiError.of(error, "script") from None
    return orders.build(script, voices, settings, EPISODE, orders.limits.job, prompts)


def job_task(orders: OrderBuilder, stored: StoredJob) -> Task:
    """The task of a job, with the voices that it began with. Raises ApiError, InputError."""
    order = job_order(orders, stored.job.request, stored.folder.read_prompts())
    return Task(
        EPISODE,
        order.script,
        order.prompts,
        order.options,
        order.publishing,
        order.keeps_precision,
        fingerprint="",
    )


def _shown(stored: StoredJob) -> dict[str, Any]:
    job = stored.job
    path = f"/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "object": "job",
        "state": job.state,
        "created_at": int(job.created),
        "finished_at": int(job.finished) or None,
        "turns": job.turns,
        "finished_turns": len(stored.events.turns),
        "problems": [*job.problems],
        "error": job.error,
        "files": [
            {"name": name, "sha256": sha256, "url": f"{path}/files/{name}"}
            for name, sha256 in job.files.items()
        ],
    }


async def _follow(stored: StoredJob, after: int) -> AsyncIterator[bytes]:
    yield b": \n\n"  # the answer begins, whenever the next event may come
    async for numbered in stored.events.follow(after, _SILENCE_SECONDS):
        yield b": \n\n" if numbered is None else sse(numbered[1], numbered[0])


async def _nothing(outcome: str) -> None:
    """There is nothing to free at the end."""
