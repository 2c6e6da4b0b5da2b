"""Whether a checkpoint can synthesize a script with its prompts; checked before any work is done.

Tags are checked without torch and without weights: the tokenizer alone decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import InputError, ModelError, ScriptError, VoiceError
from podtts.llm.tokenizer import Encode, is_token, quick_encode
from podtts.script.model import Script
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, Tag

if TYPE_CHECKING:
    from podtts.values import SpeakerPrompt
    from podtts.weights.load import Models

_TAGS = PARALINGUISTIC_TAGS + DIALECT_TAGS


def check_compatibility(models: Models, script: Script, prompts: Sequence[SpeakerPrompt]) -> None:
    """Raise InputError for prompts or tags that do not fit script or checkpoint."""
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
    for error in turns_with(unknown, script):
        raise error
    for prompt in prompts:
        for voice in voice_with(unknown, prompt.name, prompt.transcript + prompt.dialect_prompt):
            raise voice


class TagCheck:
    """Finds the tags that a checkpoint's tokenizer.json does not know, before weights are loaded.

    It finds none where that file does not say it all: `check_compatibility` finds them then.
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
        used = [tag for tag in _TAGS if tag.token in together]
        if not used or (encode := self._encode) is None:
            return []
        unknown = [tag for tag in used if not is_token(encode, tag.token)]
        problems: list[InputError] = [*turns_with(unknown, script)]
        for name, texts in voices.items():
            problems += voice_with(unknown, name, texts)
        return problems

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


def _would_be_read(tag: Tag) -> tuple[str, str]:
    """What is wrong with an unknown tag, and what to do next."""
    problem = f"this checkpoint does not know {tag.token} and would read it aloud"
    if tag in DIALECT_TAGS:
        return problem, "dialects need the checkpoint soulx-podcast-1.7b-dialect"
    return problem, "leave it out, or choose another --model"
