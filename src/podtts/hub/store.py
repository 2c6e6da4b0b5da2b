"""Pulled models on this machine: where they stand, which there are, and what `--model` means.

`models_dir/NAME` is a finished model; it appears all at once. `models_dir/NAME.partial` is a
download that has not finished.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podtts.errors import ModelError, nearest
from podtts.hub.bundled import MINI, bundled_model
from podtts.hub.pull_record import PullRecord, read_record
from podtts.hub.registry import model_names

PARTIAL_SUFFIX = ".partial"
REPLACED_SUFFIX = ".replaced"  # the former model while a newer one takes its place


@dataclass(frozen=True)
class ModelRow:
    """What this machine has of one model."""

    name: str
    state: Literal["bundled", "pulled", "partial", "absent"]
    path: Path | None  # the model, or its unfinished download; None when absent
    revision: str | None  # commit; None when absent or put there by hand
    size_bytes: int  # on this disk
    total_bytes: int | None  # when finished; None when absent or put there by hand


def model_folder(models_dir: Path, name: str) -> Path:
    """Return where a finished model stands."""
    return models_dir / name


def partial_folder(models_dir: Path, name: str) -> Path:
    """Return where an unfinished download stands."""
    return models_dir / f"{name}{PARTIAL_SUFFIX}"


def pulled_records(models_dir: Path) -> Iterator[tuple[Path, PullRecord]]:
    """Yield every folder with a pull record, in the order of names; finished models or not."""
    if not models_dir.is_dir():
        return
    for folder in sorted(models_dir.iterdir()):
        if (record := read_record(folder)) is not None:
            yield folder, record


def list_models(models_dir: Path) -> list[ModelRow]:
    """A row for the bundled model and every published one, then for others in `models_dir`."""
    size = _bytes_below(bundled_model())
    rows = [ModelRow(MINI, "bundled", bundled_model(), None, size, total_bytes=None)]
    rows += [_row(models_dir, name) for name in model_names()]
    others = (
        folder.name
        for folder, _ in pulled_records(models_dir)
        if folder.name not in model_names()
        and folder.suffix not in (PARTIAL_SUFFIX, REPLACED_SUFFIX)
    )
    return rows + [_row(models_dir, name) for name in others]


def resolve_model(value: str, models_dir: Path) -> Path:
    """Return the checkpoint directory that `value` means: a model's name, else a directory.

    Raises ModelError for a published model that is not pulled, and for anything unknown.
    """
    if value == MINI:
        return bundled_model()
    pulled = model_folder(models_dir, value)
    if value in model_names():
        if pulled.is_dir():
            return pulled
        raise ModelError(f"{value} is not on this machine", hint=_how_to_pull(models_dir, value))
    if read_record(pulled) is not None:
        return pulled
    path = Path(value)
    if value and path.is_dir():
        return path
    if value and path.exists():
        raise ModelError(
            f"{value} is a file, not a checkpoint directory", hint="give the directory it stands in"
        )
    names = (MINI, *model_names())
    raise ModelError(
        f"no model or directory is called {value!r}{nearest(value, names)}",
        hint=f"give a checkpoint directory or one of: {', '.join(names)}",
    )


def _row(models_dir: Path, name: str) -> ModelRow:
    for state, folder in (
        ("pulled", model_folder(models_dir, name)),
        ("partial", partial_folder(models_dir, name)),
    ):
        if folder.is_dir():
            record = read_record(folder)
            return ModelRow(
                name,
                "pulled" if state == "pulled" else "partial",
                folder,
                revision=record.revision if record else None,
                size_bytes=_bytes_below(folder),
                total_bytes=record.total_bytes if record else None,
            )
    return ModelRow(name, "absent", None, revision=None, size_bytes=0, total_bytes=None)


def _how_to_pull(models_dir: Path, name: str) -> str:
    row = _row(models_dir, name)
    command = f"podtts model pull {name}"
    if row.state == "absent":
        return f"run: {command}"
    done = f"{row.size_bytes / 1e9:.1f}"
    total = f" of {row.total_bytes / 1e9:.1f}" if row.total_bytes else ""
    return f"its download stopped at {done}{total} GB; to go on, run: {command}"


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
