"""A preview of a script: turns, voices, lengths and warnings, without weights and torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import warn, warn_once
from podtts.cli.voice_offer import offer_of_voices
from podtts.errors import InputError
from podtts.text.counting import counted

if TYPE_CHECKING:
    from podtts.script.cast import CastMember
    from podtts.script.model import Script
    from podtts.values import Turn

_EXCERPT = 60  # characters of a turn in the table
_SPOKEN = "= "  # before the form that is spoken, below the one that is written


@dataclass(frozen=True)
class PreviewSpeaker:
    """A speaker of the script, and whether the voice is available."""

    label: str
    voice: str
    state: str  # cached, to prepare (there is a recording) or missing
    rate: float
    error: InputError | None  # why the voice is missing

    def __str__(self) -> str:
        rate = "" if self.rate == 1.0 else f", rate {self.rate:g}"
        return f"{self.voice}{rate} ({self.state})"


@dataclass(frozen=True)
class Preview:
    """What would be synthesized for a script, and what may go wrong."""

    script: Script
    cast: Sequence[PreviewSpeaker]
    warnings: Sequence[str]
    errors: Sequence[InputError]  # tags in turns or voices that the checkpoint does not know
    offer: InputError | None  # labels such as S1 that nothing maps, and voices to give them

    def seconds(self, turn: Turn) -> float:
        """Return the estimated length of a turn, without the pause before it."""
        from podtts.text.length import expected_seconds

        return expected_seconds(turn.text) / self.cast[turn.speaker].rate

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds(turn) + turn.pause for turn in self.script.turns)

    def as_json(self) -> dict[str, Any]:
        script = self.script
        return {
            "script": script.source,
            "seconds": round(self.total_seconds, 1),
            "speakers": [
                {
                    "label": speaker.label,
                    "voice": speaker.voice,
                    "state": speaker.state,
                    "rate": speaker.rate,
                    "problem": speaker.error.problem if speaker.error else None,
                }
                for speaker in self.cast
            ],
            "turns": [
                {
                    "number": number,
                    "line": turn.line,
                    "speaker": script.labels[turn.speaker],
                    "continues": turn.continues,
                    "pause": turn.pause,
                    "seconds": round(self.seconds(turn), 1),
                    "written": turn.shown,
                    "spoken": turn.text,
                }
                for number, turn in enumerate(script.turns, 1)
            ],
            "chapters": [
                {"title": chapter.title, "turn": chapter.turn + 1, "line": chapter.line}
                for chapter in script.chapters
            ],
            "warnings": list(self.warnings),
            "problems": [error.problem for error in self.errors],
        }


def make_preview(
    script: Script,
    overrides: Mapping[str, str],
    directory: Path,
    root: Path,
    speakers: Path | None,
) -> Preview:
    """Return the preview of a script with a checkpoint. Reads voices, and tags of the tokenizer.

    overrides: voices by label, as of --speaker. root: folder of the cache. speakers: folder of
    recordings. Raises ModelError for an incomplete checkpoint, UsageError for a label that the
    script does not have.
    """
    from podtts.engine.compatibility import TextCheck
    from podtts.script.cast import cast_voices
    from podtts.script.preflight import script_warnings
    from podtts.weights.voices import checkpoint_voices

    sources = checkpoint_voices(directory, root, speakers, warn_once)
    texts: dict[str, str] = {}  # transcript and dialect prompt of each voice

    def find_speaker(member: CastMember) -> PreviewSpeaker:
        from podtts.prompts.recording_files import RecordingFile

        state, error, name = "cached", None, member.voice
        try:
            source = sources.find(script, member)
            if isinstance(source, RecordingFile) and not sources.is_prepared(source):
                state = "to prepare"
            voice = source if isinstance(source, RecordingFile) else source.voice
            name = voice.name
            texts[name] = (voice.transcript or "") + (voice.dialect_prompt or "")
        except InputError as problem:
            state, error = "missing", problem
        rate = script.rates.get(member.label, 1.0)
        return PreviewSpeaker(member.label, name, state, rate, error)

    cast = [find_speaker(member) for member in cast_voices(script, overrides)]
    warnings = script_warnings(script, directory)
    errors = TextCheck(directory).problems(script, texts)
    return Preview(script, cast, warnings, errors, offer_of_voices(script, overrides, sources))


def show_preview(preview: Preview, *, full_text: bool = False, as_json: bool = False) -> None:
    """Print a preview; then raise the error that `synth` would raise for its tags and voices.

    full_text: print the whole text of every turn in place of an excerpt; where it is spoken
    otherwise, both forms, with the differences marked.
    """
    if as_json:
        print(json.dumps(preview.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in _table(preview, full_text=full_text):
            print(line)
        for warning in preview.warnings:
            warn(warning)
        for error in preview.errors[1:]:
            warn(error.problem)
    voices = (speaker.error for speaker in preview.cast)
    for first in (*preview.errors, preview.offer, *voices):
        if first:
            raise first


def _table(preview: Preview, *, full_text: bool) -> Iterator[str]:
    from podtts.text.changes import mark_changes
    from podtts.text.characters import excerpt

    rows = [("turn", "line", "speaker", "voice", "about", "text")]
    for number, turn in enumerate(preview.script.turns, 1):
        speaker = preview.cast[turn.speaker]
        text, spoken = turn.shown, ""
        if not full_text:
            text = excerpt(text, _EXCERPT)
        elif text != turn.text:
            text, spoken = mark_changes(text, turn.text)
        before = f"[pause {turn.pause:g}] " if turn.pause else "… " if turn.continues else ""
        seconds = f"{preview.seconds(turn):.1f} s"
        rows.append(
            (str(number), str(turn.line), speaker.label, str(speaker), seconds, before + text)
        )
        if spoken:
            rows.append(("", "", "", "", "", f"{_SPOKEN}{spoken}"))
    yield from _columns(rows)
    count, total = len(preview.script.turns), preview.total_seconds
    length = f"{total:.0f} s" if total < 60 else f"{total / 60:.1f} minutes"
    yield f"{counted(count, 'turn')}{_chapters(preview.script)}, about {length}"


def _chapters(script: Script) -> str:
    return f" in {counted(len(script.chapters), 'chapter')}" if script.chapters else ""


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Align all columns but the last, those of numbers to the right."""
    from rich.cells import cell_len  # a Chinese character is two cells wide

    widths = [max(map(cell_len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        cells = []
        for cell, width, right in zip(row, widths, (True, True, False, False, True), strict=False):
            padding = " " * (width - cell_len(cell))
            cells.append(padding + cell if right else cell + padding)
        yield "  ".join([*cells, row[-1]])
