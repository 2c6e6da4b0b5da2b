"""The bodies of requests for speech, with the examples that the documentation shows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from podtts.serve.sound_encoder import SpeechFormat


class VoiceId(BaseModel):
    """A voice as an object, as OpenAI's custom voices are named."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: str


VoiceName = Annotated[str | VoiceId, Field(description="The name of a voice, or its id.")]


def voice_name(voice: str | VoiceId) -> str:
    return voice if isinstance(voice, str) else voice.id


class Speech(BaseModel):
    """OpenAI's request for speech. Behind `stream_format` are fields of podtts' own."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"model": "mini", "input": "Do bridges hum?", "voice": "anna"}]
        },
    )
    model: str = Field(description="The name of the server's model: GET /v1/models lists it.")
    input: str | None = Field(
        None,
        description="What is said. A text that begins with a label [S1] to [S4] is a script.",
    )
    voice: VoiceName | None = Field(None, description="Of the text, or of S1 in a script.")
    instructions: str | None = Field(
        None, description="Refused: the model takes none. Tags in the text control how it speaks."
    )
    response_format: SpeechFormat = Field("mp3", description="aac needs the extra av.")
    speed: float = Field(
        1.0, ge=0.25, le=4.0, description="0.5 to 2; another value than 1 needs whole turns."
    )
    stream_format: Literal["audio", "sse"] = "audio"
    turns: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None = Field(
        None,
        description="In place of input: labels and texts.",
        examples=[[["S1", "Do bridges hum?"], ["S2", "In the wind."]]],
    )
    voices: dict[str, VoiceName] = Field(
        default_factory=dict, description="The voice of each label of a script or of turns."
    )
    seed: int | None = Field(None, description="The same request and seed: the same samples.")
    preset: str | None = Field(None, description="faithful, balanced or fast.")
    flow_steps: int | None = None
    flow_mode: Literal["full", "streaming"] | None = Field(
        None,
        description="streaming: sound inside a turn. full: turn by turn, and a turn that fails a "
        "check is made again. Default: streaming, where speed is 1.",
    )

    def options(self) -> dict[str, object]:
        """The options by the keys of a manifest."""
        names = ("seed", "flow_steps", "flow_mode")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Dialogue(BaseModel):
    """A script with options of `podtts synth`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "script": "[S1] Do bridges hum?\n[S2] In the wind.",
                    "voices": {"S1": "anna", "S2": "ben"},
                    "options": {"seed": 7},
                    "stream_format": "sse",
                }
            ]
        },
    )
    model: str | None = None
    script: str | dict[str, Any] | list[Any] = Field(
        description="In any form of docs/scripts.md, as text or as JSON."
    )
    voices: dict[str, VoiceName] = Field(default_factory=dict)
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of synth by the keys of a manifest."
    )
    preset: str | None = None
    response_format: SpeechFormat = "wav"
    stream_format: Literal["audio", "sse"] = "audio"


class JobBody(BaseModel):
    """An episode with all its files, as a line of a manifest has it."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "script": "# A bridge\n[S1] Do bridges hum?\n[S2] In the wind.",
                    "voices": {"S1": "anna", "S2": "ben"},
                    "options": {"format": "mp3", "subtitles": ["vtt"], "title": "Bridges"},
                }
            ]
        },
    )
    model: str | None = None
    script: str | dict[str, Any] | list[Any] | None = None
    turns: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None = Field(
        None, description="In place of a script: labels and texts."
    )
    voices: dict[str, VoiceName] = Field(default_factory=dict)
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of synth by the keys of a manifest."
    )
    preset: str | None = None


class SourceSpeech(BaseModel):
    """The request of SoulX-Podcast's own small servers."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"text": "Do bridges hum?", "speaker": "anna", "dialect": "普通话"}]
        },
    )
    text: str
    speaker: str
    dialect: str = "普通话"
