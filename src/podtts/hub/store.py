"""The models on this machine: where they are, how to list them, and how to find one by name.

`models_dir/NAME` is a complete model; it appears in one step. `models_dir/NAME.partial` is an
unfinished download.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podtts.errors import ModelError, nearest
from podtts.hub.bundled import MINI, bundled_model
from podtts.hub.pull_record import PullRecord, read_record
from podtts.hub.registry import model_names, recognizer_names

PARTIAL_SUFFIX = ".partial"
REPLACED_SUFFIX = ".replaced"  # the old model while a newer one replaces it


@dataclass(frozen=True)
class ModelRow:
    """The state of one model on this machine."""

    name: str
    state: Literal["bundled", "pulled", "partial", "absent"]
    path: Path | None  # the model, or its unfinished download; None when absent
    revision: str | None  # commit; None when absent or copied by hand
    size_bytes: int  # on this disk
    total_bytes: int | None  # of the complete model; None when absent or copied by hand


def model_folder(models_dir: Path, name: str) -> Path:
    """Return the folder of a complete model."""
    return models_dir / name


def partial_folder(models_dir: Path, name: str) -> Path:
    """Return the folder of an unfinished download."""
    return models_dir / f"{name}{PARTIAL_SUFFIX}"


def pulled_records(models_dir: Path) -> Iterator[tuple[Path, PullRecord]]:
    """Yield every folder with a pull record, complete or not, in order of their names."""
    if not models_dir.is_dir():
        return
    for folder in sorted(models_dir.iterdir()):
        if (record := read_record(folder)) is not None:
            yield folder, record


def list_models(models_dir: Path) -> list[ModelRow]:
    """Return a row for the bundled model, every published one, and others in `models_dir`."""
    size = _bytes_below(bundled_model())
    rows = [ModelRow(MINI, "bundled", bundled_model(), None, size, total_bytes=None)]
    published = (*model_names(), *recognizer_names())
    rows += [_row(models_dir, name) for name in published]
    others = (
        folder.name
        for folder, _ in pulled_records(models_dir)
        if folder.name not in published and folder.suffix not in (PARTIAL_SUFFIX, REPLACED_SUFFIX)
    )
    return rows + [_row(models_dir, name) for name in others]


def resolve_model(value: str, models_dir: Path) -> Path:
    """Return the checkpoint directory for the name of a model, or else for a path.

    Raises ModelError for a published model that is not pulled, for a recognizer, and for an unknown
    name.
    """
    if value == MINI:
        return bundled_model()
    if value in model_names():
        return _pulled(models_dir, value)
    if value in recognizer_names():
        raise ModelError(
            f"{value} hears and does not speak", hint=f"give it as --recognizer {value}"
        )
    pulled = model_folder(models_dir, value)
    if read_record(pulled) is not None:
        return pulled
    path = Path(value)
    if value and path.is_dir():
        return path
    if value and path.exists():
        raise ModelError(
            f"{value} is a file, not a checkpoint directory", hint="give the directory it is in"
        )
    names = (MINI, *model_names())
    raise ModelError(
        f"no model or directory is called {value!r}{nearest(value, names)}",
        hint=f"give a checkpoint directory or one of: {', '.join(names)}",
    )


def resolve_recognizer(value: str, models_dir: Path) -> Path:
    """Return the folder of a recognizer for its name, or else for a path.

    Raises ModelError for a published recognizer that is not pulled, and for what is no folder.
    """
    if value in recognizer_names():
        return _pulled(models_dir, value)
    path = Path(value)
    if value and path.is_dir():
        return path
    raise ModelError(
        f"no recognizer or folder is called {value!r}{nearest(value, recognizer_names())}",
        hint=f"give a folder or one of: {', '.join(recognizer_names())}",
    )


def _pulled(models_dir: Path, name: str) -> Path:
    """Return the folder of a published model. Raises ModelError if it is not pulled."""
    folder = model_folder(models_dir, name)
    if folder.is_dir():
        return folder
    raise ModelError(f"{name} is not on this machine", hint=_pull_hint(models_dir, name))


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


def _pull_hint(models_dir: Path, name: str) -> str:
    row = _row(models_dir, name)
    command = f"podtts model pull {name}"
    if row.state == "absent":
        return f"run: {command}"
    done = f"{row.size_bytes / 1e9:.1f}"
    total = f" of {row.total_bytes / 1e9:.1f}" if row.total_bytes else ""
    return f"its download stopped at {done}{total} GB; to continue it, run: {command}"


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
