"""Decodes what is selected of a recording, and says what that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from podtts.audio.best_stretch import best_stretch
from podtts.audio.decoder import AudioDecoder, Excerpt
from podtts.audio.edge_silence import without_edge_silence
from podtts.audio.io import Recording, decode_audio
from podtts.audio.strict_decoding import TooLongError
from podtts.errors import AudioError
from podtts.prompts.selection import LONGEST_SOURCE_SECONDS, Selection
from podtts.rates import MAX_PROMPT_SECONDS
from podtts.text.clock_times import written_time


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class SelectedRecording:
    """What was selected, and a message for everything that was left out."""

    recording: Recording
    notes: tuple[str, ...]


def decode_selection(
    raw: bytes, source: str, selection: Selection, decoder: AudioDecoder
) -> SelectedRecording:
    """Decode what is selected of a file.

    Raises AudioError as `decode_audio` does; for a recording that is longer than a prompt may be,
    its message proposes the best stretch.
    """
    excerpt = Excerpt(selection.start_seconds, selection.stop_seconds)
    try:
        recording = decode_audio(raw, source, decoder, excerpt, selection.longest_seconds)
    except TooLongError as error:
        if selection.takes_best:
            raise
        raise with_proposal(error, raw, source, selection, decoder) from error
    notes = [f"uses {recording.channels_used}"] if recording.channels_used else []
    if selection.takes_best and recording.seconds > MAX_PROMPT_SECONDS:
        stretch = best_stretch(recording)
        if stretch is None:
            raise AudioError(
                source, "has no stretch of speech between pauses", "choose one: --from and --to"
            )
        recording = _part(recording, *stretch)
        start, stop = (selection.start_seconds + seconds for seconds in stretch)
        notes.append(
            f"uses {written_time(start)} to {written_time(stop)}; its transcript must have the "
            "words of this part alone"
        )
    if selection.trims:
        trimmed = without_edge_silence(recording)
        removed = recording.seconds - trimmed.seconds
        if removed:
            notes.append(f"{removed:.1f} s of silence at its ends are left out")
        recording = trimmed
    return SelectedRecording(recording, tuple(notes))


def with_proposal(
    error: TooLongError, raw: bytes, source: str, selection: Selection, decoder: AudioDecoder
) -> AudioError:
    """Return the error for a recording that is too long, with its best stretch if it has one."""
    excerpt = Excerpt(selection.start_seconds, selection.stop_seconds)
    try:
        recording = decode_audio(raw, source, decoder, excerpt, LONGEST_SOURCE_SECONDS)
    except AudioError:
        return AudioError(source, _problem(error, source), "cut it: --from 0:12 --to 0:24")
    if (stretch := best_stretch(recording)) is None:
        return error
    start, stop = (written_time(selection.start_seconds + seconds) for seconds in stretch)
    return AudioError(
        source,
        _problem(error, source),
        f"its best stretch is {start} to {stop}: write the words of this part to its transcript, "
        f"then add --from {start} --to {stop}, or --auto-trim",
    )


def _problem(error: TooLongError, source: str) -> str:
    return error.problem.removeprefix(f"{source}: ")


def _part(recording: Recording, start: float, stop: float) -> Recording:
    first, last = (round(seconds * recording.rate_hz) for seconds in (start, stop))
    return replace(recording, wave=recording.wave[first:last])
