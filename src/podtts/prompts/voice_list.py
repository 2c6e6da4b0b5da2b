"""Lists the voices that can speak with a model: those that come with podtts, and prepared ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podtts.errors import VoiceError
from podtts.hub.bundled import bundled_recordings
from podtts.prompts.lookup import StoredPrompt, VoiceSources
from podtts.prompts.voices import Voice
from podtts.rates import TOKENS_PER_SECOND
from podtts.text.languages import main_language
from podtts.text.tags import dialect_of

Origin = Literal["bundled", "prepared", "for another model"]
NO_PERSON = "none needed: it is no person's voice"


@dataclass(frozen=True, eq=False)  # the prompt has arrays, which have no truth value to compare
class ListedVoice:
    """A voice, and what is known of it."""

    name: str
    origin: Origin
    language: str  # of the recording's words: en, zh, or zh with the name of a dialect
    consent: str  # empty: nothing is known
    sample: Path | None  # a recording that can be played
    prompt: StoredPrompt | None  # None: it is not prepared for this model

    @property
    def seconds(self) -> float | None:
        """Length of the recording as the model sees it."""
        if self.prompt is None:
            return None
        return len(self.prompt.tensors["speech_tokens"]) / TOKENS_PER_SECOND


def listed_voices(
    sources: VoiceSources, on_error: Callable[[VoiceError], None]
) -> Iterator[ListedVoice]:
    """Yield every voice once, a library at a time, each in order of the names.

    A voice for another model is left out if a later library has the name for this one, because a
    script gets that one.
    on_error: is called for every voice that cannot be read.
    """
    rows: dict[str, ListedVoice] = {}
    for library in sources.libraries:
        for voice in library.voices.readable(on_error):
            known = rows.get(voice.name)
            if known is None or known.prompt is None:
                row = _listed(voice, sources, is_bundled=library is not sources.own)
                if known is None or row.prompt is not None:
                    rows.pop(voice.name, None)
                    rows[voice.name] = row
    yield from rows.values()


def _listed(voice: Voice, sources: VoiceSources, *, is_bundled: bool) -> ListedVoice:
    prompt = sources.stored_prompt(voice)
    sample = bundled_recordings() / f"{voice.name}.wav"
    return ListedVoice(
        voice.name,
        "bundled" if is_bundled else "prepared" if prompt else "for another model",
        _language(voice),
        NO_PERSON if is_bundled else voice.consent,
        sample if is_bundled and sample.is_file() else None,
        prompt,
    )


def _language(voice: Voice) -> str:
    dialect = dialect_of(voice.dialect_prompt)
    language = main_language(voice.transcript)
    return f"{language} ({dialect.name})" if dialect else language
