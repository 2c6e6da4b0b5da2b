"""Voices that clients upload: prepared as `podtts prep` does, and never without consent."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.errors import PodttsError, VoiceError
from podtts.prompts.lookup import VoiceSources
from podtts.prompts.maintenance import clear_prefixes
from podtts.prompts.prepare import Prepared, prepare
from podtts.prompts.recording_files import RecordingFile
from podtts.prompts.voices import forget_voice
from podtts.serve.api_error import ApiError, refused, stopping

# A path is only ever made from a name of this kind: no separators, no dots.
_NAME = re.compile(r"[\w-]{1,32}")
_LONGEST_TEXT = 10_000  # characters of a transcript, a dialect prompt, or a note on consent


@dataclass(frozen=True)
class VoiceUpload:
    """A recording with its texts, as a client sent it. Raises ApiError for what is missing.

    name: of the voice. consent: what is known of the consent of the person.
    """

    name: str
    recording: bytes
    transcript: str
    consent: str
    dialect_prompt: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise refused(
                "a name has 1 to 32 letters, digits, underscores or hyphens", "name", "bad_name"
            )
        if not self.consent.strip():
            raise refused(
                "say who agreed to this use of the voice, and when: a voice is a person",
                "consent",
                "no_consent",
            )
        if not self.transcript.strip():
            raise refused("the model needs the words of the recording", "transcript")
        for param in ("transcript", "consent", "dialect_prompt"):
            if len(getattr(self, param)) > _LONGEST_TEXT:
                raise refused(f"it has more than {_LONGEST_TEXT} characters", param)
        if not self.recording:
            raise refused("the recording is empty", "audio_sample")


def add_voice(upload: VoiceUpload, sources: VoiceSources, cancellation: Cancellation) -> Prepared:
    """Prepare a voice and store it. Nothing is stored for a recording that cannot be used.

    The recording is decoded in a process of its own and then forgotten.
    Raises ApiError, also when somebody cancels the work.
    """
    try:
        with cancelled_by(cancellation):
            return _add_voice(upload, sources)
    except Cancelled:
        raise stopping(0) from None


def _add_voice(upload: VoiceUpload, sources: VoiceSources) -> Prepared:
    if upload.name in known_names(sources):
        raise ApiError(
            409, f"there is a voice {upload.name}; delete it first", param="name", code="exists"
        )
    with tempfile.TemporaryDirectory(prefix="podtts-upload-") as folder:
        path = Path(folder, "recording")
        path.write_bytes(upload.recording)
        recording = RecordingFile(
            path,
            upload.name,
            upload.transcript.strip(),
            upload.dialect_prompt.strip(),
            " ".join(upload.consent.split()),
        )
        own = sources.own
        try:
            return prepare(recording, sources.encoders, own.cache, own.voices)
        except PodttsError as error:
            raise _without_path(error, path) from None


def remove_voice(name: str, sources: VoiceSources) -> None:
    """Delete a voice with all that was computed of it. Raises ApiError."""
    own = sources.own
    if name not in own.voices.names():
        if name in known_names(sources):
            raise ApiError(403, f"the voice {name} comes with podtts", code="bundled_voice")
        raise ApiError(404, "there is no such voice", param="voice", code="voice_not_found")
    try:
        forget_voice(name, own.voices, own.cache)
    except VoiceError as error:
        raise ApiError.of(error) from None
    for _ in clear_prefixes(own.cache.root):
        pass


def known_names(sources: VoiceSources) -> set[str]:
    """The names of all voices."""
    return {name for library in sources.libraries for name in library.voices.names()}


def _without_path(error: PodttsError, path: Path) -> ApiError:
    """The answer for a recording, whose path on the server is nobody's business."""
    answer = ApiError.of(error, "audio_sample")
    answer.message = answer.message.replace(f"{path}", "the recording")
    return answer
