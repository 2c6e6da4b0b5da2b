"""The voices that clients may name: prepared ones, and names that the server's owner gave them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podtts.errors import InputError, nearest
from podtts.prompts.casting import VoiceCasting
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.voice_list import ListedVoice, listed_voices
from podtts.script.model import Script
from podtts.serve.api_error import refused
from podtts.text.characters import excerpt
from podtts.values import SpeakerPrompt

_LONGEST_NAMES_BYTES = 2**20


@dataclass(frozen=True)
class OtherNames:
    """Names that clients use for voices and for the model, such as alloy and tts-1."""

    voices: Mapping[str, str] = field(default_factory=dict)
    models: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path) -> OtherNames:
        """Read `{"voices": {"alloy": "anna"}, "models": ["tts-1"]}`. Raises InputError."""
        try:
            values = json.loads(path.read_bytes()[:_LONGEST_NAMES_BYTES])
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read: {error.strerror}", "check the path"
            ) from None
        except ValueError as error:
            raise InputError(f"{path}: no JSON: {error}", _EXAMPLE) from None
        voices, models = _member(values, "voices", {}), _member(values, "models", [])
        if not isinstance(values, dict) or values.keys() - {"voices", "models"}:
            raise InputError(f"{path}: its keys are not voices and models", _EXAMPLE)
        if not isinstance(voices, dict) or not isinstance(models, list):
            raise InputError(f"{path}: voices is no object, or models no list", _EXAMPLE)
        if not all(isinstance(name, str) for name in (*voices.values(), *models)):
            raise InputError(f"{path}: a name is no string", _EXAMPLE)
        return cls({_nfc(name): voice for name, voice in voices.items()}, frozenset(models))


_EXAMPLE = 'it looks like {"voices": {"alloy": "anna"}, "models": ["tts-1"]}'


class VoiceShelf:
    """Finds voices by the names that clients send. Any thread may use it.

    A name is only ever compared with those that are there: no path is made from it.
    """

    def __init__(self, sources: VoiceSources, names: OtherNames) -> None:
        self.sources, self.names = sources, names
        self._casting = VoiceCasting(sources)

    def check_names(self) -> None:
        """Raise InputError for another name of a voice that is not there."""
        known = self._known()
        for name, voice in self.names.voices.items():
            if voice not in known:
                raise InputError(
                    f"{name} stands for the voice {voice}, which is not prepared",
                    f"the voices are {', '.join(sorted(known)) or 'none'}",
                )

    def find(self, name: str, param: str) -> str:
        """The voice that a name of a client stands for. Raises ApiError, naming `param`."""
        name = _nfc(name)
        known = self._known()
        name = self.names.voices.get(name, name)
        if name in known:
            return name
        same = [voice for voice in known if voice.casefold() == name.casefold()]
        if len(same) == 1:
            return same[0]
        names = sorted({*known, *self.names.voices})
        raise refused(
            f"there is no voice {excerpt(name)!r}{nearest(name, names)}; "
            f"GET /v1/audio/voices lists them",
            param,
            "voice_not_found",
        )

    def prompts(self, script: Script, voices: Mapping[str, str]) -> list[SpeakerPrompt]:
        """The prompts of a script's speakers. voices: by label, each from `find`.

        Raises InputError.
        """
        return [member.prompt for member in self._casting.gather(script, voices)]

    def listed(self) -> list[ListedVoice]:
        """All voices that can be read."""
        return [*listed_voices(self.sources, lambda _: None)]

    def _known(self) -> set[str]:
        return {name for library in self.sources.libraries for name in library.voices.names()}


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _member(values: Any, name: str, default: object) -> Any:
    return values.get(name, default) if isinstance(values, dict) else default
