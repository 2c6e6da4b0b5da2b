"""What would be spoken: turns, voices, lengths and warnings, without weights and without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import warn, warn_once
from podtts.errors import InputError

if TYPE_CHECKING:
    from podtts.script.cast import CastMember
    from podtts.script.model import Script
    from podtts.values import Turn

_EXCERPT = 60  # characters of a turn in the table


@dataclass(frozen=True)
class PreviewSpeaker:
    """A speaker of the script and what is known of the voice."""

    label: str
    voice: str
    state: str  # cached; to prepare: there is a recording; missing
    rate: float
    error: InputError | None  # why it is missing

    def __str__(self) -> str:
        rate = "" if self.rate == 1.0 else f", rate {self.rate:g}"
        return f"{self.voice}{rate} ({self.state})"


@dataclass(frozen=True)
class Preview:
    """A script as it will be spoken, by whom, and what is worth a look."""

    script: Script
    cast: Sequence[PreviewSpeaker]
    warnings: Sequence[str]
    refused: Sequence[InputError]  # what the checkpoint cannot speak

    def seconds(self, turn: Turn) -> float:
        """Roughly how long a turn takes, without the pause before it."""
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
                    "label": part.label,
                    "voice": part.voice,
                    "state": part.state,
                    "rate": part.rate,
                    "problem": part.error.problem if part.error else None,
                }
                for part in self.cast
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
                {"title": one.title, "turn": one.turn + 1, "line": one.line}
                for one in script.chapters
            ],
            "warnings": list(self.warnings),
            "problems": [error.problem for error in self.refused],
        }


def make_preview(
    script: Script,
    overrides: Mapping[str, str],
    directory: Path,
    root: Path,
    speakers: Path | None,
) -> Preview:
    """Find out what speaking a script with a model would need. `overrides`: label to voice.

    Raises ModelError for a model that is not whole, UsageError for a label the script has not.
    """
    from podtts.engine.compatibility import TagCheck
    from podtts.hub.bundled import bundled_model
    from podtts.script.cast import cast_voices
    from podtts.script.preflight import preflight
    from podtts.text.languages import has_han
    from podtts.text.tags import dialect_of
    from podtts.weights.voices import checkpoint_voices

    sources = checkpoint_voices(directory, root, speakers, warn_once)
    warnings = [*script.warnings, *preflight(script)]
    is_foreign = any(has_han(turn.text) or dialect_of(turn.text) for turn in script.turns)
    if directory == bundled_model() and is_foreign:
        warnings.append(f"{script.source}: mini, the bundled model, speaks English alone")

    texts: dict[str, str] = {}  # what is written of the voices

    def part(member: CastMember) -> PreviewSpeaker:
        from podtts.prompts.folder import RecordingFile

        state, error = "cached", None
        try:
            source = sources.find(script, member)
            if isinstance(source, RecordingFile) and not sources.is_prepared(source):
                state = "to prepare"
            voice = source if isinstance(source, RecordingFile) else source.voice
            texts[voice.name] = (voice.transcript or "") + (voice.dialect_prompt or "")
        except InputError as problem:
            state, error = "missing", problem
        rate = script.rates.get(member.label, 1.0)
        return PreviewSpeaker(member.label, member.voice, state, rate, error)

    cast = [part(member) for member in cast_voices(script, overrides)]
    return Preview(script, cast, warnings, TagCheck(directory).problems(script, texts))


def show_preview(plan: Preview, *, spoken: bool = False, as_json: bool = False) -> None:
    """Print a plan; raises what `synth` would raise of its tags and voices when all is printed.

    spoken: whole turns as the model gets them, in place of excerpts as written.
    """
    if as_json:
        print(json.dumps(plan.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in _table(plan, spoken=spoken):
            print(line)
        for warning in plan.warnings:
            warn(warning)
        for error in plan.refused[1:]:
            warn(error.problem)
    for refused in (*plan.refused, *(part.error for part in plan.cast)):
        if refused:
            raise refused


def _table(plan: Preview, *, spoken: bool) -> Iterator[str]:
    from podtts.text.characters import excerpt

    rows = [("turn", "line", "speaker", "voice", "about", "text")]
    for number, turn in enumerate(plan.script.turns, 1):
        part = plan.cast[turn.speaker]
        text = turn.text if spoken else excerpt(turn.shown, _EXCERPT)
        before = f"[pause {turn.pause:g}] " if turn.pause else "… " if turn.continues else ""
        seconds = f"{plan.seconds(turn):.1f} s"
        rows.append((str(number), str(turn.line), part.label, str(part), seconds, before + text))
    yield from _columns(rows)
    count, total = len(plan.script.turns), plan.total_seconds
    length = f"{total:.0f} s" if total < 60 else f"{total / 60:.1f} minutes"
    yield f"{_counted(count, 'turn')}{_chapters(plan.script)}, about {length}"


def _chapters(script: Script) -> str:
    return f" in {_counted(len(script.chapters), 'chapter')}" if script.chapters else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns aligned, numbers on the right; the last column is left as it is."""
    from rich.cells import cell_len  # Chinese characters are two columns wide

    widths = [max(map(cell_len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        cells = []
        for cell, width, right in zip(row, widths, (True, True, False, False, True), strict=False):
            room = " " * (width - cell_len(cell))
            cells.append(room + cell if right else cell + room)
        yield "  ".join([*cells, row[-1]])
