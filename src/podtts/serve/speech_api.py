"""The endpoints that answer with sound: OpenAI's, dialogues, and the form of the source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from podtts.batch.manifest_keys import OPTION_KEYS
from podtts.batch.request import EpisodeSettings
from podtts.errors import PodttsError, nearest
from podtts.publish.option_names import MUSIC
from podtts.publish.requirements import check_publishing
from podtts.script.model import Script
from podtts.script.reading import ReadingOptions
from podtts.serve.api_error import ApiError, refused
from podtts.serve.bodies import Dialogue, SourceSpeech, Speech, VoiceId, voice_name
from podtts.serve.dialects import dialect_tag
from podtts.serve.limits import Bounds
from podtts.serve.order import Order, OrderBuilder, check_length, with_speed
from podtts.serve.service import Service, check_format
from podtts.serve.texts import (
    PLAIN_LABEL,
    is_labelled,
    plain_script,
    turns_script,
    written_script,
)
from podtts.text.characters import excerpt

# Options of `synth` that a stream of sound has a place for: it is not changed when it is complete.
_FILES = {
    *("format", "sample_rate", "loudness", "balance", "music_below", "split", "subtitles"),
    *("chapters", "transcript", "page", "page_audio", "bitrate", *MUSIC),
}
STREAM_OPTIONS = tuple(key for key in OPTION_KEYS if key not in _FILES)
_SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Sound as it is made, or events (text/event-stream).",
        "content": {"audio/mpeg": {}, "audio/wav": {}, "text/event-stream": {}},
    }
}


def speech_router(service: Service) -> APIRouter:
    """The endpoints of a server."""
    router, orders = APIRouter(tags=["speech"]), service.orders

    @router.post("/v1/audio/speech", responses=_SOUND, response_class=Response)
    async def speech(body: Speech) -> Response:
        """OpenAI's endpoint for speech."""
        order = await service.build(lambda: _speech_order(orders, body))
        return service.respond("/v1/audio/speech", order, body.response_format, body.stream_format)

    @router.post("/v1/dialogue", responses=_SOUND, response_class=Response)
    async def dialogue(body: Dialogue) -> Response:
        """The sound of a script; as events, each turn says where in the sound it is."""
        order = await service.build(lambda: _dialogue_order(orders, body))
        return service.respond("/v1/dialogue", order, body.response_format, body.stream_format)

    @router.post("/api/tts", responses=_SOUND, response_class=Response)
    async def source_speech(body: SourceSpeech) -> Response:
        """One text in one voice and dialect, as a WAV file."""
        order = await service.build(lambda: _source_order(orders, body))
        return service.respond("/api/tts", order, "wav", "audio")

    return router


def _speech_order(orders: OrderBuilder, body: Speech) -> Order:
    orders.check_model(body.model)
    check_format(body.response_format)
    if body.instructions:
        raise refused(
            "the model takes no instructions; tags such as <|laughter|> in the text control it",
            "instructions",
        )
    voices = found_voices(orders, body.voices)
    streams = body.speed == 1.0
    settings = orders.settings(body.options(), body.preset, streams=streams)
    script = _speech_script(orders, body, settings.reading)
    if body.voice is not None:
        voices = {PLAIN_LABEL: orders.shelf.find(voice_name(body.voice), "voice")} | voices
    elif len(script.labels) == 1 and not voices:
        raise refused("a text needs a voice; GET /v1/audio/voices lists them", "voice")
    script = with_speed(script, body.speed)
    return _live(orders, script, voices, settings, "speech")


def _speech_script(orders: OrderBuilder, body: Speech, reading: ReadingOptions) -> Script:
    if (body.input is None) == (body.turns is None):
        raise refused("give either input or turns", "input")
    param = "input" if body.turns is None else "turns"
    try:
        if body.turns is not None:
            check_length("\n".join(turn[1] for turn in body.turns), param, orders.limits.live)
            return turns_script(body.turns, body.voices, param, reading)
        text = body.input or ""
        check_length(text, param, orders.limits.live)
        if is_labelled(text):
            return written_script(text, param, reading)
        return plain_script(text, param, reading)
    except PodttsError as error:
        raise ApiError.of(error, param) from None


def _dialogue_order(orders: OrderBuilder, body: Dialogue) -> Order:
    if body.model is not None:
        orders.check_model(body.model)
    check_format(body.response_format)
    check_options(body.options, STREAM_OPTIONS)
    voices = found_voices(orders, body.voices)
    settings = orders.settings(body.options, body.preset, streams=True)
    script = read_script(body.script, settings.reading, voices, orders.limits.live)
    return _live(orders, script, voices, settings, "dialogue")


def _source_order(orders: OrderBuilder, body: SourceSpeech) -> Order:
    tag = dialect_tag(body.dialect)
    voice = orders.shelf.find(body.speaker, "speaker")
    settings = orders.settings({}, None, streams=True)
    check_length(body.text, "text", orders.limits.live)
    try:
        script = plain_script(f"{tag}{body.text}", "text", settings.reading)
    except PodttsError as error:
        raise ApiError.of(error, "text") from None
    return _live(orders, script, {PLAIN_LABEL: voice}, settings, "speech")


def _live(
    orders: OrderBuilder,
    script: Script,
    voices: Mapping[str, str],
    settings: EpisodeSettings,
    title: str,
) -> Order:
    """An order whose sound goes out as it is made."""
    try:
        check_publishing(settings.publishing, "-", script, stream=True)
    except PodttsError as error:
        raise ApiError.of(error, script.source) from None
    return orders.build(script, voices, settings, title, orders.limits.live)


def read_script(
    script: object, reading: ReadingOptions, voices: Mapping[str, str], bounds: Bounds
) -> Script:
    """The script of a request, as text or as JSON. Raises ApiError."""
    text = script if isinstance(script, str) else json.dumps(script, ensure_ascii=False)
    check_length(text, "script", bounds)
    try:
        return written_script(text, "script", reading.with_names([*voices, *voices.values()]))
    except PodttsError as error:
        raise ApiError.of(error, "script") from None


def found_voices(orders: OrderBuilder, voices: Mapping[str, str | VoiceId]) -> dict[str, str]:
    """The voices of a request, by label. Raises ApiError."""
    return {
        label: orders.shelf.find(voice_name(voice), f"voices.{label}")
        for label, voice in voices.items()
    }


def check_options(options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise ApiError for options that a request cannot have."""
    for key in options:
        if key not in known:
            raise refused(
                f"unknown option {excerpt(key)}{nearest(key, known)}; "
                f"the options are {', '.join(known)}",
                "options",
                "unknown_option",
            )
