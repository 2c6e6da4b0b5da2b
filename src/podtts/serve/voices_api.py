"""The endpoints for voices: list, upload, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import JSONResponse

from podtts.prompts.voice_list import ListedVoice
from podtts.serve.api_error import BUSY, ApiError, stopping
from podtts.serve.service import Service
from podtts.serve.voice_uploads import VoiceUpload, add_voice, remove_voice

_MOST_UPLOADS = 4  # at a time, the one that is being prepared included
_PER_UPLOAD_SECONDS = 10.0


def voices_router(service: Service) -> APIRouter:
    """The endpoints of a server."""
    router, shelf = APIRouter(tags=["voices"]), service.orders.shelf
    preparing, uploads = asyncio.Lock(), set[object]()

    @router.get("/v1/audio/voices")
    async def voices() -> dict[str, Any]:
        """All voices that can speak, with what is known of the person's consent."""
        listed = await asyncio.to_thread(shelf.listed)
        values = [_listed(voice) for voice in listed if voice.prompt is not None]
        return {"object": "list", "data": values}

    @router.post("/v1/audio/voices", status_code=201)
    async def upload(
        name: Annotated[str, Form(description="Letters, digits, underscores, hyphens.")],
        audio_sample: Annotated[UploadFile, File(description="A recording of 1 to 30 s.")],
        transcript: Annotated[str, Form(description="The words of the recording.")],
        consent: Annotated[str, Form(description="Who agreed to this use, and when.")] = "",
        dialect_prompt: Annotated[
            str, Form(description="A sentence in dialect that begins with its tag.")
        ] = "",
    ) -> JSONResponse:
        """Prepare a voice from a recording. The recording itself is not kept."""
        if service.reception.is_stopping:
            raise stopping(service.limits.stop_seconds)
        if len(uploads) >= _MOST_UPLOADS:
            raise ApiError(
                429,
                "other recordings are being prepared",
                kind=BUSY,
                code="queue_full",
                retry_seconds=_PER_UPLOAD_SECONDS,
            )
        ticket = object()
        uploads.add(ticket)
        try:
            raw = await audio_sample.read()
            recording = VoiceUpload(name, raw, transcript, consent, dialect_prompt)
            async with preparing:
                prepared = await asyncio.to_thread(
                    add_voice, recording, shelf.sources, service.uploads
                )
        finally:
            uploads.discard(ticket)
        values = {
            **_voice(prepared.voice.name, prepared.voice.consent),
            "seconds": prepared.features.seconds,
            "warnings": [*prepared.warnings, *prepared.notes],
        }
        return JSONResponse(values, 201)

    @router.delete("/v1/audio/voices/{voice}")
    async def delete(voice: str) -> dict[str, Any]:
        """Forget a voice, and all that was computed of it."""
        async with preparing:
            await asyncio.to_thread(remove_voice, voice, shelf.sources)
        service.forget_voice_states()
        return {"id": voice, "object": "audio.voice.deleted", "deleted": True}

    return router


def _voice(name: str, consent: str) -> dict[str, Any]:
    return {"id": name, "object": "audio.voice", "name": name, "consent": consent or None}


def _listed(voice: ListedVoice) -> dict[str, Any]:
    return {
        **_voice(voice.name, voice.consent),
        "origin": voice.origin,
        "language": voice.language,
        "seconds": voice.seconds,
    }
