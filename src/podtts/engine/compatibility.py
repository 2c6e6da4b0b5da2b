"""Whether a checkpoint can synthesize a script with its prompts; checked before any work is done.

Texts are checked without torch and without weights: the tokenizer alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import InputError, ModelError, ScriptError, VoiceError
from podtts.llm.tokenizer import Encode, is_token, load_encode, quick_encode
from podtts.options import MAX_TEXT_TOKENS
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, Tag

if TYPE_CHECKING:
    from podtts.values import SpeakerPrompt
    from podtts.weights.load import Models

_TAGS = PARALINGUISTIC_TAGS + DIALECT_TAGS
_SPLIT = "split it into several turns, or give a long word spaces"


def check_compatibility(models: Models, script: Script, prompts: Sequence[SpeakerPrompt]) -> None:
    """Raise InputError for prompts or texts that do not fit script or checkpoint."""
    if len(prompts) != len(script.labels):
        raise InputError(f"{len(script.labels)} speakers, but {len(prompts)} prompts")
    flow = models.flow.config
    for prompt in prompts:
        features = prompt.features
        if int(features.speech_tokens.max()) >= flow.vocabulary:
            raise ModelError(
                f"the prompt of {prompt.name} holds speech token "
                f"{int(features.speech_tokens.max())}, beyond this checkpoint's "
                f"{flow.vocabulary}"
            )
        if len(features.speaker_embedding) != flow.speaker_embedding_size:
            raise ModelError(
                f"the speaker embedding of {prompt.name} has "
                f"{len(features.speaker_embedding)} numbers, but this checkpoint's flow takes "
                f"{flow.speaker_embedding_size}"
            )
    encode = models.template.encode
    unknown = tuple(tag for tag in _TAGS if not is_token(encode, tag.token))
    for error in (*turns_with(unknown, script), *long_turns(lambda: encode, script)):
        raise error
    for prompt in prompts:
        texts = prompt.transcript + prompt.dialect_prompt
        for voice in voice_with(unknown, prompt.name, texts):
            raise voice
        for voice in long_texts(lambda: encode, prompt.name, texts):
            raise voice


class TextCheck:
    """Finds tags that a checkpoint's tokenizer.json does not know, and texts that are too long.

    It finds no tags where that file does not say it all: `check_compatibility` finds them then.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def problems(self, script: Script, voices: Mapping[str, str] | None = None) -> list[InputError]:
        """Return what is wrong with a script's lines, and with the texts of its voices.

        voices: transcript and dialect prompt by the voice's name.
        Raises ModelError for a damaged file.
        """
        voices = voices or {}
        together = "".join([*(turn.text for turn in script.turns), *voices.values()])
        unknown = self._unknown(tag for tag in _TAGS if tag.token in together)
        problems: list[InputError] = [*turns_with(unknown, script)]
        problems += long_turns(self._any_encode, script)
        for name, texts in voices.items():
            problems += voice_with(unknown, name, texts)
            problems += long_texts(self._any_encode, name, texts)
        return problems

    def _unknown(self, used: Iterable[Tag]) -> Sequence[Tag]:
        tags = list(used)
        if not tags or (encode := self._encode) is None:
            return []
        return [tag for tag in tags if not is_token(encode, tag.token)]

    def _any_encode(self) -> Encode:
        return self._encode or load_encode(self._directory)

    @cached_property
    def _encode(self) -> Encode | None:
        return quick_encode(self._directory)


def turns_with(unknown: Sequence[Tag], script: Script) -> Iterator[ScriptError]:
    """Yield what is wrong with every line that has one of the tags."""
    lines = dict.fromkeys(
        (turn.line, tag) for turn in script.turns for tag in unknown if tag.token in turn.text
    )
    for line, tag in lines:
        yield ScriptError(script.source, line, *_would_be_read(tag))


def voice_with(unknown: Sequence[Tag], name: str, texts: str) -> Iterator[VoiceError]:
    """Yield what is wrong with a voice whose transcript or dialect prompt has one of the tags."""
    for tag in unknown:
        if tag.token in texts:
            problem, hint = _would_be_read(tag)
            yield VoiceError(f"the texts of voice {name}: {problem}", hint)


def long_turns(encode: Callable[[], Encode], script: Script) -> Iterator[ScriptError]:
    """Yield what is wrong with every turn whose text is too long. encode: opens the tokenizer."""
    for turn in script.turns:
        if (count := _excess_tokens(encode, turn.text)) is not None:
            yield ScriptError(script.source, turn.line, _too_long("this turn", count), _SPLIT)


def long_texts(encode: Callable[[], Encode], name: str, texts: str) -> Iterator[VoiceError]:
    """Yield what is wrong with a voice whose transcript and dialect prompt are too long."""
    if (count := _excess_tokens(encode, texts)) is not None:
        yield VoiceError(_too_long(f"the transcript of voice {name}", count), "shorten it")


def _excess_tokens(encode: Callable[[], Encode], text: str) -> int | None:
    """How many tokens a text has, if it has too many."""
    if len(text.encode()) <= MAX_TEXT_TOKENS:  # a token is a byte or more
        return None
    count = len(encode()(normalize_text(text)))
    return count if count > MAX_TEXT_TOKENS else None


def _too_long(what: str, count: int) -> str:
    return f"{what} has {count} text tokens, more than {MAX_TEXT_TOKENS}"


def _would_be_read(tag: Tag) -> tuple[str, str]:
    """What is wrong with an unknown tag, and what to do next."""
    problem = f"this checkpoint does not know {tag.token} and would read it aloud"
    if tag in DIALECT_TAGS:
        return problem, "dialects need the checkpoint soulx-podcast-1.7b-dialect"
    return problem, "leave it out, or choose another --model"
