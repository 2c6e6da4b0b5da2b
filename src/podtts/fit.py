"""Whether a script and its prompts can be spoken with a checkpoint, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

from podtts.errors import InputError, ModelError, ScriptError
from podtts.llm.tokenizer import is_token
from podtts.script.model import Script
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS
from podtts.values import SpeakerPrompt
from podtts.weights.load import Models


def check_fit(models: Models, script: Script, prompts: Sequence[SpeakerPrompt]) -> None:
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
    texts = [(turn.line, turn.text) for turn in script.turns]
    texts += [(0, prompt.transcript + prompt.dialect_prompt) for prompt in prompts]
    unknown = [
        tag.token
        for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS
        if not is_token(models.template.encode, tag.token)
    ]
    for line, text in texts if unknown else ():
        if found := [tag for tag in unknown if tag in text]:
            raise ScriptError(
                script.source,
                line,
                f"this checkpoint does not know {found[0]} and would read it aloud",
                "dialects need the checkpoint soulx-podcast-1.7b-dialect",
            )
