"""The prompt encoders of a checkpoint folder."""

from pathlib import Path

from podtts.errors import ModelError
from podtts.prompts.encoders import PromptEncoders
from podtts.weights.files import SPEAKER_ENCODER_FILE, SPEECH_TOKENIZER_FILE


def checkpoint_encoders(directory: Path) -> PromptEncoders:
    """Return the encoders of a checkpoint; neither is loaded before it is used.

    Raises ModelError naming a file that is not there.
    """
    for name in (SPEECH_TOKENIZER_FILE, SPEAKER_ENCODER_FILE):
        if not (directory / name).is_file():
            raise ModelError(
                f"{directory / name} is missing",
                "the folder should hold a whole checkpoint, as after: podtts model pull NAME",
            )
    return PromptEncoders(directory / SPEECH_TOKENIZER_FILE, directory / SPEAKER_ENCODER_FILE)
